package site_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// guestbook is a blog with comments, and a clock that the test sets.
type guestbook struct {
	blog
	clock *databasetest.Clock
}

func openGuestbook(t *testing.T, db *database.DB) guestbook {
	t.Helper()
	clock := databasetest.NewClock(time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC))
	g := guestbook{openBlog(t, db, clock.Now), clock}
	// Nobody signs in here, and hashing passwords takes time.
	bundle, err := os.ReadFile("../transfer/testdata/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	g.load(t, strings.NewReplacer(`"password": "harbour-master-1", `, "", `"password": "ines-password-2", `, "").Replace(string(bundle)))
	g.set(t, "comment_registration", "0")
	return g
}

func (g guestbook) set(t *testing.T, name, value string) {
	t.Helper()
	if err := g.Options().Set(t.Context(), name, value); err != nil {
		t.Fatal(err)
	}
}

func (g guestbook) who(t *testing.T, login string) auth.Identity {
	t.Helper()
	if login == "" {
		return auth.Identity{}
	}
	u, err := g.users.ByLogin(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	return auth.Identity{User: u, Via: auth.ViaPassword}
}

// comment writes a comment a minute after the last one, and returns it as the
// administrator sees it.
func (g guestbook) comment(t *testing.T, login string, in site.NewComment) (*site.FullComment, error) {
	t.Helper()
	g.clock.Add(time.Minute)
	id, err := g.CreateComment(t.Context(), g.who(t, login), in)
	if err != nil {
		return nil, err
	}
	return g.GetComment(t.Context(), g.who(t, "admin"), id)
}

func (g guestbook) count(t *testing.T, post int64) int64 {
	t.Helper()
	var n int64
	if err := g.db.Get(t.Context(), &n, `SELECT comment_count FROM posts WHERE id = $1`, post); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCreateComment(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		got, err := g.comment(t, "admin", site.NewComment{Post: 3, Parent: 4, Content: " Hello <script>x</script> & \"you\" ", Author: "Somebody", Email: "else@example.net", IP: "192.0.2.1", Agent: "A/1"})
		if err != nil {
			t.Fatal(err)
		}
		want := site.FullComment{
			Comment: site.Comment{
				ID: 40, Post: 3, Parent: 4, UserID: 1, Status: "approve", Type: "comment", Author: "Mara Quay", Email: "mara@harbour.example", URL: "http://harbour.example/mara",
				IP: "192.0.2.1", Agent: "A/1", Content: `Hello <script>x</script> & "you"`, DateGMT: g.clock.Now(), Date: g.clock.Now().Add(-3*time.Hour - 30*time.Minute),
			},
			PostTitle: "High <em>water</em> — 日本", Link: "https://blog.example/?p=3#comment-40",
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("comment (-want +got):\n%s", diff)
		}
		if n := g.count(t, 3); n != 3 {
			t.Errorf("the post counts %d comments, want 3", n)
		}
		for name, parent := range map[string]int64{"unknown": 999, "spam": 8} {
			if got, err := g.comment(t, "admin", site.NewComment{Post: 3, Parent: parent, Content: name}); err != nil || got.Parent != 0 {
				t.Errorf("answer to a comment that is %s: %+v, %v; want parent 0", name, got, err)
			}
		}
	})
}

