package site_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// A search finds the posts that contain all the words, in the order of the
// list, whether or not the index has them already, whether many posts contain
// them or one, and wherever they are.
func TestSearchesFindAllThatHoldTheWords(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		r := rand.New(rand.NewPCG(3, 4))
		words := []string{"harbour", "Łódź", "naïve", "c++", "3.14", "東京都庁", "東京タワー", "straße", "Việt", "<em>bold</em>", "x_y%z", "re-use", "ab", "Zug", "한국어", "ωμεγα", "it's"}
		var posts []string // the newest last
		for range 60 {
			var text []string
			for range 1 + r.IntN(4) {
				text = append(text, words[r.IntN(len(words))])
			}
			posts = append(posts, strings.Join(text, []string{" ", "", ", "}[r.IntN(3)]))
			n.create(t, n.admin, site.PostEdit{Title: new("post"), Content: new(posts[len(posts)-1]), Status: new("publish"), Date: in(n, 0)})
		}
		rare := "the only quetzalcoatlus of all"
		posts[7] = rare
		list, err := n.VisiblePosts(t.Context(), site.VisitorFilter{Limit: 100}, 0)
		if err != nil || len(list) != len(posts) {
			t.Fatal(len(list), err)
		}
		seventh := list[len(list)-8].ID
		check := func(state string) {
			t.Helper()
			for _, query := range []string{
				"harbour", "arbou", "HARB", "lodz", "ódź", "naive", "c++", "3.14", "東京", "東京都", "京", "タワー", "strasse", "viet", "bold", "<em>", "x_y%z", "xay%z", "e-us", "ab", "zug", "한국", "ωμεγ",
				"it's", "quetzal", "zalcoa", "only harbour", "harbour zug", `"harbour zug"`, "harbour -zug", "-harbour", "nothing", "quetzal nothing",
			} {
				var want []string
				for i := len(posts) - 1; i >= 0; i-- {
					if holds(posts[i], query) {
						want = append(want, posts[i])
					}
				}
				var got []string
				list, err := n.VisiblePosts(t.Context(), site.VisitorFilter{Search: query, Limit: 100}, 0)
				if err != nil {
					t.Fatalf("%s: %s: %v", state, query, err)
				}
				for _, p := range list {
					got = append(got, p.Content)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: visitors look for %s (-want +got):\n%s", state, query, diff)
				}
				pages, err := n.ListPosts(t.Context(), n.admin, site.PostFilter{Search: query, Limit: 100}, 0)
				if err != nil {
					t.Fatalf("%s: %s: %v", state, query, err)
				}
				got = nil
				for page, err := range pages {
					if err != nil {
						t.Fatalf("%s: %s: %v", state, query, err)
					}
					for _, p := range page {
						got = append(got, p.Content)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: the editor looks for %s (-want +got):\n%s", state, query, diff)
				}
			}
		}
		index := func(want int) {
			t.Helper()
			if got, err := n.IndexSearches(t.Context()); err != nil || got != want {
				t.Fatalf("%d posts were taken into the index, want %d, %v", got, want, err)
			}
		}
		if err := n.EditPost(t.Context(), n.admin, seventh, site.PostEdit{Content: &rare}); err != nil {
			t.Fatal(err)
		}
		check("before they are in the index")
		index(len(posts))
		index(0)
		check("in the index")

		posts[7] = "something else"
		if err := n.EditPost(t.Context(), n.admin, seventh, site.PostEdit{Content: &posts[7]}); err != nil {
			t.Fatal(err)
		}
		check("changed")
		index(1)
		check("changed, in the index")
		if err := n.EditPost(t.Context(), n.admin, seventh, site.PostEdit{MenuOrder: new(int64(3))}); err != nil {
			t.Fatal(err)
		}
		index(0)
		for range 2 { // to the trash, then deleted
			if err := n.DeletePost(t.Context(), n.admin, seventh); err != nil {
				t.Fatal(err)
			}
		}
		posts = append(posts[:7], posts[8:]...)
		check("deleted")
		index(0)
	})
}

