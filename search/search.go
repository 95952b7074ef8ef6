// Package search finds posts by words in their texts. A search finds every post
// whose title, excerpt or text holds all the words, wherever they stand in it,
// in the middle of other words too, as WordPress's does; case and accents do not
// count. Nothing ranks the hits: they come in the order that the list has.
//
// An index leads to the candidates, and the texts of those decide, so that the
// index only has to be complete. It holds the grams of each post: sequences of
// three letters or digits, of two in scripts that write without blanks between
// words. A word has all its grams in the index of every post that holds it. On
// SQLite the index is a table of FTS5, on PostgreSQL a tsvector under a GIN index.
//
// Triggers of the schema put each post that is new, or whose texts change, into
// the table search_pending, in the transaction of the change. What is in there
// is a candidate of every search. Work takes it out and writes the grams.
package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/quillgate/quillgate/database"
)

const (
	table = "post_search"
	// maxText is how many bytes a post may have whose grams are looked for. A
	// longer one, and one with more grams than maxGrams, is a candidate of every
	// search.
	maxText  = 1 << 20
	maxGrams = 20_000
	// everything stands for all grams. It is no gram itself: it is too long.
	everything = "everything"
	// batch is how many posts one transaction of Work takes.
	batch = 100
	// queryGrams bounds the grams that a search looks for: the more, the fewer
	// posts have them all, but the first ones tell most of them apart.
	queryGrams = 24
)

// A Text is the words of a post.
type Text struct {
	ID    int64  `db:"id"`
	Words string `db:"words"` // "" when there are more than the asked for bytes
	Size  int64  `db:"size"`  // in bytes
}

// Texts reads the texts of posts, of those with at most so many bytes.
type Texts func(ctx context.Context, q database.Queryer, ids []int64, size int) ([]Text, error)

// Index is the index of a database. It is safe for concurrent use.
type Index struct {
	db    *database.DB
	texts Texts
}

// NewIndex returns the index of posts whose texts are read by texts.
func NewIndex(db *database.DB, texts Texts) *Index { return &Index{db, texts} }

// Work takes posts that are new or changed into the index, the newest first, and returns how many: some hundred at most,
// 0 when there are none.
func (x *Index) Work(ctx context.Context) (n int, err error) {
	err = x.db.Update(ctx, func(tx *database.Tx) error {
		n = 0
		var ids []int64
		if err := tx.Select(ctx, &ids, `SELECT post_id FROM search_pending ORDER BY post_id DESC LIMIT $1`, batch); err != nil || len(ids) == 0 {
			return err
		}
		// They are taken out before their texts are read: a change that comes later puts them in again.
		if err := database.ExecIn(ctx, tx, `DELETE FROM search_pending WHERE post_id IN (?)`, ids); err != nil {
			return err
		}
		texts, err := x.texts(ctx, tx, ids, maxText)
		if err != nil {
			return err
		}
		for _, text := range texts {
			grams := []string{everything}
			if text.Size <= maxText {
				grams = Grams(text.Words)
			}
			if len(grams) > maxGrams {
				grams = []string{everything}
			}
			if err := database.PutWords(ctx, tx, table, text.ID, grams); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("index posts for searches: %w", err)
	}
	return n, nil
}

// recent is how many ids a search looks at to find out whether a word is common, and common how many of their posts have
// it then. maxPending is how many posts may wait for the index; with more of them it is of no use.
const (
	recent     = 1000
	common     = 3
	maxPending = 10_000
)

// Candidates returns the SQL of a statement that gives the ids of all posts that may match, as column hit, at most limit of them, the
// highest, unless limit is 0. It is "" when a walk through the posts is better, since many of the newest match, or nothing
// in the query is long enough to be looked up. newest is the highest id of a post. add adds an argument to the statement
// and returns its placeholder.
func (x *Index) Candidates(ctx context.Context, s Query, newest int64, limit int, add func(any) string) (string, error) {
	grams := s.grams()
	if len(grams) == 0 {
		return "", nil
	}
	match := x.db.WordQuery(grams, everything)
	var n struct {
		Recent  int `db:"recent"`
		Pending int `db:"pending"`
	}
	err := x.db.Get(ctx, &n, fmt.Sprintf(`SELECT (SELECT COUNT(*) FROM (%s LIMIT %d) AS hits) AS recent, (SELECT COUNT(*) FROM (SELECT 1 FROM search_pending LIMIT %d) AS waiting) AS pending`,
		x.db.WithWords(table, "$1", "$2"), common, maxPending+1), match, newest-recent)
	if err != nil {
		return "", fmt.Errorf("look into the index of searches: %w", err)
	}
	if n.Recent >= common || n.Pending > maxPending {
		return "", nil
	}
	found := x.db.WithWords(table, add(match), "")
	if limit > 0 {
		found = fmt.Sprintf(`SELECT hit FROM (%s ORDER BY hit DESC LIMIT %d) AS hits`, found, limit)
	}
	return found + ` UNION SELECT post_id AS hit FROM search_pending`, nil
}

// Grams returns the grams of a text, each once: those of its runs of letters and digits without case and accents.
func Grams(text string) []string {
	var out []string
	seen := make(map[string]bool)
	eachGram(text, func(gram string) bool {
		if !seen[gram] {
			gram = strings.Clone(gram)
			seen[gram] = true
			out = append(out, gram)
		}
		return len(out) <= maxGrams
	})
	return out
}

// eachGram gives the grams of a text to fn, until it returns false.
func eachGram(text string, fn func(gram string) bool) {
	text = database.Fold(text)
	var starts [3]int // of the last characters of the run, the latest at the end
	run, wide := 0, [3]bool{}
	for at, c := range text {
		end := at + len(string(c))
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) {
			run = 0
			continue
		}
		starts = [3]int{starts[1], starts[2], at}
		wide = [3]bool{wide[1], wide[2], c >= firstWide}
		run++
		if run >= 2 && wide[1] && !fn(text[starts[1]:end]) || run >= 3 && !wide[0] && !fn(text[starts[0]:end]) {
			return
		}
	}
}

// firstWide is the first character of the scripts in which two characters make a gram: those of China and Japan.
const firstWide = '\u2e80'

// grams returns those that every post has which the query finds.
func (s Query) grams() []string {
	var out []string
	for _, w := range s.words {
		if !w.not {
			out = append(out, Grams(w.text)...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), queryGrams)]
}