func TestCommentRefused(t *testing.T) {
	long := strings.Repeat("x", 70000)
	for _, test := range []struct {
		name, login string
		in          site.NewComment
		want        error
	}{
		{"no such post", "admin", site.NewComment{Post: 99, Content: "x"}, site.ErrNotFound},
		{"closed", "admin", site.NewComment{Post: 6, Content: "x"}, site.ErrCommentsClosed},
		{"a revision", "admin", site.NewComment{Post: 12, Content: "x"}, site.ErrCommentsClosed},
		{"blank", "admin", site.NewComment{Post: 3, Content: " \n"}, &site.Invalid{}},
		{"long", "admin", site.NewComment{Post: 3, Content: long}, site.ErrCommentLength},
		{"the same", "admin", site.NewComment{Post: 3, Content: "Boots.", Parent: 2}, site.ErrDuplicateComment},
		{"the same, louder", "admin", site.NewComment{Post: 3, Content: "BO\u00d6TS.", Parent: 2}, site.ErrDuplicateComment},
		{"nobody", "", site.NewComment{Post: 3, Content: "x", Author: "A", Email: "a@example.net"}, site.ErrSignInToComment},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := openGuestbook(t, databasetest.Open(t, databasetest.SQLite(t)))
			_, err := g.comment(t, test.login, test.in)
			var invalid *site.Invalid
			if _, wantInvalid := test.want.(*site.Invalid); wantInvalid {
				if !errors.As(err, &invalid) {
					t.Errorf("%v, want *Invalid", err)
				}
			} else if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestAnonymousComments(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		g.set(t, "anonymous_comments", "1")
		got, err := g.comment(t, "", site.NewComment{
			Post: 3, Content: `<b>Hi</b> <script>alert(1)</script><a href="http://sea.example" onclick="x()">sea</a>`,
			Author: "A <i>B</i>", Email: "a@example.net", URL: "javascript:alert(1)", IP: "192.0.2.77",
		})
		if err != nil {
			t.Fatal(err)
		}
		want := site.Comment{
			ID: 40, Post: 3, Status: "hold", Type: "comment", Author: "A B", Email: "a@example.net", IP: "192.0.2.77",
			Content: `<b>Hi</b> alert(1)<a href="http://sea.example" rel="nofollow ugc">sea</a>`, DateGMT: g.clock.Now(), Date: g.clock.Now().Add(-210 * time.Minute),
		}
		if diff := cmp.Diff(want, got.Comment); diff != "" {
			t.Errorf("comment of nobody (-want +got):\n%s", diff)
		}
		if n := g.count(t, 3); n != 2 {
			t.Errorf("a comment that waits is counted: %d, want 2", n)
		}
		for name, in := range map[string]site.NewComment{
			"no name":     {Post: 3, Content: "1", Email: "a@example.net"},
			"no address":  {Post: 3, Content: "2", Author: "A"},
			"bad address": {Post: 3, Content: "3", Author: "A", Email: "not an address"},
			"no host":     {Post: 3, Content: "4", Author: "A", Email: "a@localhost"},
		} {
			var invalid *site.Invalid
			if _, err := g.comment(t, "", in); !errors.As(err, &invalid) {
				t.Errorf("%s: %v, want *Invalid", name, err)
			}
		}
		if _, err := g.comment(t, "", site.NewComment{Post: 3, Content: "5", Author: strings.Repeat("A", 300), Email: "a@example.net"}); !errors.Is(err, site.ErrCommentLength) {
			t.Errorf("a long author: %v, want ErrCommentLength", err)
		}
		var denied *site.Denied
		if _, err := g.comment(t, "old hand", site.NewComment{Post: 14, Content: "x"}); !errors.As(err, &denied) {
			t.Errorf("a subscriber on somebody's post in the trash: %v, want *Denied", err)
		}
		if _, err := g.CreateComment(t.Context(), auth.Identity{}, site.NewComment{Post: 14, Content: "x", Author: "A", Email: "a@example.net"}); !errors.As(err, &denied) {
			t.Errorf("on a post in the trash: %v, want *Denied", err)
		}
		g.set(t, "require_name_email", "0")
		if _, err := g.comment(t, "", site.NewComment{Post: 3, Content: "nameless", IP: "192.0.2.78"}); err != nil {
			t.Errorf("without a name, where none is required: %v", err)
		}
		g.set(t, "comment_registration", "1")
		if _, err := g.comment(t, "", site.NewComment{Post: 3, Content: "x", Author: "A", Email: "a@example.net"}); !errors.Is(err, site.ErrSignInToComment) {
			t.Errorf("with comment_registration: %v, want ErrSignInToComment", err)
		}
		g.set(t, "who_may_comment", "nobody")
		if _, err := g.comment(t, "old hand", site.NewComment{Post: 3, Content: "closed to all"}); !errors.Is(err, site.ErrCommentsClosed) {
			t.Errorf("a user where nobody may comment: %v, want ErrCommentsClosed", err)
		}
		if _, err := g.comment(t, "", site.NewComment{Post: 3, Content: "x"}); !errors.Is(err, site.ErrSignInToComment) {
			t.Errorf("a visitor where nobody may comment: %v, want ErrSignInToComment", err)
		}
	})
}

