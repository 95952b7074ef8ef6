package site_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/places"
	"github.com/quillgate/quillgate/site"
)

// checkPlaces compares the counts of package places with the content of the
// blog.
func (n *newsroom) checkPlaces(t *testing.T, when string) {
	t.Helper()
	type count struct {
		List string `db:"list"`
		N    int64  `db:"n"`
	}
	var got, want []count
	for _, q := range []struct {
		to   *[]count
		text string
	}{
		{&got, `SELECT list, SUM(n) AS n FROM (SELECT list, n FROM list_counts UNION ALL SELECT list, n FROM list_shifts) AS c GROUP BY list HAVING SUM(n) <> 0 ORDER BY list`},
		{&want, `SELECT list, COUNT(*) AS n FROM (SELECT type || ' ' || status || ' date' AS list FROM posts WHERE type <> 'revision' UNION ALL
			SELECT type || ' ' || status || ' modified' FROM posts WHERE type <> 'revision' UNION ALL SELECT type || ' ' || status || ' id' FROM posts WHERE type <> 'revision' UNION ALL
			SELECT type || ' ' || status || ' author' FROM posts WHERE type <> 'revision' UNION ALL SELECT type || ' ' || status || ' title' FROM posts WHERE type <> 'revision' UNION ALL
			SELECT type || ' ' || status || ' name' FROM posts WHERE type <> 'revision' UNION ALL SELECT 'comment ' || status || ' date' FROM comments) AS c GROUP BY list ORDER BY list`},
	} {
		if err := n.db.Select(t.Context(), q.to, q.text); err != nil {
			t.Fatal(err)
		}
	}
	sorted := func(list []count) map[string]int64 {
		out := make(map[string]int64)
		for _, c := range list {
			out[c.List] = c.N
		}
		return out
	}
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Fatalf("%s: counts (-want +got):\n%s", when, diff)
	}
}

// checkFences looks for posts that are counted in another part than the one
// between whose fences they are.
func (n *newsroom) checkFences(t *testing.T, order string, least int) {
	t.Helper()
	var fences []struct {
		Part  int64 `db:"part"`
		Posts int64 `db:"posts"`
		Count int64 `db:"count"`
	}
	err := n.db.Select(t.Context(), &fences, `SELECT f.part, (SELECT COUNT(*) FROM posts p WHERE p.type = 'post' AND `+n.db.Sorted("p."+order)+` >= f.text
			AND NOT EXISTS (SELECT 1 FROM list_fences o WHERE o.of = f.of AND o.text > f.text AND o.text <= `+n.db.Sorted("p."+order)+`)) AS posts,
		(SELECT SUM(n) FROM (SELECT list, week, n FROM list_counts UNION ALL SELECT list, week, n FROM list_shifts) AS c WHERE c.week = f.part AND c.list LIKE 'post % `+order+`') AS count
		FROM list_fences f WHERE f.of = 'post `+order+`'`)
	if err != nil {
		t.Fatal(err)
	}
	if len(fences) < least {
		t.Errorf("%d fences between posts by %s, want %d", len(fences), order, least)
	}
	for _, f := range fences {
		if f.Posts != f.Count {
			t.Errorf("part %d of posts by %s has %d posts and counts %d", f.Part, order, f.Posts, f.Count)
		}
	}
}

