package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

type manCmd struct {
	Page string `arg:"" optional:"" help:"Page to print: a command, or quillgate.toml for the settings. Default: the page of quillgate."`
	To   string `help:"Write all pages into this folder instead." type:"path" placeholder:"FOLDER"`
}

// Help is shown by quillgate man --help.
func (manCmd) Help() string {
	return `The pages are made from the commands and the settings. To read one that is not installed:

  quillgate man app | man -l -`
}

func (c *manCmd) Run(k *kong.Context, io streams) error {
	pages := manual(k.Model)
	if c.To != "" {
		if c.Page != "" {
			return usageError{errors.New("give a page or a folder, not both")}
		}
		if err := os.MkdirAll(c.To, 0o755); err != nil {
			return err
		}
		for _, p := range pages {
			if err := os.WriteFile(filepath.Join(c.To, p.file()), []byte(p.text), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range pages {
		if name := cmp.Or(c.Page, "quillgate"); p.name == name || p.name == "quillgate-"+name {
			_, err := fmt.Fprint(io.out, p.text)
			return err
		}
	}
	return usageError{fmt.Errorf("there is no page %q", c.Page)}
}

// page is one manual page in the macros of man(7).
type page struct {
	name    string
	section int
	text    string
}

func (p page) file() string { return fmt.Sprintf("%s.%d", p.name, p.section) }

// manual returns all pages: of the program, of each of its commands, and of the
// settings file.
func manual(app *kong.Application) []page {
	pages := []page{mainPage(app), settingsPage(app)}
	for _, c := range app.Children {
		if !c.Hidden {
			pages = append(pages, commandPage(c))
		}
	}
	return pages
}

func mainPage(app *kong.Application) page {
	p := newRoff("quillgate", 1, "a blog, a gateway and a local signer for publishing clients")
	p.macro("SH", "SYNOPSIS")
	p.line(`\fBquillgate\fR \fICOMMAND\fR [\fIFLAGS\fR]`)
	p.macro("SH", "DESCRIPTION")
	p.text(app.Help)
	p.macro("SH", "COMMANDS")
	for _, g := range commandGroups {
		p.macro("SS", strings.TrimSuffix(g.Title, ":"))
		for _, c := range app.Children {
			if !c.Hidden && c.Group != nil && c.Group.Key == g.Key {
				p.item(`\fBquillgate-`+escaped(c.Name)+`\fR(1)`, c.Help)
			}
		}
	}
	p.macro("SH", "SETTINGS")
	p.text("Every setting is a flag of all commands, a variable and a key of a settings file. quillgate.toml(5) lists them. The command line wins over the environment, the environment over the file, the file over the default.")
	for _, f := range app.Flags {
		if f.Group == nil || f.Group.Key == "Settings" {
			p.flag(f)
		}
	}
	p.macro("SH", "EXIT STATUS")
	for _, e := range exitStatuses {
		p.item(`\fB`+e.status+`\fR`, e.means)
	}
	p.macro("SH", "ENVIRONMENT")
	p.item(`\fBQUILLGATE_\fINAME\fR`, "The setting NAME, as quillgate.toml(5) lists them. QUILLGATE_DATABASE_FILE names a file that holds the value.")
	p.item(`\fBNO_COLOR\fR`, "If it is set and not empty, the output has no colors. Otherwise it has some on terminals.")
	p.macro("SH", "FILES")
	p.item(`\fI/etc/quillgate.toml\fR`, "The settings of the service that packages install.")
	p.item(`\fI/var/lib/quillgate\fR`, "Its data: the database, the keyset that decrypts all secrets, and the uploads.")
	p.macro("SH", "SEE ALSO")
	p.line(`\fBquillgate-serve\fR(1), \fBquillgate.toml\fR(5)`)
	return p.page()
}

func commandPage(c *kong.Node) page {
	p := newRoff("quillgate-"+c.Name, 1, strings.TrimSuffix(c.Help, "."))
	leaves := c.Leaves(true)
	p.macro("SH", "SYNOPSIS")
	if len(leaves) == 0 {
		leaves = []*kong.Node{c}
	}
	for i, l := range leaves {
		if i > 0 {
			p.macro("br")
		}
		p.line(escaped("quillgate " + l.Summary()))
	}
	p.macro("SH", "DESCRIPTION")
	p.text(c.Help)
	p.text(c.Detail)
	for _, l := range leaves {
		if l != c {
			p.macro("SS", "quillgate "+l.Path())
			p.text(l.Help)
			p.text(l.Detail)
		}
		for _, a := range l.Positional {
			p.item(`\fI`+escaped(a.Summary())+`\fR`, helpText(a))
		}
		for _, f := range l.Flags {
			if !f.Hidden && f.Name != "help" {
				p.flag(f)
			}
		}
	}
	if len(c.Children) > 0 && slices.ContainsFunc(c.Flags, func(f *kong.Flag) bool { return !f.Hidden }) {
		p.macro("SS", "All of them")
		for _, f := range c.Flags {
			if !f.Hidden {
				p.flag(f)
			}
		}
	}
	p.macro("SH", "SEE ALSO")
	p.line(`\fBquillgate\fR(1) for flags of all commands and exit statuses, \fBquillgate.toml\fR(5) for the settings`)
	return p.page()
}

func settingsPage(app *kong.Application) page {
	p := newRoff("quillgate.toml", 5, "settings of quillgate")
	p.macro("SH", "DESCRIPTION")
	p.text(`The file is TOML, and named by --config or QUILLGATE_CONFIG. Its keys are the names of the settings without their dashes: --tls-domain is tls-domain. Texts are in double quotes, and lists in square brackets. An unknown key is an error. "quillgate check-config" reports mistakes, and "quillgate check-config --template" prints a file with all settings.`)
	for _, group := range settingGroups(app) {
		p.macro("SH", strings.ToUpper(group.title))
		for _, f := range group.flags {
			p.item(`\fB`+escaped(settingKey(f))+`\fR`, helpText(f.Value))
		}
	}
	p.macro("SH", "SEE ALSO")
	p.line(`\fBquillgate\fR(1), \fBquillgate-check-config\fR(1)`)
	return p.page()
}

// roff writes a page.
type roff struct {
	p     page
	b     strings.Builder
	begun bool // a section has just begun, and with it a paragraph
}

func newRoff(name string, section int, summary string) *roff {
	r := &roff{p: page{name: name, section: section}}
	day := cmp.Or(date, time.Now().UTC().Format(time.DateOnly)) // release builds have a date
	r.line(fmt.Sprintf(`.TH "%s" "%d" "%s" "quillgate %s"`, escaped(strings.ToUpper(name)), section, day, escaped(version)))
	r.macro("SH", "NAME")
	r.line(escaped(name) + ` \- ` + escaped(summary))
	return r
}

func (r *roff) page() page {
	r.p.text = r.b.String()
	return r.p
}

func (r *roff) line(text string) {
	r.b.WriteString(text + "\n")
	r.begun = false
}

func (r *roff) macro(name string, arguments ...string) {
	r.b.WriteString("." + name)
	for _, a := range arguments {
		r.b.WriteString(` "` + strings.ReplaceAll(escaped(a), `"`, `\(dq`) + `"`)
	}
	r.line("")
	r.begun = name == "SH" || name == "SS"
}

// text writes paragraphs, which are separated by empty lines. Indented
// paragraphs are not filled.
func (r *roff) text(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		if paragraph == "" {
			continue
		}
		if !r.begun {
			r.macro("PP")
		}
		if strings.HasPrefix(paragraph, " ") || strings.HasPrefix(paragraph, "\t") {
			r.macro("nf")
			for line := range strings.Lines(paragraph) {
				r.line(`\&` + escaped(strings.TrimRight(line, "\n")))
			}
			r.macro("fi")
			continue
		}
		r.line(filled(paragraph))
	}
}

// item writes a term, which may change fonts, and its explanation.
func (r *roff) item(term, text string) {
	r.macro("TP")
	r.line(term)
	r.line(filled(text))
}

func (r *roff) flag(f *kong.Flag) {
	term := `\fB` + escaped("--"+f.Name) + `\fR`
	if f.Short != 0 {
		term = `\fB` + escaped("-"+string(f.Short)) + `\fR, ` + term
	}
	if !f.IsBool() && !f.IsCounter() {
		term += `=\fI` + escaped(f.FormatPlaceHolder()) + `\fR`
	}
	r.item(term, helpText(f.Value))
}

// filled returns a paragraph on one line.
func filled(text string) string { return escaped(strings.Join(strings.Fields(text), " ")) }

// escaped returns a text that roff does not read as requests, with dashes that
// can be copied.
func escaped(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
