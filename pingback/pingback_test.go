package pingback

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
)

// newsroom is a blog with an administrator, and its pingbacks.
type newsroom struct {
	*Blog
	users *auth.Users
	clock *databasetest.Clock
	admin auth.Identity
}

func openNewsroom(t *testing.T, db *database.DB) *newsroom {
	t.Helper()
	c := databasetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	b := sitetest.Open(t, db, sitetest.Config{Clock: c.Now})
	user, err := b.Users.Create(t.Context(), audit.Operator, auth.NewUser{Login: "administrator", Password: "administrator-password", Role: auth.Administrator})
	if err != nil {
		t.Fatal(err)
	}
	return &newsroom{Blog: New(Config{Site: b.Site}), users: b.Users, clock: c, admin: auth.Identity{User: user, Via: auth.ViaPassword}}
}

func (n *newsroom) create(t *testing.T, e site.PostEdit) int64 {
	t.Helper()
	id, err := n.site.CreatePost(t.Context(), n.admin, e)
	if err != nil {
		t.Fatalf("create a post: %v", err)
	}
	return id
}

func (n *newsroom) edit(t *testing.T, id int64, e site.PostEdit) {
	t.Helper()
	if err := n.site.EditPost(t.Context(), n.admin, id, e); err != nil {
		t.Fatalf("edit post %d: %v", id, err)
	}
}

// comment takes a pingback whose source is a page with this text.
func (n *newsroom) comment(t *testing.T, p Ping, page string) error {
	t.Helper()
	post, err := n.check(t.Context(), p)
	if err != nil {
		return err
	}
	return n.add(t.Context(), post, p, page)
}

func second(_ *site.Post, err error) error { return err }

// whole reads everything that a walk shows.
func whole[T any](pages iter.Seq2[[]T, error], err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return database.All(pages)
}

const aPage = "https://else.example/page"

func TestPingbackTargets(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		make := func(e site.PostEdit) int64 {
			e.Content = new("x")
			if e.Status == nil {
				e.Status = new("publish")
			}
			if e.PingStatus == nil {
				e.PingStatus = new("open")
			}
			return n.create(t, e)
		}
		post := make(site.PostEdit{Title: new("Hello World")})
		page := make(site.PostEdit{Title: new("About"), Type: new("page")})
		closed := make(site.PostEdit{Title: new("Closed"), PingStatus: new("closed")})
		draft := make(site.PostEdit{Title: new("Draft"), Status: new("draft")})
		private := make(site.PostEdit{Title: new("Private"), Status: new("private")})
		for _, structure := range []string{"", "/%year%/%monthnum%/%postname%/"} {
			if err := n.site.Options().Set(t.Context(), "permalink_structure", structure); err != nil {
				t.Fatal(err)
			}
			pretty := ErrTarget
			if structure != "" {
				pretty = nil
			}
			for _, test := range []struct {
				target string
				want   error
			}{
				{fmt.Sprintf("https://blog.example/?p=%d", post), nil},
				{fmt.Sprintf("https://blog.example/?p=%d#comment-7", post), nil},
				{fmt.Sprintf("https://blog.example/?x=y&p=%d", post), nil},
				{fmt.Sprintf("https://blog.example/?x=y&amp;p=%d", post), nil},
				{fmt.Sprintf("http://blog.example/?p=%d", post), nil},
				{fmt.Sprintf("https://www.blog.example/?p=%d", post), nil},
				{fmt.Sprintf("HTTPS://BLOG.example/?p=%d", post), nil},
				{fmt.Sprintf("https://blog.example/?page_id=%d", page), nil},
				{fmt.Sprintf("https://blog.example/archives/p/%d", post), nil},
				{fmt.Sprintf("https://blog.example/?xp=%d", post), nil},
				{fmt.Sprintf("https://blog.example/#%d", post), nil},
				{fmt.Sprintf("https://blog.example/#post-%d", post), nil},
				{"https://blog.example/#Hello%20World", nil},
				{"https://blog.example/2026/03/hello-world/", pretty},
				{"https://blog.example/2026/03/hello-world", pretty},
				{"https://blog.example/about/", pretty},
				{"https://blog.example/2026/04/hello-world/", ErrTarget},
				{"https://blog.example/", ErrTarget},
				{"https://blog.example", ErrTarget},
				{"https://blog.example/#nothing-like-it", ErrTarget},
				{"https://blog.example/?p=9999", ErrTarget},
				{"https://blog.example/?p=99999999999999999999", ErrTarget},
				{fmt.Sprintf("https://blog.example/?p=%d", closed), ErrTarget},
				{fmt.Sprintf("https://blog.example/?p=%d", draft), ErrTarget},
				{fmt.Sprintf("https://blog.example/?p=%d", private), ErrTarget},
				{fmt.Sprintf("https://other.example/?p=%d", post), ErrElsewhere},
				{fmt.Sprintf("https://blog.example.evil.example/?p=%d", post), ErrElsewhere},
				{fmt.Sprintf("https://evil.example/https://blog.example/?p=%d", post), ErrElsewhere},
				{fmt.Sprintf("https://blog.example:8443/?p=%d", post), ErrElsewhere},
				{fmt.Sprintf("/?p=%d", post), ErrElsewhere},
				{fmt.Sprintf("ftp://blog.example/?p=%d", post), ErrElsewhere},
				{"", ErrElsewhere},
				{"http://[", ErrElsewhere},
			} {
				if err := second(n.check(t.Context(), NewPing(aPage, test.target))); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Errorf("structure %q, target %s: got %v, want %v", structure, test.target, err, test.want)
				}
			}
		}
		for _, test := range []struct {
			source string
			want   error
		}{
			{fmt.Sprintf("https://blog.example/?p=%d", post), ErrSelf},
			{fmt.Sprintf("https://blog.example/?p=%d", page), nil},
			{"", site.ErrPingSource},
			{"javascript:alert(1)", site.ErrPingSource},
			{"https://else.example/" + strings.Repeat("x", 200), site.ErrPingSource},
		} {
			err := second(n.check(t.Context(), NewPing(test.source, fmt.Sprintf("https://blog.example/?p=%d", post))))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("source %.60s: got %v, want %v", test.source, err, test.want)
			}
		}
	})
}