// A page far down a list is the same as one that is found by walking from the
// beginning.
func TestOffsetsLeadToTheirPlaces(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		r := rand.New(rand.NewPCG(5, 6))
		const posts = 3000
		first := n.create(t, n.admin, site.PostEdit{Title: new("first"), Status: new("publish"), Date: in(n, -time.Hour)})
		rows := database.NewRows("posts", "id, type, status, title, name, author, sticky, date, date_gmt, modified, modified_gmt")
		comments := database.NewRows("comments", "post_id, status, content, date, date_gmt")
		for i := range posts {
			status := []string{"publish", "publish", "publish", "publish", "publish", "publish", "draft", "private"}[r.IntN(8)]
			date, modified := n.clock.Now().Add(-time.Duration(r.IntN(3*365*24))*time.Hour), n.clock.Now().Add(-time.Duration(r.IntN(100*24))*time.Hour)
			if i%3 == 0 { // many at the same time
				date = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
			}
			title := fmt.Sprint([]string{"Łódź ", "lodz ", "🎈 ", "Z"}[r.IntN(4)], r.IntN(500))
			if i%4 == 0 { // many with the same
				title = "Same"
			}
			rows.Add(100+97*i, "post", status, title, fmt.Sprint("p", i), 1+i%3, status == "publish" && r.IntN(50) == 0, date, date, modified, modified)
			comments.Add(first, []string{"approve", "hold", "spam"}[r.IntN(3)], "c", date, date)
		}
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			if err := rows.Insert(t.Context(), tx); err != nil {
				return err
			}
			return comments.Insert(t.Context(), tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			t.Helper()
			n.checkPlaces(t, when)
			ids := func(f site.PostFilter) (ids []int64) {
				t.Helper()
				pages, err := n.ListPosts(t.Context(), n.admin, f, 0)
				if err != nil {
					t.Fatal(err)
				}
				for page, err := range pages {
					if err != nil {
						t.Fatal(err)
					}
					for _, p := range page {
						ids = append(ids, p.ID)
					}
				}
				return ids
			}
			for _, f := range []site.PostFilter{{}, {Ascending: true}, {OrderBy: "modified"}, {OrderBy: "title"}, {OrderBy: "title", Ascending: true}, {OrderBy: "name"}, {OrderBy: "name", Ascending: true}, {OrderBy: "author"}, {OrderBy: "ID"}, {OrderBy: "ID title", Ascending: true}, {OrderBy: "modified", Ascending: true, Statuses: []string{"publish", "private"}}} {
				f.Limit = 10 * posts
				all := ids(f)
				f.Limit = 7
				for _, f.Offset = range []int{999, 1000, 1003, 1111, 1590, 2222, len(all) - 1, len(all) + 5} {
					want := all[min(f.Offset, len(all)):min(f.Offset+7, len(all))]
					if got := ids(f); !cmp.Equal(append([]int64{}, want...), append([]int64{}, got...)) {
						t.Errorf("%s: %+v gave %v, want %v", when, f, got, want)
					}
				}
			}
			visible := func(limit, offset int) (ids []int64) {
				t.Helper()
				list, err := n.VisiblePosts(t.Context(), site.VisitorFilter{NotSticky: true, Limit: limit, Offset: offset}, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range list {
					ids = append(ids, p.ID)
				}
				return ids
			}
			if got, want := visible(7, 1000), visible(507, 500); len(want) < 507 || !cmp.Equal(got, want[500:]) {
				t.Errorf("%s: visitors see %v, want %v", when, got, want[min(500, len(want)):])
			}
			told := func(limit, offset int) (ids []int64) {
				t.Helper()
				list, err := whole(n.ListComments(t.Context(), n.admin, site.CommentFilter{Limit: limit, Offset: offset}))
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range list {
					ids = append(ids, c.ID)
				}
				return ids
			}
			if got, want := told(7, 1005), told(1012, 0); !cmp.Equal(got, want[1005:]) {
				t.Errorf("%s: the comments are %v, want %v", when, got, want[1005:])
			}
		}
		check("at first")
		for more := true; more; {
			var err error
			if more, err = places.Fold(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
		check("folded")
		for more := true; more; {
			if more, err = n.SplitLists(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		n.checkFences(t, "title", 1)
		n.checkFences(t, "name", 1)
		check("split")
		for _, e := range []site.PostEdit{{Status: new("draft")}, {Date: in(n, -50*24*time.Hour)}, {Status: new("publish")}, {Content: new("other")}, {Title: new("Łódź 77")}, {Name: new("zzz")}} {
			n.clock.Add(9 * 24 * time.Hour)
			if err := n.EditPost(t.Context(), n.admin, first, e); err != nil {
				t.Fatal(err)
			}
			n.checkPlaces(t, "edited")
			n.checkFences(t, "title", 1)
			n.checkFences(t, "name", 1)
		}
		for range 2 { // first to the trash with all comments, then deleted
			if err := n.DeletePost(t.Context(), n.admin, first); err != nil {
				t.Fatal(err)
			}
			n.checkPlaces(t, "deleted")
		}
	})
}