// holds reports whether a text contains the words of a query.
func holds(text, query string) bool {
	words := strings.Fields(query)
	if strings.HasPrefix(query, `"`) {
		words = []string{strings.Trim(query, `"`)}
	}
	for _, w := range words {
		w, not := strings.CutPrefix(w, "-")
		if strings.Contains(database.Fold("post  "+text), database.Fold(w)) == not {
			return false
		}
	}
	return true
}

// A search for a word that many old posts have returns the newest hits, whatever
// the order of their ids is, although it does not look at all of them.
func TestSearchesFindTheNewestHits(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		r := rand.New(rand.NewPCG(7, 8))
		const hits, others = 420, 400 // others are newer than the posts by which searches judge
		rows := database.NewRows("posts", "id, type, status, password, title, name, author, content, date, date_gmt, modified, modified_gmt")
		start := n.clock.Now().Add(-1000 * time.Hour)
		for i := range hits + others {
			date := start.Add(time.Duration(i/3) * time.Hour) // some at the same time
			if i%20 == 7 {
				date = date.Add(-time.Duration(r.IntN(90*24)) * time.Hour)
			}
			text := "nothing"
			if i < hits {
				text = []string{"A quokka.", "A quokka.", "A quokka.", "quok okka"}[r.IntN(4)] // the last one has only its grams
			}
			status := []string{"publish", "publish", "publish", "draft"}[r.IntN(4)]
			rows.Add(100+i, "post", status, []string{"", "", "x"}[r.IntN(3)], "t", fmt.Sprint("p", i), 1, text, date, date, date, date)
		}
		if err := db.Update(t.Context(), func(tx *database.Tx) error { return rows.Insert(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		for more := 1; more > 0; {
			var err error
			if more, err = n.IndexSearches(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var asked atomic.Bool
		db.Trace(func(query string) {
			if strings.Contains(query, " AS newer") {
				asked.Store(true)
			}
		})
		check := func(when string) {
			t.Helper()
			var all, visible []int64
			const found = `SELECT id FROM posts WHERE content LIKE '%quokka%' `
			if err := db.Select(t.Context(), &all, found+`ORDER BY date DESC, id DESC`); err != nil {
				t.Fatal(err)
			}
			if err := db.Select(t.Context(), &visible, found+`AND status = 'publish' AND password = '' ORDER BY date DESC, id DESC`); err != nil {
				t.Fatal(err)
			}
			for _, page := range [][2]int{{10, 0}, {1, 0}, {5, 7}, {3, 20}, {10, 100}, {10, len(all) - 4}} {
				limit, offset := page[0], page[1]
				var got []int64
				pages, err := n.ListPosts(t.Context(), n.admin, site.PostFilter{Search: "quokka", Limit: limit, Offset: offset}, 0)
				if err != nil {
					t.Fatal(err)
				}
				for list, err := range pages {
					if err != nil {
						t.Fatal(err)
					}
					for _, p := range list {
						got = append(got, p.ID)
					}
				}
				if diff := cmp.Diff(all[offset:min(offset+limit, len(all))], got); diff != "" {
					t.Errorf("%s: the editor's hits %d to %d (-want +got):\n%s", when, offset, offset+limit, diff)
				}
				got = nil
				list, err := n.VisiblePosts(t.Context(), site.VisitorFilter{Search: "quokka", Limit: limit, Offset: offset}, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range list {
					got = append(got, p.ID)
				}
				offset = min(offset, len(visible))
				if want := visible[offset:min(offset+limit, len(visible))]; !slices.Equal(want, got) {
					t.Errorf("%s: the visitors' hits %d to %d are %v, want %v", when, offset, offset+limit, got, want)
				}
			}
		}
		check("in the order of their ids")
		if !asked.Load() {
			t.Error("all candidates were looked at")
		}
		for _, change := range []string{
			`UPDATE posts SET date = $1 WHERE id IN (103, 130)`,
			`UPDATE posts SET content = 'A quokka.', status = 'publish', password = '', date = $1 WHERE id = 101`, // waits for the index
		} {
			if _, err := db.Exec(t.Context(), change, n.clock.Now().Add(-3*time.Hour)); err != nil {
				t.Fatal(err)
			}
			check(change)
		}
	})
}
