// Package search finds posts by the words in their texts. As in WordPress, a
// search matches every post whose title, excerpt or text contains all the
// words, also inside other words. Case and accents do not count. Hits are not
// ranked: the list decides their order.
//
// The index supplies candidates, and the texts of the candidates are then
// checked, so the index must be complete but not exact. It holds the grams of
// each post: sequences of three letters or digits, or of two in scripts that
// are written without spaces. If a post contains a word, the index has all
// grams of that word for it. On SQLite the index is an FTS5 table, on
// PostgreSQL a tsvector with a GIN index.
//
// Triggers add each post that is new, or whose texts change, to the table
// search_pending, in the transaction of the change. Posts in that table are
// candidates of every search. Work removes them from it and writes their grams.
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
	// maxText is the size in bytes up to which a post is split into grams. A
	// longer post, or one with more than maxGrams grams, is a candidate of
	// every search.
	maxText  = 1 << 20
	maxGrams = 20_000
	// everything stands for all grams. It is too long to be a gram.
	everything = "everything"
	// batch is the number of posts that one transaction of Work indexes.
	batch = 100
)

// A Text holds the words of a post.
type Text struct {
	ID    int64  `db:"id"`
	Words string `db:"words"` // "" if the post is larger than the requested size
	Size  int64  `db:"size"`  // in bytes
}

// Texts reads the texts of posts. It returns no words for posts of more than
// size bytes.
type Texts func(ctx context.Context, q database.Queryer, ids []int64, size int) ([]Text, error)

// Index is the full-text index of a database. It is safe for concurrent use.
type Index struct {
	db      *database.DB
	texts   Texts
	newest  Newest
	samples samples
}

// NewIndex returns the index of posts whose texts are read by texts.
func NewIndex(db *database.DB, texts Texts, newest Newest) *Index {
	return &Index{db: db, texts: texts, newest: newest}
}

// Work indexes posts that are new or changed, the newest first. It returns how
// many it indexed, at most a few hundred, or 0 if none were waiting.
func (x *Index) Work(ctx context.Context) (n int, err error) {
	err = x.db.Update(ctx, func(tx *database.Tx) error {
		n = 0
		var ids []int64
		if err := tx.Select(ctx, &ids, `SELECT post_id FROM search_pending ORDER BY post_id DESC LIMIT $1`, batch); err != nil || len(ids) == 0 {
			return err
		}
		// Rows are removed before the texts are read, so that a later change
		// adds them again.
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

// maxPending is how many posts may wait for the index; with more, the index is
// not used. Up to maxListed candidates are listed in the statement that checks
// them, so that both databases know how few they are. If there are more, that
// statement searches the index for queryGrams grams.
const (
	maxPending = 10_000
	maxListed  = 2000
	queryGrams = 24
)

// A Lookup finds the candidates of a query: the posts that may match.
type Lookup struct {
	x             *Index
	grams, seldom []string
}

// Lookup returns nil if a walk through the posts is better, because many of the
// newest posts match or because no part of the query is long enough for the
// index.
func (x *Index) Lookup(ctx context.Context, s Query) (*Lookup, error) {
	grams := s.grams()
	if len(grams) == 0 {
		return nil, nil
	}
	sample, err := x.sample(ctx)
	if err != nil {
		return nil, err
	}
	seldom, recent := sample.choose(grams)
	if recent >= common {
		return nil, nil
	}
	return &Lookup{x, grams, seldom}, nil
}

// Highest returns the ids of the posts that wait for the index and of the
// others with the highest ids, at most limit. Candidates that it does not return
// have lower ids than below, which is 0 if there are none. ids is nil if too many
// posts wait.
func (l *Lookup) Highest(ctx context.Context, limit int) (ids []int64, below int64, err error) {
	db := l.x.db
	ids = []int64{} // not nil without candidates
	err = db.Select(ctx, &ids, fmt.Sprintf(`SELECT hit FROM (%s) AS hits UNION ALL SELECT -post_id FROM (SELECT post_id FROM search_pending LIMIT %d) AS waiting`,
		db.HighestWithWords(table, "$1", limit), maxPending+1), db.WordQuery(l.seldom, everything))
	if err != nil {
		return nil, 0, fmt.Errorf("look into the index of searches: %w", err)
	}
	waiting := 0
	for i, id := range ids {
		if id < 0 {
			waiting++
			ids[i] = -id
		}
	}
	if waiting > maxPending {
		return nil, 0, nil
	}
	if indexed := ids[:len(ids)-waiting]; len(indexed) >= limit {
		below = slices.Min(indexed)
	}
	slices.Sort(ids)
	return slices.Compact(ids), below, nil
}

// Candidates returns the SQL of a statement that selects the ids of all
// candidates, as column hit. It selects the highest limit ids, or all if limit is
// 0. The SQL is "" if a walk through the posts is better after all. add adds an
// argument to the statement and returns its placeholder.
func (l *Lookup) Candidates(ctx context.Context, limit int, add func(any) string) (string, error) {
	ids, below, err := l.Highest(ctx, maxListed+1)
	if err != nil || ids == nil {
		return "", err
	}
	if below > 0 {
		db := l.x.db
		query := add(db.WordQuery(l.grams[:min(len(l.grams), queryGrams)], everything))
		found := db.WithWords(table, query)
		if limit > 0 {
			found = `SELECT hit FROM (` + db.HighestWithWords(table, query, limit) + `) AS hits`
		}
		return found + ` UNION SELECT post_id AS hit FROM search_pending`, nil
	}
	return Listed(ids, add), nil
}

// Listed returns the SQL of a statement that selects ids as column hit. Its length is a power of two, so
// that statements with similar numbers of ids have the same text.
func Listed(ids []int64, add func(any) string) string {
	size := 1
	for size < len(ids) {
		size *= 2
	}
	var b strings.Builder
	b.WriteString(`WITH listed (hit) AS (VALUES (CAST(` + add(first(ids)) + ` AS BIGINT))`)
	for i := 1; i < size; i++ {
		id := int64(0) // which no post has
		if i < len(ids) {
			id = ids[i]
		}
		b.WriteString(`, (` + add(id) + `)`)
	}
	return b.String() + `) SELECT hit FROM listed`
}

func first(ids []int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	return ids[0]
}

// Grams returns the distinct grams of a text, made of its runs of letters and
// digits without case and accents.
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

// eachGram calls fn with each gram of a text until fn returns false.
func eachGram(text string, fn func(gram string) bool) {
	text = database.Fold(text)
	var starts [3]int // byte offsets of the last characters of the run, the newest last
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

// firstWide is the first character of the scripts in which a gram is two
// characters long: Chinese and Japanese.
const firstWide = '\u2e80'

// grams returns the grams that every post matched by the query contains.
func (s Query) grams() []string {
	var out []string
	for _, w := range s.words {
		if !w.not {
			out = append(out, Grams(w.text)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