func TestAddPingback(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		post := n.create(t, site.PostEdit{Title: new("Hello"), Content: new("x"), Status: new("publish")})
		target := fmt.Sprintf("https://blog.example/?p=%d", post)
		text := `<title>Tom's &amp; "Jerry's" <page</title><title>Second &amp; good</title><body><p>It's "well" said &lt;there&gt; <a href="` + target + `">by & by</a> and so on.</p>`
		add := func(source, page string) error {
			p := NewPing(source, target)
			p.IP, p.Agent = "192.0.2.7", "Other/1"
			err := n.comment(t, p, page)
			n.clock.Add(time.Minute)
			return err
		}
		if err := add(aPage, text); err != nil {
			t.Fatal(err)
		}
		list, err := whole(n.site.ListComments(t.Context(), n.admin, site.CommentFilter{Post: post}))
		if err != nil || len(list) != 1 {
			t.Fatalf("got %d comments, %v; want the pingback", len(list), err)
		}
		got := list[0].Comment
		got.Date, got.DateGMT = time.Time{}, time.Time{}
		want := site.Comment{
			ID: got.ID, Post: post, Status: "hold", Type: "pingback", Author: "Second &amp; good", URL: aPage, IP: "192.0.2.7", Agent: "Other/1",
			Content: "[&#8230;] &quot;well&quot; said &lt;there&gt; by &amp; by and so [&#8230;]",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("comment (-want +got):\n%s", diff)
		}
		for _, test := range []struct {
			name, source, page string
			want               error
		}{
			{"again", aPage, text, site.ErrPinged},
			{"no title", aPage + "/2", "<p>" + target, ErrTitle},
			{"no link", aPage + "/2", "<title>A</title>", ErrLink},
			{"same title and text", aPage + "/2", text, site.ErrDuplicateComment},
			{"another page", aPage + "/2", "<title>A</title><p><a href=\"" + target + "\">x</a>", nil},
			{"long title", aPage + "/3", "<title>" + strings.Repeat("ä", 200) + "</title><p><a href=\"" + target + "\">x</a>", nil},
		} {
			if err := add(test.source, test.page); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%s: got %v, want %v", test.name, err, test.want)
			}
		}
		p := NewPing(aPage+"/4", target)
		p.IP = "192.0.2.8"
		if err := n.comment(t, p, strings.Replace(text, "said", "put", 1)); err != nil {
			t.Fatal(err)
		}
		p.Source = aPage + "/5"
		if err := n.comment(t, p, text+"!"); !errors.Is(err, site.ErrDuplicateComment) && !errors.Is(err, site.ErrCommentFlood) {
			t.Errorf("second pingback at once: got %v, want it refused", err)
		}
		pages, err := whole(n.Of(t.Context(), target))
		if diff := cmp.Diff([]string{aPage, aPage + "/2", aPage + "/3", aPage + "/4"}, pages); diff != "" || err != nil {
			t.Errorf("pingbacks: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestPingbacksOf(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		post := n.create(t, site.PostEdit{Title: new("Hello"), Content: new("x"), Status: new("publish")})
		draft := n.create(t, site.PostEdit{Title: new("Draft"), Content: new("x")})
		for _, test := range []struct {
			address string
			want    error
		}{
			{fmt.Sprintf("https://blog.example/?p=%d", post), nil},
			{fmt.Sprintf("https://blog.example/?p=%d", draft), nil},
			{"https://blog.example/?p=9999", ErrNoPost},
			{"https://blog.example/nothing-here", ErrTarget},
			{"https://other.example/", ErrTarget},
			{"", ErrTarget},
		} {
			list, err := whole(n.Of(t.Context(), test.address))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || len(list) != 0 {
				t.Errorf("%s: got %v, %v; want %v", test.address, list, err, test.want)
			}
		}
	})
}

