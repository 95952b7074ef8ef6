package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/transfer"
)

type importCmd struct {
	Files            []string `arg:"" name:"file" help:"WordPress exports (.xml, .xml.gz or .zip), or one site bundle (JSON); - is the standard input."`
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

A blog may come in several files or in the ZIP archive of WordPress.com, in any order, followed by newer exports, which add what is new. Post names from other programs become slugs, and the old names redirect to them. The old addresses of posts, pages and files redirect, too. Texts show the imported files at their new addresses. Published posts with a future date are scheduled.

A blog that was empty gets the title, the tagline and the permalink structure of the imported one; for others the structure is proposed. The summary says what to do next, and docs/MOVING.md describes the whole move.

Importing the same file again changes nothing. Imports work before the first start and while the server runs.`
}

func (c *importCmd) Run(ctx context.Context, s *settings, out streams) (err error) {
	sources, err := c.open(out)
	defer func() {
		for _, source := range sources {
			err = errors.Join(err, source.Close())
		}
	}()
	if err != nil {
		return err
	}
	var exports []transfer.Export
	for _, source := range sources {
		if source.Bundle != nil && len(sources) > 1 {
			return usageError{fmt.Errorf("%s is a site bundle: import bundles one by one, without other files", source.Name)}
		}
		exports = append(exports, source.Exports...)
	}
	return withNewBlog(ctx, s, out, func(blog *server.Blog) error {
		if sources[0].Bundle != nil {
			return c.load(ctx, blog, sources[0], out)
		}
		return c.take(ctx, blog, exports, out)
	})
}

// open opens the files and identifies their formats, so that a mistake is
// reported before anything is imported.
func (c *importCmd) open(out streams) (list []*transfer.Source, err error) {
	for _, path := range c.Files {
		source, err := transfer.OpenSource(path, out.in)
		if err != nil {
			return list, err
		}
		list = append(list, source)
		if len(source.Ignored) > 0 && !c.Quiet {
			fmt.Fprintf(out.err, "Note: %s holds other files, which are left out: %s\n", source.Name, strings.Join(source.Ignored, ", "))
		}
	}
	return list, nil
}

// load imports a bundle.
func (c *importCmd) load(ctx context.Context, blog *server.Blog, source *transfer.Source, out streams) error {
	if c.Attachments != "" || c.FetchAttachments || c.Report != "" || len(c.Author) > 0 {
		return usageError{errors.New("--attachments, --fetch-attachments, --author and --report are for WordPress exports, and this is a bundle")}
	}
	report, err := transfer.New(blog.Site).Import(ctx, source.Bundle)
	if err != nil {
		return fmt.Errorf("import %s: %w", source.Name, err)
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

// tallies are the kinds of objects in an import, with the counts of each.
type tallies []struct {
	kind string
	transfer.Tally
}

// printTallies prints the counts of an import, one kind of object a line.
func printTallies(w io.Writer, list tallies) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "IMPORTED\tADDED\tCHANGED\tAS BEFORE\t")
	for _, row := range list {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", row.kind, row.Added, row.Changed, row.Same)
	}
	return t.Flush()
}

// take imports WordPress exports.
func (c *importCmd) take(ctx context.Context, blog *server.Blog, exports []transfer.Export, out streams) error {
	authors, err := c.authors()
	if err != nil {
		return err
	}
	var size int64
	for _, e := range exports {
		if size += e.Size; e.Size < 0 {
			size = -1
			break
		}
	}
	show := newProgress(out.err, c.Quiet || c.JSON)
	done, failed := transfer.New(blog.Site).ImportExports(ctx, exports, transfer.WXRConfig{
		Authors: authors, Folder: c.Attachments, Fetch: c.FetchAttachments, UserAgent: "quillgate/" + version,
		Progress: func(done int64, items int) { show.update(done, size, items) },
	})
	show.end()
	if failed != nil {
		if done != nil {
			return fmt.Errorf("%w; everything before it was imported, and the same command continues after it", failed)
		}
		return failed
	}
	settled, err := done.Settle(ctx)
	if err != nil {
		return err
	}
	report := done.Report()
	problems, err := c.problems(ctx, done, out)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(out.out, struct {
			transfer.IntakeReport
			Problems map[string]int
			Settled  transfer.Settled
		}{report, problems, settled})
	}
	if report.Unchanged() {
		if _, err := fmt.Fprintln(out.out, "Everything was already there."); err != nil {
			return err
		}
		return c.tellNext(ctx, blog, settled, problems, out)
	}
	err = printTallies(out.out, tallies{{"users", report.Users}, {"terms", report.Terms}, {"posts", report.Posts}, {"comments", report.Comments}})
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(out.out, "Files stored: %d\n", report.Files); err != nil {
		return err
	}
	return c.tellNext(ctx, blog, settled, problems, out)
}

// tellNext prints at the end of an import what was set, and what remains to be
// done.
func (c *importCmd) tellNext(ctx context.Context, blog *server.Blog, s transfer.Settled, problems map[string]int, out streams) error {
	steps, err := c.steps(ctx, blog, s)
	if err != nil {
		return err
	}
	if step := leftStep(problems); step != "" {
		steps = append(steps, step)
	}
	if s.Title != "" {
		fmt.Fprintf(out.out, "The title is now %q.\n", s.Title)
	}
	if s.Tagline != "" {
		fmt.Fprintf(out.out, "The tagline is now %q.\n", s.Tagline)
	}
	if s.Set {
		fmt.Fprintf(out.out, "Posts have addresses like %s, as before (%d of the newest %d keep theirs). Other old addresses redirect.\n", s.Structure, s.Kept, s.Posts)
	}
	if len(steps) == 0 {
		return nil
	}
	fmt.Fprintln(out.out, "\nWhat to do next:")
	for i, step := range steps {
		if _, err := fmt.Fprintf(out.out, "%2d. %s\n", i+1, step); err != nil {
			return err
		}
	}
	return nil
}

// leftStep returns the advice to look at objects that were left out, or "" if
// there are none.
func leftStep(problems map[string]int) string {
	left, differ := 0, 0
	for words, n := range problems {
		if strings.HasPrefix(words, leftOut) {
			left += n
		} else {
			differ += n
		}
	}
	var parts []string
	if left > 0 {
		parts = append(parts, counted(left, "object was left out", "objects were left out"))
	}
	if differ > 0 {
		parts = append(parts, counted(differ, "differs from the file", "differ from the file"))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", and ") + ": see above; --report FILE lists each."
}

// steps lists what remains to be done after an import.
func (c *importCmd) steps(ctx context.Context, blog *server.Blog, s transfer.Settled) (list []string, err error) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	administrators, err := blog.Users.Count(ctx, auth.Filter{Role: auth.Administrator})
	if err != nil {
		return nil, err
	}
	if administrators == 0 {
		add("There is no administrator yet. Run \"quillgate user set-role LOGIN administrator\" and \"quillgate user set-password LOGIN\".")
	}
	if s.Alone > 0 {
		add("%s no password yet. \"quillgate user set-up-link LOGIN\" prints a link for each, as an invitation does on the users page.", counted(s.Alone, "user has", "users have"))
	}
	if s.NotFound > 0 {
		add("%s not found. Run the same command with --attachments FOLDER, or with --fetch-attachments while the old blog is up.", counted(s.NotFound, "file was", "files were"))
	}
	switch {
	case s.Set || s.Posts == 0:
	case s.Structure != "":
		add("The old addresses were like %s. \"quillgate option set permalink_structure %s\" keeps them for %d of the newest %d posts; until then they redirect.", s.Structure, quoted(s.Structure), s.Kept, s.Posts)
	case !s.Plain:
		add("The old addresses have a form that cannot be set here; they redirect. \"quillgate option set permalink_structure '/%%year%%/%%monthnum%%/%%postname%%/'\" or another structure gives posts readable ones.")
	}
	if ahead := s.Offset.Round(15 * time.Minute); ahead != 0 && ahead.Abs() <= 14*time.Hour && !s.Zoned {
		add("The clock of the old blog was %+g hours from UTC. Set the time zone here: \"quillgate option set timezone_string Europe/Berlin\", for example.", ahead.Hours())
	}
	if here, there := hostOf(blog.Site.BaseURL()), hostOf(s.Home); there != "" && here != there {
		add("This blog is at %s, the old one was at %s. To take its address over, start the server with --base-url and that address, then point its DNS records here.", blog.Site.BaseURL(), s.Home)
	}
	return list, nil
}

// hostOf returns the host and port of an address, or "".
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// counted returns a number with the singular or the plural of a noun.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// authors reads the flags that map logins to logins.
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

// leftOut is the beginning of the message about an object that was left out.
const leftOut = "left out: "

// problems prints how often each problem occurred, and writes all of them to
// the report file if one was named.
func (c *importCmd) problems(ctx context.Context, done *transfer.Imported, out streams) (counts map[string]int, err error) {
	counts = map[string]int{}
	var list *os.File
	if c.Report != "" {
		if list, err = os.OpenFile(c.Report, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return nil, fmt.Errorf("write the report: %w", err)
		}
		defer func() { err = errors.Join(err, list.Close()) }()
	}
	var order []string
	err = done.Problems(ctx, func(p transfer.Problem) error {
		words := leftOut
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
