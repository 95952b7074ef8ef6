package main

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
)

type auditCmd struct {
	siteFlag

	List   auditListCmd   `cmd:"" help:"List audit lines, newest first."`
	Verify auditVerifyCmd `cmd:"" help:"Check that no line was changed, removed, inserted or cut off."`
	Export auditExportCmd `cmd:"" help:"Export the trail for other programs, oldest line first."`
	Prune  auditPruneCmd  `cmd:"" help:"Remove old lines; the rest can still be verified."`
}

// auditFilter are the flags that select lines.
type auditFilter struct {
	User  string `help:"Only lines about this user." placeholder:"LOGIN"`
	Kind  string `help:"Only events of this kind, such as app.created."`
	App   string `help:"Only actions taken with this application key." placeholder:"PUBLIC"`
	Since moment `help:"Not before this day or time (UTC), such as 2026-11-23 or 2026-11-23T12:00:00Z." placeholder:"TIME"`
	Until moment `help:"Before this day or time (UTC)." placeholder:"TIME"`
}

func (f *auditFilter) filter(ctx context.Context, keys *server.Keys) (audit.Filter, error) {
	out := audit.Filter{Kind: audit.Kind(f.Kind), App: f.App, Since: f.Since.Time, Until: f.Until.Time}
	if f.User != "" {
		user, err := userNamed(ctx, keys, f.User)
		if err != nil {
			return out, err
		}
		out.UserID = user.ID
	}
	return out, nil
}

// moment is a point in time, given as a day or in full.
type moment struct{ time.Time }

// UnmarshalText reads a day, which begins at midnight UTC, or a time in the
// form of RFC 3339.
func (m *moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			m.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is not a day such as 2026-11-23 or a time such as 2026-11-23T12:00:00Z", text)
}

// auditLine is a line as JSON shows it.
type auditLine struct {
	ID      int64             `json:"id"`
	At      time.Time         `json:"at"`
	Kind    string            `json:"kind"`
	User    int64             `json:"user"`
	Actor   int64             `json:"actor"`
	Via     string            `json:"via"`
	App     string            `json:"app"`
	Address string            `json:"address"`
	Agent   string            `json:"agent"`
	Detail  map[string]string `json:"detail"`
	Hash    string            `json:"hash"`
}

func showLine(l audit.Line) auditLine {
	out := auditLine{
		ID: l.ID, At: l.At, Kind: string(l.Kind), User: l.UserID, Actor: l.By.UserID, Via: l.By.Via, App: l.By.App,
		Agent: l.By.Agent, Detail: l.Detail, Hash: hex.EncodeToString(l.Hash),
	}
	if l.By.Addr.IsValid() {
		out.Address = l.By.Addr.String()
	}
	return out
}

// details returns the details of a line as one row of text.
func (l auditLine) details() string {
	text, err := plainJSON(l.Detail) // the members in order
	if err != nil || len(l.Detail) == 0 {
		return ""
	}
	return string(text)
}

type auditListCmd struct {
	auditFilter
	Limit int  `help:"Maximum number of lines." default:"100" placeholder:"N"`
	JSON  bool `name:"json" help:"Print JSON."`
}

func (c *auditListCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		list, err := c.list(ctx, keys)
		if err != nil {
			return err
		}
		heading := []any{"LINE", "TIME (UTC)", "EVENT", "USER", "BY", "ADDRESS", "DETAIL"}
		return tellList(io, list, c.JSON, heading, func(l auditLine) []any {
			by := l.Via
			if l.Actor != 0 {
				by = strconv.FormatInt(l.Actor, 10) + ", " + by
			}
			return []any{l.ID, l.At.Format(time.DateTime), l.Kind, l.User, by, l.Address, visibleText(l.details())}
		})
	})
}

func (c *auditListCmd) list(ctx context.Context, keys *server.Keys) ([]auditLine, error) {
	f, err := c.filter(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := []auditLine{}
	for len(out) < c.Limit {
		f.Limit = min(c.Limit-len(out), 1000)
		lines, err := audit.List(ctx, keys.DB, f)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			out = append(out, showLine(l))
		}
		if len(lines) < f.Limit {
			break
		}
		f.Before = lines[len(lines)-1].ID
	}
	return out, nil
}

type auditVerifyCmd struct {
	Expect string `help:"A line and its hash, noted earlier, that the trail must still contain." placeholder:"ID:HASH"`
	Quiet  bool   `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate audit verify --help.
func (auditVerifyCmd) Help() string {
	return `Each line holds a MAC over itself and the line before it, with a key from the keyset. Someone who can write
to the database but does not have the keyset cannot rewrite the trail, but can restore an older state of all
of it. From time to time, note the line and hash that this command prints in another place, and pass them to
--expect later.`
}

func (c *auditVerifyCmd) Run(ctx context.Context, s *settings, io streams) error {
	var expect *audit.Head
	if c.Expect != "" {
		head, err := audit.ParseHead(c.Expect)
		if err != nil {
			return usageError{fmt.Errorf("--expect: %w", err)}
		}
		expect = &head
	}
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		p := newProgress(io.err, c.Quiet)
		p.things = "lines"
		lines, head, err := audit.Verify(ctx, keys.DB, expect, func(done, all int64) { p.update(done, all, int(done)) })
		p.end()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "The audit trail is intact: %d lines. The last is %s\n", lines, head)
		return err
	})
}

type auditExportCmd struct {
	auditFilter
	Format string `help:"Format: ${enum}." enum:"jsonl,csv" default:"jsonl" placeholder:"FORM"`
}

func (c *auditExportCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		f, err := c.filter(ctx, keys)
		if err != nil {
			return err
		}
		if c.Format == "csv" {
			return exportCSV(ctx, keys, f, io.out)
		}
		e := json.NewEncoder(io.out)
		e.SetEscapeHTML(false)
		return audit.Each(ctx, keys.DB, f, func(l audit.Line) error { return e.Encode(showLine(l)) })
	})
}

func exportCSV(ctx context.Context, keys *server.Keys, f audit.Filter, w io.Writer) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"id", "at", "kind", "user", "actor", "via", "app", "address", "agent", "detail", "hash"})
	if err != nil {
		return err
	}
	err = audit.Each(ctx, keys.DB, f, func(line audit.Line) error {
		l := showLine(line)
		return out.Write([]string{
			strconv.FormatInt(l.ID, 10), l.At.Format(time.RFC3339Nano), l.Kind, strconv.FormatInt(l.User, 10),
			strconv.FormatInt(l.Actor, 10), l.Via, cell(l.App), l.Address, cell(l.Agent), l.details(), l.Hash,
		})
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

// cell keeps a spreadsheet from running text in the trail, which strangers can
// choose, as a formula.
func cell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
}

type auditPruneCmd struct {
	Before moment `help:"Remove lines older than this day or time (UTC)." required:"" placeholder:"TIME"`
}

func (c *auditPruneCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		gone, err := audit.Prune(ctx, keys.DB, audit.Operator, c.Before.Time)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "Removed %d lines.\n", gone)
		return err
	})
}