// A post that strangers may not read any longer answers an empty list, as a
// draft of WordPress does that never had any: who links to it is for those who
// may read it.
func TestPingbacksOfHiddenPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, site.PostEdit{Title: new("Hello"), Content: new("x"), Status: new("publish"), PingStatus: new("open")})
		target := fmt.Sprintf("https://blog.example/?p=%d", id)
		page := `<title>Page</title><p>It said <a href="` + target + `">hello</a> there.</p>`
		if err := n.comment(t, NewPing(aPage, target), page); err != nil {
			t.Fatal(err)
		}
		for _, status := range []string{"publish", "draft", "pending", "private", "trash", "publish"} {
			n.clock.Add(time.Second)
			n.edit(t, id, site.PostEdit{Status: &status})
			var want []string
			if status == "publish" {
				want = []string{aPage}
			}
			got, err := whole(n.Of(t.Context(), target))
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("pingbacks of a post with status %s: %v (-want +got):\n%s", status, err, diff)
			}
		}
	})
}

// take lists what is to be sent, as "source target".
func take(t *testing.T, b *Blog, limit int) ([]outgoing, []string) {
	t.Helper()
	pings, err := b.take(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range pings {
		list = append(list, p.Source+" "+p.Target)
	}
	return pings, list
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func link(n int) string { return fmt.Sprintf("https://else.example/%d", n) }

func linking(to ...int) *string {
	var b strings.Builder
	for _, n := range to {
		fmt.Fprintf(&b, `<a href="%s">x</a> `, link(n))
	}
	return new(b.String())
}

func TestTakePings(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		n.create(t, site.PostEdit{Title: new("Before"), Content: linking(0), Status: new("publish")})
		_, got := take(t, n.Blog, 10)
		expect(t, "while sending is off", got)

		n.clock.Add(25 * time.Hour)
		if err := n.site.Options().Set(t.Context(), "pingback_send", "on"); err != nil {
			t.Fatal(err)
		}
		_, got = take(t, n.Blog, 10)
		expect(t, "posts of the time when nobody sent", got)

		id := n.create(t, site.PostEdit{Title: new("Now"), Content: linking(1, 2), Status: new("publish")})
		draft := n.create(t, site.PostEdit{Title: new("Draft"), Content: linking(3)})
		n.create(t, site.PostEdit{Title: new("Secret"), Content: linking(4), Status: new("publish"), Password: new("sesame")})
		n.create(t, site.PostEdit{Title: new("Private"), Content: linking(5), Status: new("private")})
		source := fmt.Sprintf("https://blog.example/?p=%d ", id)
		first, got := take(t, n.Blog, 10)
		expect(t, "links of a new post", got, source+link(1), source+link(2))
		_, got = take(t, n.Blog, 10)
		expect(t, "while others send", got)

		// One was sent, the other one's sender has died.
		if err := n.sent(t.Context(), first[0]); err != nil {
			t.Fatal(err)
		}
		n.clock.Add(3 * time.Minute)
		_, got = take(t, n.Blog, 10)
		expect(t, "after the lease", got, source+link(2))

		n.edit(t, id, site.PostEdit{Content: linking(1, 2, 6)})
		n.edit(t, draft, site.PostEdit{Status: new("publish")})
		draftSource := fmt.Sprintf("https://blog.example/?p=%d ", draft)
		_, got = take(t, n.Blog, 1)
		expect(t, "only so many", got, source+link(6))
		_, got = take(t, n.Blog, 10)
		expect(t, "new links alone", got, draftSource+link(3))

		n.edit(t, id, site.PostEdit{Status: new("draft")})
		n.clock.Add(3 * time.Minute)
		_, got = take(t, n.Blog, 10)
		expect(t, "of a post that is public no more", got, draftSource+link(3))
		if err := n.site.Options().Set(t.Context(), "pingback_send", "off"); err != nil {
			t.Fatal(err)
		}
		n.clock.Add(time.Hour)
		_, got = take(t, n.Blog, 10)
		expect(t, "after sending was switched off", got)
	})
}