// Whether a comment appears at once depends on its author, on the options, and
// on the comments that were approved before.
func TestModeration(t *testing.T) {
	for _, test := range []struct {
		name, login, content, want string
		options                    []string
		before                     func(t *testing.T, g guestbook)
	}{
		{name: "a moderator", login: "admin", content: "x", want: "approve"},
		{name: "the author of the post", login: "ines", content: "x", want: "approve", before: func(t *testing.T, g guestbook) {
			if _, err := g.db.Exec(t.Context(), `UPDATE posts SET author = 2 WHERE id = 3`); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "for the first time", login: "ines", content: "x", want: "hold"},
		{name: "after an approved one", login: "ines", content: "x", want: "approve", before: func(t *testing.T, g guestbook) {
			c, err := g.comment(t, "ines", site.NewComment{Post: 3, Content: "first"})
			if err != nil {
				t.Fatal(err)
			}
			approve := "approve"
			if err := g.EditComment(t.Context(), g.who(t, "admin"), c.ID, site.CommentEdit{Status: &approve}); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "where that does not matter", login: "ines", content: "x", want: "approve", options: []string{"comment_previously_approved=0"}},
		{name: "where all are looked at", login: "ines", content: "x", want: "hold", options: []string{"comment_previously_approved=0", "comment_moderation=1"}},
		{name: "one link", login: "ines", content: "http://a.example", want: "approve", options: []string{"comment_previously_approved=0"}},
		{name: "two links", login: "ines", content: `http://a.example <a href="http://b.example">b</a>`, want: "hold", options: []string{"comment_previously_approved=0"}},
		{name: "a word", login: "ines", content: "Cheap WATCHES", want: "hold", options: []string{"comment_previously_approved=0", "moderation_keys=foo\nwatch"}},
		{name: "a worse word", login: "ines", content: "Cheap watches", want: "trash", options: []string{"comment_previously_approved=0", "disallowed_keys=watch"}},
		{name: "a moderator's word", login: "admin", content: "Cheap watches", want: "approve", options: []string{"disallowed_keys=watch"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := openGuestbook(t, databasetest.Open(t, databasetest.SQLite(t)))
			for _, o := range test.options {
				name, value, _ := strings.Cut(o, "=")
				g.set(t, name, value)
			}
			if test.before != nil {
				test.before(t, g)
			}
			c, err := g.comment(t, test.login, site.NewComment{Post: 3, Content: test.content})
			if err != nil || c.Status != test.want {
				t.Errorf("%+v, %v; want status %s", c, err, test.want)
			}
		})
	}
}

func TestCommentFlood(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		create := func(login string, after time.Duration) error {
			g.clock.Add(after)
			_, err := g.CreateComment(t.Context(), g.who(t, login), site.NewComment{Post: 3, Content: fmt.Sprint("at ", g.clock.Now().Unix()), IP: "192.0.2.1"})
			return err
		}
		for i, test := range []struct {
			login string
			after time.Duration
			want  error
		}{
			{"ines", time.Minute, nil},
			{"ines", 14 * time.Second, site.ErrCommentFlood},
			{"ines", time.Second, nil},
			{"admin", time.Second, nil}, // may moderate
			{"admin", time.Second, nil},
			{"old hand", time.Second, nil}, // another user
		} {
			if err := create(test.login, test.after); !errors.Is(err, test.want) {
				t.Errorf("comment %d: %v, want %v", i+1, err, test.want)
			}
		}
	})
}

