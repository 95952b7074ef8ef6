package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows how far a long command is: a bar on a terminal, a line every few seconds elsewhere.
type progress struct {
	w        io.Writer // nil: shows nothing
	terminal bool
	began    time.Time
	last     time.Time
}

// newProgress shows progress on w, or nothing when quiet.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, began: time.Now(), last: time.Now()}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if quiet {
		p.w = nil
	}
	return p
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 30
)

// update tells that done of all bytes are through, with so many items; all is -1 when it is unknown.
func (p *progress) update(done, all int64, items int) {
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if p.w == nil || time.Since(p.last) < every {
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
	speed := float64(items) / max(time.Since(p.began).Seconds(), 0.001)
	if !p.terminal {
		fmt.Fprintf(p.w, "%s%d items, %.0f a second\n", strings.TrimLeft(part, " "), items, speed)
		return
	}
	bar := ""
	if all > 0 {
		n := int(barWidth * done / all)
		bar = "[" + strings.Repeat("#", n) + strings.Repeat(".", barWidth-n) + "] "
	}
	fmt.Fprintf(p.w, "\r%s%s%d items, %.0f a second\x1b[K", bar, part, items, speed)
}

// end leaves the line of the bar.
func (p *progress) end() {
	if p.w != nil && p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