func TestPingPauses(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		if err := n.site.Options().Set(t.Context(), "pingback_send", "on"); err != nil {
			t.Fatal(err)
		}
		id := n.create(t, site.PostEdit{Title: new("Now"), Content: linking(1), Status: new("publish")})
		want := fmt.Sprintf("https://blog.example/?p=%d %s", id, link(1))
		for i, pause := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour} {
			pings, got := take(t, n.Blog, 10)
			expect(t, fmt.Sprintf("try %d", i+1), got, want)
			if err := n.failed(t.Context(), pings[0]); err != nil {
				t.Fatal(err)
			}
			n.clock.Add(pause - time.Second)
			_, got = take(t, n.Blog, 10)
			expect(t, "before the pause is over", got)
			n.clock.Add(2 * time.Second)
		}
		pings, got := take(t, n.Blog, 10)
		expect(t, "last try", got, want)
		if err := n.failed(t.Context(), pings[0]); err != nil {
			t.Fatal(err)
		}
		n.clock.Add(1000 * time.Hour)
		_, got = take(t, n.Blog, 10)
		expect(t, "after the last try", got)
	})
}

// Two processes share the work and send nothing twice; a third one, started
// later, finds nothing left.
func TestTwoSendPings(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		n := openNewsroom(t, databasetest.Open(t, url))
		if err := n.site.Options().Set(t.Context(), "pingback_send", "on"); err != nil {
			t.Fatal(err)
		}
		var want []string
		for range 10 {
			id := n.create(t, site.PostEdit{Title: new("Now"), Content: linking(1, 2, 3), Status: new("publish")})
			for i := range 3 {
				want = append(want, fmt.Sprintf("https://blog.example/?p=%d %s", id, link(i+1)))
			}
		}
		type result struct {
			list []string
			err  error
		}
		results := make(chan result)
		for range 2 {
			there, err := site.Open(t.Context(), site.Config{DB: databasetest.Open(t, url), Users: n.users, BaseURL: sitetest.BaseURL, Clock: n.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			other := New(Config{Site: there})
			go func() {
				var r result
				for {
					pings, err := other.take(t.Context(), 4)
					if err != nil || len(pings) == 0 {
						r.err = err
						results <- r
						return
					}
					for _, p := range pings {
						r.list = append(r.list, p.Source+" "+p.Target)
						if err := other.sent(t.Context(), p); err != nil {
							r.err = err
						}
					}
				}
			}()
		}
		seen := map[string]int{}
		for range 2 {
			r := <-results
			if r.err != nil {
				t.Error(r.err)
			}
			for _, p := range r.list {
				seen[p]++
			}
		}
		for _, p := range want {
			if seen[p] != 1 {
				t.Errorf("%s was sent %d times, want once", p, seen[p])
			}
		}
		if len(seen) != len(want) {
			t.Errorf("%d pingbacks were sent, want %d", len(seen), len(want))
		}
		n.clock.Add(time.Hour)
		_, got := take(t, n.Blog, 10)
		expect(t, "what is left", got)
	})
}
