package site_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func (n *newsroom) publishDue(t *testing.T) int {
	t.Helper()
	published, err := n.PublishDue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return published
}

func in(n *newsroom, d time.Duration) *site.PostDate {
	return &site.PostDate{Time: n.clock.Now().Add(d)}
}

func TestPublishDue(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		soon := n.create(t, n.author, site.PostEdit{Title: new("Soon"), Status: new("publish"), Date: in(n, time.Hour), Tags: &[]string{"a"}})
		later := n.create(t, n.author, site.PostEdit{Title: new("Later"), Status: new("publish"), Date: in(n, 3*time.Hour), Tags: &[]string{"a"}})
		page := n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("Page"), Status: new("publish"), Date: in(n, time.Hour)})
		if got := n.publishDue(t); got != 0 {
			t.Errorf("%d posts published before their time", got)
		}
		n.clock.Add(time.Hour - time.Second)
		if got := n.publishDue(t); got != 0 {
			t.Errorf("%d posts published a second before their time", got)
		}
		n.clock.Add(time.Second)
		if got := n.publishDue(t); got != 2 {
			t.Errorf("%d posts published at their time, want 2", got)
		}
		for id, want := range map[int64]string{soon: "publish", later: "future", page: "publish"} {
			if got := n.get(t, id).Status; got != want {
				t.Errorf("post %d is %s, want %s", id, got, want)
			}
		}
		if got := n.counts(t); got["a"] != 1 || got["uncategorized"] != 1 {
			t.Errorf("counts of the terms %v, want 1 each", got)
		}

		// Another process, after a restart, publishes the rest.
		n.clock.Add(2 * time.Hour)
		again := blog{Site: reopen(t, n), db: db, users: n.users}
		if got, err := again.PublishDue(t.Context()); got != 1 || err != nil {
			t.Errorf("published after a restart: %d, %v, want 1", got, err)
		}
		if got := n.counts(t)["a"]; got != 2 {
			t.Errorf("the tag counts %d posts, want 2", got)
		}
		if got := n.publishDue(t); got != 0 {
			t.Errorf("%d posts published twice", got)
		}
	})
}

func reopen(t *testing.T, n *newsroom) *site.Site {
	t.Helper()
	s, err := site.Open(t.Context(), site.Config{DB: n.db, Users: n.users, BaseURL: "https://blog.example", Clock: n.clock.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Several processes that look at the same time publish each post once.
func TestPublishDueOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		const posts, replicas = 250, 3
		date := n.clock.Now().Add(time.Hour)
		insertPosts(t, n, posts, func(int) (string, string, time.Time) { return "future", "", date })
		if _, err := db.Exec(t.Context(), `INSERT INTO post_terms (post_id, term_id) SELECT p.id, t.id FROM posts p, terms t`); err != nil {
			t.Fatal(err)
		}
		n.clock.Add(time.Hour)
		sites := []*site.Site{n.Site}
		for range replicas - 1 {
			sites = append(sites, reopen(t, n))
		}
		published := make([]int, replicas)
		var group sync.WaitGroup
		for i, s := range sites {
			group.Go(func() {
				var err error
				if published[i], err = s.PublishDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		total := 0
		for _, p := range published {
			total += p
		}
		if total != posts {
			t.Errorf("%v posts published, want %d in all", published, posts)
		}
		if got := n.counts(t)["uncategorized"]; got != posts {
			t.Errorf("the category counts %d posts, want %d", got, posts)
		}
	})
}

func TestRunPublishesWhatIsScheduledMeanwhile(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			n.Run(ctx)
			close(ended)
		}()
		defer func() {
			stop()
			<-ended
		}()
		id := n.create(t, n.author, site.PostEdit{Title: new("T"), Status: new("publish"), Date: in(n, time.Hour)})
		n.clock.Add(time.Hour)
		// A newly scheduled post makes the loop look at once.
		n.create(t, n.author, site.PostEdit{Title: new("T"), Status: new("publish"), Date: in(n, time.Hour)})
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n.get(t, id).Status != "publish" {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatal("the scheduled post was not published")
			}
		}
	})
}