// H18: the pause between comments of strangers counts IPv6 addresses by /64.
func TestH18CommentFloodOfOneNetwork(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		g.set(t, "anonymous_comments", "1")
		for i, test := range []struct {
			ip   string
			want error
		}{
			{"2001:db8:1:2::1", nil},
			{"2001:db8:1:2:ffff::9", site.ErrCommentFlood},
			{"2001:db8:1:3::1", nil},
			{"192.0.2.1", nil},
			{"::ffff:192.0.2.1", site.ErrCommentFlood},
			{"192.0.2.2", nil},
		} {
			_, err := g.CreateComment(t.Context(), auth.Identity{}, site.NewComment{
				Post: 3, Content: fmt.Sprint("visit ", i),
				Author: "Visitor", Email: fmt.Sprintf("v%d@example.org", i), IP: test.ip,
			})
			if !errors.Is(err, test.want) {
				t.Errorf("comment %d from %s: %v, want %v", i+1, test.ip, err, test.want)
			}
		}
	})
}

func TestEditComment(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		admin := g.who(t, "admin")
		text := func(s string) *string { return &s }
		at := time.Date(2024, 5, 5, 5, 5, 5, 0, time.UTC)
		for _, step := range []struct {
			name  string
			edit  site.CommentEdit
			check func(c site.Comment) bool
			count int64
		}{
			{"hold", site.CommentEdit{Status: text("hold")}, func(c site.Comment) bool { return c.Status == "hold" }, 1},
			{"approve", site.CommentEdit{Status: text("approve")}, func(c site.Comment) bool { return c.Status == "approve" }, 2},
			{"a visitor's text is filtered", site.CommentEdit{Content: text("<b>x</b><script>y</script>")}, func(c site.Comment) bool { return c.Content == "<b>x</b>y" }, 2},
			{
				"author",
				site.CommentEdit{Author: text("A & B"), Email: text("b@example.net"), URL: text("b.example")},
				func(c site.Comment) bool {
					return c.Author == "A &amp; B" && c.Email == "b@example.net" && c.URL == "http://b.example"
				}, 2,
			},
			{"date", site.CommentEdit{DateGMT: &at}, func(c site.Comment) bool { return c.DateGMT.Equal(at) && c.Date.Equal(at.Add(-210*time.Minute)) }, 2},
			{"trash", site.CommentEdit{Status: text("trash")}, func(c site.Comment) bool { return c.Status == "trash" }, 1},
		} {
			if err := g.EditComment(t.Context(), admin, 2, step.edit); err != nil {
				t.Errorf("%s: %v", step.name, err)
				continue
			}
			c, err := g.GetComment(t.Context(), admin, 2)
			if err != nil || !step.check(c.Comment) || g.count(t, 3) != step.count {
				t.Errorf("%s: %+v, %v; the post counts %d, want %d", step.name, c, err, g.count(t, 3), step.count)
			}
			if err := g.EditComment(t.Context(), admin, 2, step.edit); !errors.Is(err, site.ErrSame) {
				t.Errorf("%s again: %v, want ErrSame", step.name, err)
			}
		}
		if err := g.EditComment(t.Context(), admin, 3, site.CommentEdit{Content: text("<i>x</i><script>y</script>")}); err != nil {
			t.Fatal(err)
		}
		if c, err := g.GetComment(t.Context(), admin, 3); err != nil || c.Content != "<i>x</i><script>y</script>" {
			t.Errorf("the text of a user who may write anything: %+v, %v", c, err)
		}
		var invalid *site.Invalid
		if err := g.EditComment(t.Context(), admin, 2, site.CommentEdit{Status: text("fine")}); !errors.As(err, &invalid) {
			t.Errorf("unknown status: %v, want *Invalid", err)
		}
		if err := g.EditComment(t.Context(), admin, 99, site.CommentEdit{}); !errors.Is(err, site.ErrNoComment) {
			t.Errorf("unknown comment: %v, want ErrNoComment", err)
		}
		var denied *site.Denied
		if err := g.EditComment(t.Context(), g.who(t, "ines"), 2, site.CommentEdit{Status: text("spam")}); !errors.As(err, &denied) {
			t.Errorf("a post of another user: %v, want *Denied", err)
		}
	})
}

