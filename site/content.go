package site

import (
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/markup"
)

// filterTexts filters the texts of an edit by what their writer may.
func (e *PostEdit) filterTexts(who auth.Identity) {
	title := func(s string) string { return strings.TrimSpace(cleanText(s)) }
	text := func(s string) string { return markTargets(cleanText(s)) }
	if !who.Can(auth.UnfilteredHTML) {
		title = func(s string) string { return markup.Inline().Filter(strings.TrimSpace(cleanText(s))) }
		text = func(s string) string { return markTargets(markup.Post().Filter(cleanText(s))) }
	}
	// The caller's texts stay as they are: each pointer gets a text of its own.
	for _, change := range []struct {
		text   **string
		filter func(string) string
	}{{&e.Title, title}, {&e.Content, text}, {&e.Excerpt, text}, {&e.Name, cleanText}, {&e.Password, cleanText}} {
		if *change.text != nil {
			*change.text = new(change.filter(**change.text))
		}
	}
}

// markTargets adds rel="noopener" to links that open a window, whoever wrote them, as WordPress does when it stores a text:
// the page that opens there gets no hold of this one.
func markTargets(text string) string {
	return markup.AddRel(text, func(link markup.Link) []string {
		if link.Target {
			return []string{"noopener"}
		}
		return nil
	})
}

// cleanText takes out what no database and no XML can hold: invalid UTF-8 and NUL.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
