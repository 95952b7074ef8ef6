package main

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// settingGroup is a group of settings under its title in the help.
type settingGroup struct {
	title string
	flags []*kong.Flag
}

// settingGroups lists everything that a settings file can hold, in the order of
// the help.
func settingGroups(app *kong.Application) (groups []settingGroup) {
	add := func(f *kong.Flag) {
		for i := range groups {
			if groups[i].title == f.Group.Title {
				groups[i].flags = append(groups[i].flags, f)
				return
			}
		}
		groups = append(groups, settingGroup{f.Group.Title, []*kong.Flag{f}})
	}
	for _, f := range app.Flags {
		if f.Group != nil && f.Name != "config" {
			add(f)
		}
	}
	for _, c := range app.Children {
		for _, f := range c.Flags {
			if f.Tag.Has("file") {
				add(f)
			}
		}
	}
	return groups
}

// settingKey returns the name of a setting in the settings file.
func settingKey(f *kong.Flag) string {
	if key := f.Tag.Get("file"); key != "" {
		return key
	}
	return f.Name
}

// writeTemplate writes a settings file with all settings. Those that have their
// default are comments.
func writeTemplate(out io.Writer, app *kong.Application) error {
	w := bufio.NewWriter(out)
	fmt.Fprintln(w, "# Settings of quillgate; quillgate.toml(5) and docs/OPERATING.md explain them. \"quillgate check-config\" reports mistakes.")
	for _, g := range settingGroups(app) {
		fmt.Fprintf(w, "\n# --- %s ---\n", g.title)
		for _, f := range g.flags {
			fmt.Fprintln(w)
			writeComment(w, f.Help)
			mark, value := "", tomlOf(f.Target)
			if fmt.Sprint(f.Target.Interface()) == standard(f) {
				mark = "#"
				if f.HasDefault && strings.HasPrefix(value, `"`) {
					value = fmt.Sprintf("%q", f.Default) // 4320h, not 4320h0m0s
				}
			}
			fmt.Fprintf(w, "%s%s = %s\n", mark, settingKey(f), value)
		}
	}
	return w.Flush()
}

// standard returns the default of a setting as it is printed.
func standard(f *kong.Flag) string {
	v := reflect.New(f.Target.Type()).Elem()
	if f.HasDefault {
		if err := f.Parse(kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: f.Default}), v); err != nil {
			return ""
		}
	}
	return fmt.Sprint(v.Interface())
}

// tomlOf returns a value in TOML.
func tomlOf(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		var words []string
		for i := range v.Len() {
			words = append(words, tomlOf(v.Index(i)))
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	if _, named := v.Interface().(fmt.Stringer); named || v.Kind() == reflect.String {
		return fmt.Sprintf("%q", fmt.Sprint(v.Interface()))
	}
	return fmt.Sprint(v.Interface())
}

const commentWidth = 100

// writeComment writes a text as comment lines.
func writeComment(w io.Writer, text string) {
	length := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			fmt.Fprint(w, "# ", word)
			length = n
		case length+1+n > commentWidth:
			fmt.Fprint(w, "\n# ", word)
			length = n
		default:
			fmt.Fprint(w, " ", word)
			length += 1 + n
		}
	}
	fmt.Fprintln(w)
}
