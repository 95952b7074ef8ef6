package site_test

import (
	"math/rand/v2"
	"strings"
	"testing"

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
