package site

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// guessParts is how many segments at the end of an address may be the name of a
// post.
const guessParts = 5

// maxGuess is the longest text in which a name is looked for, in bytes.
const maxGuess = 600

// guessPrefix is the shortest beginning of a name that leads to a post, in
// bytes.
const guessPrefix = 3

// pageExtensions are endings that other programs append to the name of a page.
var pageExtensions = []string{".html", ".htm", ".php", ".shtml", ".asp", ".aspx", ".jsp", ".cgi", ".xhtml"}

// likelyPost finds a published post or page that an address probably means, as
// WordPress's redirect_guess_404_permalink does: one that had such a name in
// the file that it was imported from; one named like the end of the address,
// whatever precedes it; one that had that name before; or one whose name begins
// like that. fits is called with those that match by name; the first that fits
// is returned, or none.
func (s *Site) likelyPost(ctx context.Context, address string, fits func(*Post) bool) ([]Post, error) {
	names := guessNames(address)
	if len(names.slugs) == 0 {
		return nil, nil
	}
	const from = ` FROM posts p WHERE p.type IN ('post', 'page') AND p.status = 'publish' AND `
	const newest = ` ORDER BY p.date DESC, p.id DESC`
	const had = `p.id IN (SELECT post_id FROM post_meta WHERE key = '_wp_old_slug' AND value IN (?))` + newest + ` LIMIT 1`
	text := `SELECT * FROM (SELECT ` + postHeadColumns + `, 1 AS guess` + from + `p.name IN (?)` + newest + ` LIMIT 100) named
		UNION ALL SELECT * FROM (SELECT ` + postHeadColumns + `, 2 AS guess` + from + had + `) was`
	args := []any{names.slugs, names.slugs}
	if len(names.others) > 0 {
		text += ` UNION ALL SELECT * FROM (SELECT ` + postHeadColumns + `, 0 AS guess` + from + had + `) elsewhere`
		args = append(args, names.others)
	}
	if len(names.start) >= guessPrefix {
		// A slug contains no character outside of ASCII.
		text += ` UNION ALL SELECT * FROM (SELECT ` + postHeadColumns + `, 3 AS guess` + from + s.db.Between("p.name", "?", "?") + ` ORDER BY p.name, p.id LIMIT 20) begun`
		args = append(args, names.start, names.start+"\x7f")
	}
	query, args, err := database.In(text, args...)
	if err != nil {
		return nil, err
	}
	var list []guess
	if err := s.db.Select(ctx, &list, query, args...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b guess) int {
		return cmp.Or(a.Guess-b.Guess, slices.Index(names.slugs, a.Name)-slices.Index(names.slugs, b.Name))
	})
	for i := range list {
		if g := &list[i]; g.Guess == 0 || g.Guess == 2 || fits(&g.Post) {
			return []Post{g.Post}, nil
		}
	}
	return nil, nil
}

// guess is a post that an address may mean, with the reason: 0 is the best one.
type guess struct {
	Post
	Guess int `db:"guess"`
}

// guessed are the names that a post at an address may have or have had.
type guessed struct {
	slugs  []string // most likely first
	others []string // names from other programs, which are not slugs
	start  string   // of a slug
}

func guessNames(address string) (g guessed) {
	if len(address) > 2*maxGuess {
		return guessed{}
	}
	add := func(text string) {
		slug, raw := markup.Slug(text), strings.ToLower(text)
		if slug != "" && !slices.Contains(g.slugs, slug) {
			g.slugs = append(g.slugs, slug)
		}
		if raw != slug {
			g.others = append(g.others, raw)
		}
	}
	parts := strings.FieldsFunc(address, func(c rune) bool { return c == '/' })
	for n := 1; n <= min(len(parts), guessParts); n++ {
		text := database.CleanText(unescaped(strings.Join(parts[len(parts)-n:], "/")))
		if len(text) > maxGuess {
			break
		}
		add(text)
		if extension := path.Ext(text); slices.Contains(pageExtensions, strings.ToLower(extension)) {
			text = strings.TrimSuffix(text, extension)
			add(text)
		}
		if n == 1 {
			g.start = markup.Slug(text)
			add(strings.ReplaceAll(g.start, "_", "-"))
		}
	}
	return g
}

// unescaped returns a decoded part of an address; one that cannot be decoded
// stays as it is.
func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