// A comment is first moved to the trash and then deleted, and its replies move
// up.
func TestDeleteComment(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		admin := g.who(t, "admin")
		if err := g.DeleteComment(t.Context(), admin, 2); err != nil {
			t.Fatal(err)
		}
		if c, err := g.GetComment(t.Context(), admin, 2); err != nil || c.Status != "trash" || g.count(t, 3) != 1 {
			t.Errorf("after the first time: %+v, %v, count %d", c, err, g.count(t, 3))
		}
		if err := g.DeleteComment(t.Context(), admin, 2); err != nil {
			t.Fatal(err)
		}
		if _, err := g.GetComment(t.Context(), admin, 2); !errors.Is(err, site.ErrNoComment) {
			t.Errorf("after the second time: %v, want ErrNoComment", err)
		}
		if c, err := g.GetComment(t.Context(), admin, 3); err != nil || c.Parent != 0 {
			t.Errorf("the answer: %+v, %v; want parent 0", c, err)
		}
		if err := g.DeleteComment(t.Context(), admin, 8); err != nil { // spam
			t.Fatal(err)
		}
		if err := g.DeleteComment(t.Context(), admin, 8); !errors.Is(err, site.ErrNoComment) {
			t.Errorf("spam is deleted at once: %v, want ErrNoComment", err)
		}
		var denied *site.Denied
		if err := g.DeleteComment(t.Context(), g.who(t, "ines"), 4); !errors.As(err, &denied) {
			t.Errorf("a post of another user: %v, want *Denied", err)
		}
	})
}

func TestListComments(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		g := openGuestbook(t, db)
		admin := g.who(t, "admin")
		for _, test := range []struct {
			name   string
			filter site.CommentFilter
			want   []int64
		}{
			{"those that are seen or wait", site.CommentFilter{}, []int64{4, 3, 2}},
			{"all", site.CommentFilter{Status: "all"}, []int64{4, 3, 2}},
			{"approved", site.CommentFilter{Status: "approve"}, []int64{3, 2}},
			{"spam", site.CommentFilter{Status: "spam"}, []int64{8}},
			{"no status", site.CommentFilter{Status: "fine"}, nil},
			{"as they are stored", site.CommentFilter{Status: "1"}, []int64{3, 2}},
			{"several", site.CommentFilter{Status: "0, spam"}, []int64{8, 4}},
			{"page by page", site.CommentFilter{Limit: 1, Offset: 1}, []int64{3}},
			{"of a post", site.CommentFilter{Post: 6, Status: "spam"}, []int64{8}},
			{"of another post", site.CommentFilter{Post: 5}, nil},
			{"of pages", site.CommentFilter{PostType: new("page"), Status: "spam"}, []int64{8}},
			{"of posts", site.CommentFilter{PostType: new("post"), Status: "spam"}, nil},
		} {
			list, err := whole(g.ListComments(t.Context(), admin, test.filter))
			var got []int64
			for _, c := range list {
				got = append(got, c.ID)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
			}
		}
		// A comment on a post that not everyone may read is not for
		// everyone either.
		for status, want := range map[string]int{"publish": 2, "private": 0} {
			if _, err := g.db.Exec(t.Context(), `UPDATE posts SET status = $1 WHERE id = 3`, status); err != nil {
				t.Fatal(err)
			}
			list, err := whole(g.ListComments(t.Context(), g.who(t, "old hand"), site.CommentFilter{Status: "approve"}))
			if err != nil || len(list) != want {
				t.Errorf("a subscriber sees %d comments on a %s post, %v; want %d", len(list), status, err, want)
			}
		}
		if _, err := whole(g.ListComments(t.Context(), admin, site.CommentFilter{PostType: new("attachments")})); !errors.Is(err, site.ErrNoPostType) {
			t.Errorf("no such type: %v, want ErrNoPostType", err)
		}
		before := db.Statements()
		if _, err := whole(g.ListComments(t.Context(), admin, site.CommentFilter{})); err != nil {
			t.Fatal(err)
		}
		if spent := db.Statements() - before; spent > 3 {
			t.Errorf("a list took %d statements, want 3 at most", spent)
		}
	})
}
