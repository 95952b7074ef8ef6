package site_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// crowd runs fn for several clients at the same time, and returns how often it
// had each of the errors.
func crowd(t *testing.T, clients int, fn func(client int) error, expected ...error) []int {
	t.Helper()
	var mu sync.Mutex
	counts := make([]int, len(expected))
	var work sync.WaitGroup
	start := make(chan struct{})
	for c := range clients {
		work.Go(func() {
			<-start
			err := fn(c)
			mu.Lock()
			defer mu.Unlock()
			for i, e := range expected {
				if errors.Is(err, e) {
					counts[i]++
					return
				}
			}
			if err != nil {
				t.Errorf("client %d: %v", c, err)
			}
		})
	}
	close(start)
	work.Wait()
	return counts
}

// Frequent writes run side by side on PostgreSQL without breaking a rule: slugs
// are unique, new terms are created once, counts are right, an edit sees the
// previous one, and the pause between comments holds.
func TestRulesHoldSideBySide(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		const clients = 16
		t.Run("slugs", func(t *testing.T) {
			for round := range 4 {
				crowd(t, clients, func(c int) error {
					e := site.PostEdit{Title: new(fmt.Sprint("One title ", round)), Status: new("publish")}
					switch c % 4 {
					case 1:
						e.Type = new("page")
					case 2:
						e.Title = new(fmt.Sprintf("One title %d 2", round)) // takes the slug that another would get
					case 3: // created with another slug first
						id, err := n.CreatePost(t.Context(), n.admin, site.PostEdit{Title: new("draft")})
						if err != nil {
							return err
						}
						return n.EditPost(t.Context(), n.admin, id, e)
					}
					_, err := n.CreatePost(t.Context(), n.admin, e)
					return err
				})
			}
			var twice []string
			err := db.Select(t.Context(), &twice, `SELECT name FROM posts WHERE name <> '' AND type IN ('post', 'page') GROUP BY type, parent, name HAVING COUNT(*) > 1`)
			if err != nil || len(twice) > 0 {
				t.Errorf("slugs that several posts have: %q (%v)", twice, err)
			}
		})
		t.Run("terms", func(t *testing.T) {
			for round := range 4 {
				crowd(t, clients, func(c int) error {
					_, err := n.CreatePost(t.Context(), n.admin, site.PostEdit{
						Title: new(fmt.Sprint("p", c)), Status: new("publish"), Tags: &[]string{fmt.Sprint("New tag ", round), fmt.Sprint("own ", round, c)},
					})
					return err
				})
			}
			var twice []string
			err := db.Select(t.Context(), &twice, `SELECT name_key FROM terms WHERE taxonomy = 'post_tag' GROUP BY name_key HAVING COUNT(*) > 1`)
			if err != nil || len(twice) > 0 {
				t.Errorf("duplicate tags: %q (%v)", twice, err)
			}
			n.checkCounts(t)
		})
		t.Run("one post", func(t *testing.T) {
			id := n.create(t, n.admin, site.PostEdit{Title: new("edited by all"), Status: new("publish")})
			a, b := n.category(t, "A", "", 0).ID, n.category(t, "B", "", 0).ID
			crowd(t, 2*clients, func(c int) error {
				switch c % 4 {
				case 0:
					return n.SetCategories(t.Context(), n.admin, id, []int64{a})
				case 1:
					return n.SetCategories(t.Context(), n.admin, id, []int64{b})
				}
				return n.EditPost(t.Context(), n.admin, id, site.PostEdit{Status: new([]string{"draft", "publish"}[c%2])})
			})
			n.checkCounts(t)
			// Users who edit what they have read must not overwrite
			// what others have written meanwhile.
			n.clock.Add(time.Minute)
			read := n.clock.Now().Add(-time.Second)
			refused := crowd(t, clients, func(c int) error {
				return n.EditPost(t.Context(), n.admin, id, site.PostEdit{Content: new(fmt.Sprint("by ", c)), IfNotModifiedSince: &read})
			}, site.ErrConflict)
			if refused[0] != clients-1 {
				t.Errorf("%d of %d edits of one state were refused, want all but one", refused[0], clients)
			}
		})
		t.Run("repeats", func(t *testing.T) {
			who := n.admin
			who.Repeat = auth.Repeat{Public: "p", Digest: "d"}
			made := make([]int64, clients)
			crowd(t, clients, func(c int) (err error) {
				made[c], err = n.CreatePost(t.Context(), who, site.PostEdit{Title: new("once"), Status: new("publish")})
				if again := (*site.Repeated)(nil); errors.As(err, &again) {
					made[c], err = again.ID, nil
				}
				return err
			})
			if slices.Sort(made); made[0] != made[clients-1] || made[0] == 0 {
				t.Errorf("one request has made %v", made)
			}
		})
		t.Run("comments", func(t *testing.T) {
			posts := make([]int64, clients)
			for i := range posts {
				posts[i] = n.create(t, n.admin, site.PostEdit{Title: new(fmt.Sprint("c", i)), Status: new("publish"), CommentStatus: new("open")})
			}
			comment := func(c int, post int64) error {
				_, err := n.CreateComment(t.Context(), n.subscriber, site.NewComment{
					Post: post, Author: "Ada", Email: "ada@example.org", IP: "192.0.2.1", Content: fmt.Sprint("text ", c),
				})
				return err
			}
			if refused := crowd(t, clients, func(c int) error { return comment(c, posts[c]) }, site.ErrCommentFlood); refused[0] != clients-1 {
				t.Errorf("%d of %d comments at once were refused, want all but one", refused[0], clients)
			}
			n.clock.Add(time.Hour)
			crowd(t, clients, func(c int) error {
				_, err := n.CreateComment(t.Context(), n.admin, site.NewComment{Post: posts[0], Content: fmt.Sprint("admin ", c)})
				return err
			})
			var wrong int
			err := db.Get(t.Context(), &wrong, `SELECT COUNT(*) FROM posts p WHERE comment_count <>
				(SELECT COUNT(*) FROM comments c WHERE c.post_id = p.id AND c.status = 'approve')`)
			if err != nil || wrong > 0 {
				t.Errorf("%d posts have a wrong number of comments (%v)", wrong, err)
			}
		})
		if more := db.Conflicts(); more > 5 {
			t.Errorf("%d transactions were run again", more)
		}
	})
}
