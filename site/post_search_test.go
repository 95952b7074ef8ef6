package site_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/places"
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
				if diff := diff.Diff(want, got); diff != "" {
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
				if diff := diff.Diff(want, got); diff != "" {
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

// A page of a search for a word that hundreds of old posts contain has the newest
// of them, although few are looked at, even if the order of the dates is not
// that of the ids.
func TestSearchesLookAtTheNewest(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		r := rand.New(rand.NewPCG(7, 8))
		const posts, first = 3000, 50_000
		type post struct {
			id           int
			author       int64
			date         time.Time
			kind, status string
			shown        bool
		}
		var quokkas []post
		rows := database.NewRows("posts", "id, type, status, title, name, author, content, password, date, date_gmt, modified, modified_gmt")
		for i := range posts {
			p := post{first + 7*i, n.admin.User.ID, n.clock.Now().Add(time.Duration(i-posts-10) * time.Hour), "post", []string{"publish", "publish", "publish", "publish", "draft", "private"}[r.IntN(6)], true}
			switch {
			case i%100 == 17:
				p.kind, p.status = "page", "publish"
			case i%50 == 3:
				p.author = n.author.User.ID
			case i%40 == 13:
				p.date = p.date.Add(-time.Duration(r.IntN(2000)) * time.Hour)
			case i%900 == 8: // it moves to the top
				p.date = n.clock.Now().Add(-time.Duration(i) * time.Minute)
			}
			content, password := "some words", ""
			if i%200 == 53 {
				password = "secret"
			}
			if i%5 == 3 && i < posts-500 {
				content = "of a quokka"
				p.shown = p.status == "publish" && password == ""
				quokkas = append(quokkas, p)
			} else if i%25 == 2 && i < posts-500 {
				content = "quo uok okk kka"
			}
			rows.Add(p.id, p.kind, p.status, "t", "p"+strconv.Itoa(i), p.author, content, password, p.date, p.date, p.date, p.date)
		}
		if err := db.Update(t.Context(), func(tx *database.Tx) error { return rows.Insert(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		for left := 1; left > 0; {
			var err error
			if left, err = n.IndexSearches(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		longest := 0
		db.Trace(func(query string) {
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, strings.Count(query, "), ("))
		})
		page := func(offset int, of func(p post) bool) (want []int64) {
			for _, p := range quokkas {
				if of(p) {
					want = append(want, int64(p.id))
				}
			}
			return want[min(offset, len(want)):min(offset+10, len(want))]
		}
		check := func(state string) {
			t.Helper()
			slices.SortFunc(quokkas, func(a, b post) int { return cmp.Or(b.date.Compare(a.date), b.id-a.id) })
			for _, offset := range []int{0, 10, 25, 70, 400} {
				for name, c := range map[string]struct {
					who auth.Identity
					f   site.PostFilter
					of  func(p post) bool
				}{
					"an administrator": {n.admin, site.PostFilter{}, func(p post) bool { return p.kind == "post" }},
					"an author":        {n.author, site.PostFilter{}, func(p post) bool { return p.kind == "post" && p.author == n.author.User.ID }},
					"drafts":           {n.admin, site.PostFilter{Statuses: []string{"draft"}}, func(p post) bool { return p.kind == "post" && p.status == "draft" }},
					"one author":       {n.admin, site.PostFilter{Author: n.author.User.ID}, func(p post) bool { return p.kind == "post" && p.author == n.author.User.ID }},
				} {
					c.f.Search, c.f.Offset = "quokka", offset
					pages, err := n.ListPosts(t.Context(), c.who, c.f, 0)
					if err != nil {
						t.Fatal(err)
					}
					var got []int64
					for list, err := range pages {
						if err != nil {
							t.Fatal(err)
						}
						for _, p := range list {
							got = append(got, p.ID)
						}
					}
					if want := page(offset, c.of); !slices.Equal(got, want) {
						t.Errorf("%s: %s at %d sees %v, want %v", state, name, offset, got, want)
					}
				}
				longest = 0
				list, err := n.VisiblePosts(t.Context(), site.VisitorFilter{Search: "quokka", Limit: 10, Offset: offset}, 0)
				if err != nil {
					t.Fatal(err)
				}
				var got []int64
				for _, p := range list {
					got = append(got, p.ID)
				}
				if want := page(offset, func(p post) bool { return p.shown }); !slices.Equal(got, want) {
					t.Errorf("%s: visitors at %d see %v, want %v", state, offset, got, want)
				}
				if offset == 0 && longest >= 128 { // out of 600
					t.Errorf("%s: visitors looked at %d candidates", state, longest)
				}
			}
		}
		check("new")
		if _, err := places.Fold(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		check("folded")
		moved := &quokkas[len(quokkas)/2]
		moved.date = n.clock.Now()
		if err := n.EditPost(t.Context(), n.admin, int64(moved.id), site.PostEdit{Date: in(n, 0)}); err != nil {
			t.Fatal(err)
		}
		check("moved")
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
