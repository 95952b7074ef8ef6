package public

import (
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// speech is the language of the pages. All text for readers goes through its
// printer with the English text as the key, so another language is another set
// of entries in the catalog.
var speech = language.English

// words is the catalog. It has the plural forms of texts with numbers; every
// other text is its own translation.
var words = func() catalog.Catalog {
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	for key, forms := range map[string][]any{
		"%d comments":          {plural.One, "%d comment", plural.Other, "%d comments"},
		"%d posts were found.": {plural.One, "%d post was found.", plural.Other, "%d posts were found."},
	} {
		// An error in the table would make every test fail.
		if err := b.Set(language.English, key, plural.Selectf(1, "%d", forms...)); err != nil {
			panic(err)
		}
	}
	return b
}()

// newPrinter returns a printer, which must be used by one goroutine only.
func newPrinter() *message.Printer { return message.NewPrinter(speech, message.Catalog(words)) }

// say translates one text.
func say(text string, args ...any) string { return newPrinter().Sprintf(text, args...) }

// notices are the texts that a redirect can show on its target page.
var notices = map[string]string{
	"held": "Thank you. Your comment is awaiting moderation, and will appear once it is approved.",
}
