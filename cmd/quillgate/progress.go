package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows the progress of a command that takes longer than a moment: a
// bar on a terminal, otherwise a line every few seconds. It is not safe for
// concurrent use.
type progress struct {
	w        io.Writer // nil: shows nothing
	things   string    // the items that are counted; empty: items
	terminal bool
	began    time.Time
	last     time.Time
}

// newProgress shows progress on w, or nothing when quiet.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, began: time.Now(), last: time.Now(), terminal: onTerminal(w)}
	if quiet {
		p.w = nil
	}
	return p
}

// onTerminal reports whether w is a terminal.
func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const (
	patience  = 2 * time.Second // shorter commands show nothing
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 30
)

// update records that done of all bytes are finished, with so many items; all
// is -1 if it is unknown. Without items, update shows bytes.
func (p *progress) update(done, all int64, items int) {
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if p.w == nil || time.Since(p.last) < every || time.Since(p.began) < patience {
		return
	}
	p.last = time.Now()
	p.print(done, all, items)
}

func (p *progress) print(done, all int64, items int) {
	part := ""
	if all > 0 {
		done = min(done, all)
		part = fmt.Sprintf("%3d%%  ", 100*done/all)
	}
	text := p.count(done, items)
	if !p.terminal {
		fmt.Fprintf(p.w, "%s%s\n", strings.TrimLeft(part, " "), text)
		return
	}
	bar := ""
	if all > 0 {
		n := int(barWidth * done / all)
		bar = "[" + strings.Repeat("#", n) + strings.Repeat(".", barWidth-n) + "] "
	}
	fmt.Fprintf(p.w, "\r%s%s%s\x1b[K", bar, part, text)
}

// count returns how much was done, and how fast.
func (p *progress) count(done int64, items int) string {
	seconds := max(time.Since(p.began).Seconds(), 0.001)
	if items < 0 {
		return fmt.Sprintf("%.1f MB, %.1f a second", float64(done)/1e6, float64(done)/1e6/seconds)
	}
	return fmt.Sprintf("%d %s, %.0f a second", items, cmp.Or(p.things, "items"), float64(items)/seconds)
}

// meter counts items whose total is unknown.
func (p *progress) meter(things string) func(int64) {
	p.things = things
	return func(n int64) { p.update(n, -1, int(n)) }
}

// counting passes on everything written to w, and shows the amount.
func (p *progress) counting(w io.Writer) io.Writer { return &counter{w: w, p: p} }

type counter struct {
	w io.Writer
	p *progress
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.p.update(c.n, -1, -1)
	return n, err
}

// end moves to the line after the bar.
func (p *progress) end() {
	if p.w != nil && p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
