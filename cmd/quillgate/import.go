package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/transfer"
)

type importCmd struct {
	File             string   `arg:"" help:"Site bundle (JSON) or WordPress export (WXR); - is the standard input."`
	Attachments      string   `help:"WordPress export: folder with the uploads of that site." placeholder:"FOLDER"`
	FetchAttachments bool     `help:"WordPress export: fetch uploads that are not in the folder from the addresses in the file, if these are public."`
	Author           []string `help:"WordPress export: import the posts of the first LOGIN as posts of the second, a user here. May be repeated." placeholder:"LOGIN=LOGIN"`
	Report           string   `help:"WordPress export: write what could not be imported to this file, one JSON object per line." placeholder:"FILE"`
	Quiet            bool     `help:"Do not show progress."`
	JSON             bool     `name:"json" help:"Print JSON."`
}

// Help is shown by quillgate import --help.
func (importCmd) Help() string {
	return `A bundle: users, terms, posts, pages, media, comments and options are imported with their ids, in one transaction: either all or nothing.

A WordPress export: terms, posts, pages, attachments, menus, custom fields and comments are imported, in small transactions. Existing objects stay unchanged. Objects keep their ids if these are free. Authors are matched by login; missing ones are created, without a password. If an import is interrupted, run the same command again to continue it.

A blog may come in several files, in any order, followed by newer exports, which add what is new. Post names from other programs become slugs, and the old names redirect to them. Texts show the imported files at their new addresses. Published posts with a future date are scheduled.

Importing the same file again changes nothing. Imports work before the first start and while the server runs.`
}

func (c *importCmd) Run(ctx context.Context, s *settings, out streams) error {
	file := out.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the file: %w", err)
		}
		defer f.Close()
		file = f
	}
	buffered := bufio.NewReaderSize(file, transfer.HeadSize)
	head, err := buffered.Peek(transfer.HeadSize)
	if err != nil && err != io.EOF {
		return fmt.Errorf("read %s: %w", c.File, err)
	}
	return withNewBlog(ctx, s, out, func(blog *server.Blog) error {
		if !transfer.IsWXR(head) {
			return c.load(ctx, blog, buffered, out)
		}
		if f, ok := file.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				if _, err := f.Seek(0, io.SeekStart); err != nil {
					return fmt.Errorf("read %s: %w", c.File, err)
				}
				return c.take(ctx, blog, f, info.Size(), out)
			}
		}
		return c.take(ctx, blog, buffered, -1, out)
	})
}

// load imports a bundle.
func (c *importCmd) load(ctx context.Context, blog *server.Blog, in io.Reader, out streams) error {
	if c.Attachments != "" || c.FetchAttachments || c.Report != "" || len(c.Author) > 0 {
		return usageError{errors.New("--attachments, --fetch-attachments, --author and --report are for WordPress exports, and this is a bundle")}
	}
	report, err := transfer.New(blog.Site).Import(ctx, in)
	if err != nil {
		return fmt.Errorf("import %s: %w", c.File, err)
	}
	if c.JSON {
		return writeJSON(out.out, report)
	}
	for _, note := range report.Notes {
		fmt.Fprintf(out.err, "Note: %s\n", note)
	}
	if report.Unchanged() {
		_, err = fmt.Fprintln(out.out, "Everything was already there.")
		return err
	}
	return printTallies(out.out, tallies{
		{"users", report.Users},
		{"terms", report.Terms},
		{"posts", report.Posts},
		{"comments", report.Comments},
		{"options", report.Options},
	})
}

// tallies are the kinds of objects that an import may bring, and what it did with them.
type tallies []struct {
	kind string
	transfer.Tally
}

// printTallies shows what an import did, a line for each kind of object.
func printTallies(w io.Writer, list tallies) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "IMPORTED\tADDED\tCHANGED\tAS BEFORE\t")
	for _, row := range list {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", row.kind, row.Added, row.Changed, row.Same)
	}
	return t.Flush()
}

// take imports an export of WordPress of so many bytes, -1 when that is unknown.
func (c *importCmd) take(ctx context.Context, blog *server.Blog, in io.Reader, size int64, out streams) error {
	authors, err := c.authors()
	if err != nil {
		return err
	}
	show := newProgress(out.err, c.Quiet || c.JSON)
	intake, err := transfer.New(blog.Site).ImportWXR(ctx, in, transfer.WXRConfig{
		Authors: authors, Folder: c.Attachments, Fetch: c.FetchAttachments, UserAgent: "quillgate/" + version,
		Progress: func(done int64, items int) { show.update(done, size, items) },
	})
	show.end()
	if err != nil {
		if intake != nil {
			return fmt.Errorf("import %s: %w; what came before it was imported, and the same command continues after it", c.File, err)
		}
		return fmt.Errorf("import %s: %w", c.File, err)
	}
	report := intake.Report()
	problems, err := c.problems(ctx, intake, out)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(out.out, struct {
			transfer.IntakeReport
			Problems map[string]int
		}{report, problems})
	}
	if err := c.tellOfAdministrators(ctx, blog, out); err != nil {
		return err
	}
	if report.Unchanged() {
		_, err = fmt.Fprintln(out.out, "Everything was already there.")
		return err
	}
	err = printTallies(out.out, tallies{{"users", report.Users}, {"terms", report.Terms}, {"posts", report.Posts}, {"comments", report.Comments}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out.out, "Files stored: %d\n", report.Files)
	return err
}

// tellOfAdministrators reminds of the one thing that an export of WordPress cannot bring.
func (c *importCmd) tellOfAdministrators(ctx context.Context, blog *server.Blog, out streams) error {
	n, err := blog.Users.Count(ctx, auth.Filter{Role: auth.Administrator})
	if err == nil && n == 0 {
		fmt.Fprintln(out.err, "There is no administrator yet. Run \"quillgate user set-role LOGIN administrator\" and \"quillgate user set-password LOGIN\".")
	}
	return err
}

// authors reads the flags that say who is who.
func (c *importCmd) authors() (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range c.Author {
		there, here, ok := strings.Cut(pair, "=")
		if !ok || there == "" || here == "" {
			return nil, usageError{fmt.Errorf("--author %q: it must be LOGIN=LOGIN", pair)}
		}
		out[there] = here
	}
	return out, nil
}

// problems tells what could not be taken: how often each, and all of them to the file that was asked for.
func (c *importCmd) problems(ctx context.Context, intake *transfer.Intake, out streams) (counts map[string]int, err error) {
	counts = map[string]int{}
	var list *os.File
	if c.Report != "" {
		if list, err = os.OpenFile(c.Report, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return nil, fmt.Errorf("write the report: %w", err)
		}
		defer func() { err = errors.Join(err, list.Close()) }()
	}
	var order []string
	err = intake.Problems(ctx, func(p transfer.Problem) error {
		words := "left out: "
		if p.Taken {
			words = "differs: "
		}
		words += p.Reason
		if counts[words]++; counts[words] == 1 {
			order = append(order, words)
		}
		if list == nil {
			return nil
		}
		return json.NewEncoder(list).Encode(p)
	})
	if err != nil || c.JSON {
		return counts, err
	}
	for _, words := range order {
		fmt.Fprintf(out.err, "%6d × %s\n", counts[words], words)
	}
	if len(order) > 0 && list == nil {
		fmt.Fprintln(out.err, "Use --report FILE to list each of them.")
	}
	return counts, nil
}
