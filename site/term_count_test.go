package site_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// checkCounts compares the stored counts with the posts of the blog.
func (n *newsroom) checkCounts(t *testing.T) {
	t.Helper()
	var wrong []string
	err := n.db.Select(t.Context(), &wrong, `SELECT t.slug FROM terms t WHERE t.count + COALESCE((SELECT SUM(s.n) FROM term_shifts s WHERE s.term_id = t.id), 0) <> (SELECT COUNT(*) FROM post_terms pt JOIN posts p ON p.id = pt.post_id
		WHERE pt.term_id = t.id AND p.type IN ('post', 'nav_menu_item') AND p.status = 'publish')`)
	if err != nil {
		t.Fatal(err)
	}
	if len(wrong) > 0 {
		t.Fatalf("the counts of %v are wrong: %v", wrong, n.counts(t))
	}
	var misplaced []int64
	err = n.db.Select(t.Context(), &misplaced, `SELECT pt.post_id FROM post_terms pt JOIN posts p ON p.id = pt.post_id
		WHERE pt.shown IS DISTINCT FROM CASE WHEN p.type = 'post' AND p.status = 'publish' THEN p.date END`)
	if err != nil {
		t.Fatal(err)
	}
	if len(misplaced) > 0 {
		t.Fatalf("the posts %v do not stand in their terms by their date", misplaced)
	}
}

// Whatever happens to posts and terms, the counts are those of the published
// posts.
func TestCountsStayTrue(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		random := rand.New(rand.NewPCG(1, 2))
		var categories, posts []int64
		for i := range 5 {
			categories = append(categories, n.category(t, fmt.Sprint("c", i), "", 0).ID)
		}
		pick := func(list []int64) int64 { return list[random.IntN(len(list))] }
		some := func() *[]int64 {
			out := []int64{}
			for range random.IntN(3) {
				out = append(out, pick(categories))
			}
			return &out
		}
		statuses := []string{"publish", "publish", "draft", "private", "pending", "trash"}
		anEdit := func() site.PostEdit {
			e := site.PostEdit{Title: new("T")}
			if random.IntN(2) == 0 {
				e.Status = &statuses[random.IntN(len(statuses))]
			}
			if random.IntN(2) == 0 {
				e.Categories = some()
			}
			if random.IntN(3) == 0 {
				e.Date = in(n, time.Duration(random.IntN(1000)-990)*time.Hour)
			}
			if random.IntN(3) == 0 {
				e.Tags = &[]string{fmt.Sprint("tag", random.IntN(4)), fmt.Sprint("tag", random.IntN(4))}
			}
			return e
		}
		for range 120 {
			switch what := random.IntN(10); {
			case what < 3 || len(posts) == 0:
				posts = append(posts, n.create(t, n.admin, anEdit()))
			case what < 6:
				if err := n.EditPost(t.Context(), n.admin, pick(posts), anEdit()); err != nil && !errors.Is(err, site.ErrNotFound) {
					t.Fatal(err)
				}
			case what < 7:
				if err := n.DeletePost(t.Context(), n.admin, pick(posts)); err != nil && !errors.Is(err, site.ErrNotFound) {
					t.Fatal(err)
				}
			case what < 9:
				if err := n.SetCategories(t.Context(), n.admin, pick(posts), *some()); err != nil && !errors.Is(err, site.ErrNotFound) {
					t.Fatal(err)
				}
			default:
				if err := n.DeleteTerm(t.Context(), n.admin, site.Category, pick(categories)); err != nil && !errors.Is(err, site.ErrNoTerm) {
					t.Fatal(err)
				}
				categories = append(categories, n.category(t, fmt.Sprint("c", random.Int64()), "", 0).ID)
			}
			n.checkCounts(t)
		}
	})
}

// Posts that are published at the same time are all counted.
func TestCountsOfPostsAtOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 5 {
					if _, err := n.CreatePost(t.Context(), n.admin, site.PostEdit{Title: new("T"), Status: new("publish"), Tags: &[]string{"same"}}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		if diff := cmp.Diff(map[string]int64{"uncategorized": 20, "same": 20}, n.counts(t)); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
	})
}
