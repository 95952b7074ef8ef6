package site

import (
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// filterTexts filters the texts of an edit according to the rights of its
// writer.
func (e *PostEdit) filterTexts(who auth.Identity) {
	title := func(s string) string { return strings.TrimSpace(database.CleanText(s)) }
	text := func(s string) string { return markTargets(database.CleanText(s)) }
	if !who.Can(auth.UnfilteredHTML) {
		title = func(s string) string { return markup.Inline().Filter(strings.TrimSpace(database.CleanText(s))) }
		text = func(s string) string { return markTargets(markup.Post().Filter(database.CleanText(s))) }
	}
	// The caller's texts stay unchanged: each pointer gets a new text.
	for _, change := range []struct {
		text   **string
		filter func(string) string
	}{{&e.Title, title}, {&e.Content, text}, {&e.Excerpt, text}, {&e.Name, database.CleanText}, {&e.Password, database.CleanText}} {
		if *change.text != nil {
			*change.text = new(change.filter(**change.text))
		}
	}
}

// markTargets adds rel="noopener" to links that open a window, whoever wrote
// them, as WordPress does when it stores a text, so that the opened page gets
// no access to this one.
func markTargets(text string) string {
	return markup.AddRel(text, func(link markup.Link) []string {
		if link.Target {
			return []string{"noopener"}
		}
		return nil
	})
}
