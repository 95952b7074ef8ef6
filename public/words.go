package public

import (
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// speech is the language of the pages. Everything that a reader sees goes through its printer under the English text as
// the key, so another language is another set of entries in the catalog.
var speech = language.English

// words is the catalog: what depends on a number has its forms here, everything else is its own translation.
var words = func() catalog.Catalog {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	for key, forms := range map[string][]any{
		"%d comments":          {plural.One, "%d comment", plural.Other, "%d comments"},
		"%d posts were found.": {plural.One, "%d post was found.", plural.Other, "%d posts were found."},
	} {
		// The table is right, or every test fails.
		if err := b.Set(language.English, key, plural.Selectf(1, "%d", forms...)); err != nil {
			panic(err)
		}
	}
	return b
}()

// newPrinter returns a printer, which is for one goroutine.
func newPrinter() *message.Printer { return message.NewPrinter(speech, message.Catalog(words)) }

// say translates one text.
func say(text string, args ...any) string { return newPrinter().Sprintf(text, args...) }

// notices are what a redirect can tell the page that it leads to.
var notices = map[string]string{
	"held": "Thank you. Your comment is awaiting moderation, and will appear once it is approved.",
}
