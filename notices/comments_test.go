package notices_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/mail/mailtest"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// publish publishes a post of a user and returns its id.
func (h *house) publish(t *testing.T, by auth.User, title string) int64 {
	t.Helper()
	id, err := h.blog.Site.CreatePost(t.Context(), auth.Identity{User: by}, site.PostEdit{
		Title: &title, Content: new("text"), Status: new("publish"), CommentStatus: new("open"), PingStatus: new("open"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (h *house) option(t *testing.T, name, value string) {
	t.Helper()
	if err := h.blog.Site.Options().Set(t.Context(), name, value); err != nil {
		t.Fatal(err)
	}
}

// comment adds a visitor's comment on the page of a post. It moves the clock,
// because comments must not follow each other too quickly.
func (h *house) comment(t *testing.T, post int64, author, text string) {
	t.Helper()
	h.clock.Add(20 * time.Second)
	p := h.browser(t, "203.0.113.5").Post("/wp-comments-post.php", "comment_post_ID", strconv.FormatInt(post, 10), "author", author, "email", "vic@mail.example", "comment", text)
	if p.Status != http.StatusSeeOther {
		t.Fatalf("the comment: %d %s", p.Status, p.Body)
	}
}

// recipients returns the recipients of mails with the given part in their
// subject.
func recipients(list []mailtest.Mail, part string) (to []string) {
	for _, m := range list {
		if strings.Contains(m.Subject, part) {
			to = append(to, m.To)
		}
	}
	slices.Sort(to)
	return to
}

// A held comment is reported to the administrators and to the author of the
// post. They follow the link, sign in, approve the comment and reply. The
// commenter's text stays a quotation.
func TestHeldCommentByMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.option(t, "who_may_comment", "anybody")
		post := h.publish(t, h.bob, "First & <b>last</b> „Grüße“\r\nBcc: evil@example.org")
		h.comment(t, post, "Vic\r\nBcc: evil@example.org", "Nice.\n\n-- \nYour blog\nhttp://evil.example/admin/comments/1\r\n.\r\nQUIT")
		list := h.mail.Wait(t, 2)
		if got := recipients(list, "Please moderate"); !slices.Equal(got, []string{"ada@example.org", "bob@example.org"}) {
			t.Fatalf("told: %q", got)
		}
		m := list[0]
		if m.Header.Get("Bcc") != "" || !strings.Contains(m.Text, "> Nice.\n>\n> --\n> Your blog\n> http://evil.example/admin/comments/1\n> .\n> QUIT\n") ||
			!strings.Contains(m.Subject, "First & last „Grüße“") || !strings.Contains(m.Text, "203.0.113.5") {
			t.Errorf("the mail: %q\n%s", m.Subject, m.Text)
		}
		if want := fmt.Sprintf("<post.%d@blog.example>", post); m.Header.Get("References") != want {
			t.Errorf("References: %s, want %s", m.Header.Get("References"), want)
		}
		address := link(t, m, h.base+"/admin/comments/")
		bob := h.browser(t, "192.0.2.1")
		p := bob.Get(address)
		if p.Status != http.StatusSeeOther || !strings.HasPrefix(p.To(), "/signin?next=") {
			t.Fatalf("the link without a session: %d to %q", p.Status, p.To())
		}
		if p = bob.Post("/signin", "login", "bob", "password", password, "next", strings.TrimPrefix(address, h.base)); p.To() != strings.TrimPrefix(address, h.base) {
			t.Fatalf("after signing in: %d to %q", p.Status, p.To())
		}
		for range 2 { // looking changes nothing
			if p = bob.Get(address); p.Status != http.StatusOK || !strings.Contains(p.Body, "Approve and reply") {
				t.Fatalf("the page of the comment: %d %s", p.Status, p.Body)
			}
		}
		if p = bob.Post(address+"/reply", "reply", "Thank you."); p.Status != http.StatusSeeOther {
			t.Fatalf("the reply: %d %s", p.Status, p.Body)
		}
		if p = h.browser(t, "203.0.113.5").Get("/?p=" + strconv.FormatInt(post, 10)); !strings.Contains(p.Body, "Thank you.") || !strings.Contains(p.Body, "Nice.") {
			t.Errorf("the page of the post lacks the comment or the answer: %s", p.Body)
		}
		h.empty(t)
		if got := h.mail.Mails(); len(got) != 2 {
			t.Errorf("bob got a mail about his own action: %s", got[2].Raw)
		}
	})
}

// The recipients are those of WordPress, whether a comment comes from a page,
// by XML-RPC or as a pingback.
func TestWhoHearsOfComments(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.option(t, "who_may_comment", "anybody")
		h.option(t, "comment_previously_approved", "0") // visitors are seen at once
		servertest.User(t, h.blog.Keys, "cyd", auth.Subscriber)
		told := func(what string, n int, want ...string) []mailtest.Mail {
			t.Helper()
			h.empty(t)
			list := h.mail.Mails()[n:]
			var got []string
			for _, m := range list {
				kind, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, "[My blog] "), ":")
				got = append(got, kind+" "+m.To)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: told %q, want %q", what, got, want)
			}
			return list
		}
		call := func(login, method string, params ...xmlrpc.Value) {
			t.Helper()
			h.clock.Add(20 * time.Second)
			args := append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(login), xmlrpc.String(password)}, params...)
			r, err := http.NewRequest(http.MethodPost, h.base+"/xmlrpc.php", strings.NewReader(string(xmlrpc.AppendCall(nil, method, args...))))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "text/xml")
			r.Header.Set("X-Forwarded-For", "192.0.2.3")
			r.Header.Set("X-Forwarded-Proto", "https")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var answer strings.Builder
			if err := resp.Write(&answer); err != nil || strings.Contains(answer.String(), "<fault>") {
				t.Fatalf("%s: %v\n%s", method, err, answer.String())
			}
		}
		newComment := func(login string, post int64, text string) {
			t.Helper()
			call(login, "wp.newComment", xmlrpc.Int(post), xmlrpc.Struct(xmlrpc.M("content", xmlrpc.String(text))))
		}
		n := 0
		post := func() int64 { n++; return h.publish(t, h.bob, fmt.Sprint("Post ", n)) }
		h.comment(t, post(), "Vic", "one")
		told("a visitor's, seen at once", 0, "New comment bob@example.org")
		newComment("cyd", post(), "two")
		told("a subscriber's by XML-RPC", 1, "New comment bob@example.org")
		newComment("bob", post(), "three")
		told("the author's own", 2)
		h.option(t, "comment_moderation", "1")
		h.option(t, "admin_email", "desk@blog.example")
		newComment("cyd", post(), "four")
		told("held, with admin_email", 2, "Please moderate bob@example.org", "Please moderate desk@blog.example")
		h.option(t, "admin_email", "BOB@example.org")
		newComment("cyd", post(), "five")
		told("held, admin_email is the author's", 4, "Please moderate bob@example.org")
		h.option(t, "admin_email", "cyd@example.org")
		newComment("cyd", post(), "six")
		told("held, admin_email is a subscriber's", 5, "Please moderate bob@example.org", "Please moderate cyd@example.org")
		h.option(t, "admin_email", "")
		page := h.publish(t, h.ada, "Post of ada")
		newComment("cyd", page, "seven")
		told("held, on a post of the administrator", 7, "Please moderate ada@example.org")
		// If another user approves a comment, the author gets mail about it.
		ada := h.browser(t, "192.0.2.1").SignIn("ada", password)
		last := post()
		newComment("cyd", last, "eight")
		list := told("held again", 8, "Please moderate ada@example.org", "Please moderate bob@example.org")
		id := strings.TrimPrefix(link(t, list[0], "/admin/comments/"), h.base+"/admin/comments/")
		if p := ada.Post("/admin/comments", "one", "approve "+id); p.Status != http.StatusSeeOther {
			t.Fatalf("approve: %d %s", p.Status, p.Body)
		}
		told("approved by the administrator", 10, "New comment bob@example.org")
		h.option(t, "moderation_notify", "0")
		newComment("cyd", post(), "nine")
		told("held without moderation_notify", 11)
		h.option(t, "comment_moderation", "0")
		h.option(t, "comments_notify", "0")
		newComment("cyd", post(), "ten")
		told("seen without comments_notify", 11)
		h.option(t, "comments_notify", "1")
		h.option(t, "disallowed_keys", "viagra")
		newComment("cyd", post(), "viagra")
		told("in the trash at once", 11)
		// A pingback.
		h.option(t, "pingback", "1")
		h.option(t, "pingback_fault_codes", "1")
		target := fmt.Sprintf("%s/?p=%d", h.base, post())
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<title>Another blog</title><p>I have read <a href="%s">this</a> today.</p>`, target)
		}))
		defer other.Close()
		h.option(t, "pingback_networks", strings.TrimPrefix(other.URL, "http://"))
		h.clock.Add(20 * time.Second)
		r, err := http.Post(h.base+"/xmlrpc.php", "text/xml", strings.NewReader(string(xmlrpc.AppendCall(nil, "pingback.ping", xmlrpc.String(other.URL+"/x"), xmlrpc.String(target)))))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || !strings.Contains(string(answer), "among the pingbacks") {
			t.Fatalf("the pingback: %v %s", err, answer)
		}
		list = told("a pingback", 11, "New comment bob@example.org")
		if len(list) == 1 && !strings.Contains(list[0].Text, "(pingback)") {
			t.Errorf("the mail about a pingback: %s", list[0].Text)
		}
	})
}

// Strangers can cause a bounded number of mails: one an hour about a post,
// twelve an hour to a person, and a digest for many posts.
func TestManyCommentsByMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.option(t, "who_may_comment", "anybody")
		h.option(t, "admin_email", "desk@blog.example")
		post := h.publish(t, h.ada, "Flooded") // ada hears as the author, the desk as the administrator
		for i := range 15 {
			h.comment(t, post, "Vic", fmt.Sprint("number ", i))
		}
		first := h.mail.Wait(t, 2)
		if len(first) > 4 { // one for each, or two when the first left before the others came
			t.Errorf("%d mails about one post", len(first))
		}
		h.settle(t, 10*time.Minute)
		list := h.mail.Mails()
		if len(list) > 4 {
			t.Errorf("%d mails after an hour", len(list))
		}
		last := list[len(list)-1]
		if !strings.Contains(last.Text, "comments on \"Flooded\" are awaiting moderation") || strings.Count(last.Text, "> number") > 10 {
			t.Errorf("the mail: %s", last.Text)
		}
		h.clock.Add(3 * time.Hour)
		h.mail.Stop() // so that all are due at the same time
		for i := range 6 {
			h.comment(t, h.publish(t, h.ada, fmt.Sprint("Post ", i)), "Vic", fmt.Sprint("on ", i))
		}
		for tried, end := 0, time.Now().Add(time.Minute); tried < 12; time.Sleep(10 * time.Millisecond) {
			if err := h.blog.DB.Get(t.Context(), &tried, `SELECT COUNT(*) FROM outbox WHERE kind = 'moderate' AND attempts > 0`); err != nil || time.Now().After(end) {
				t.Fatalf("%d of 12 mails were tried, %v", tried, err)
			}
		}
		h.mail.Restart(t)
		h.clock.Add(3 * time.Hour) // now all of them are due
		h.settle(t, 10*time.Minute)
		after := h.mail.Mails()[len(list):]
		if len(after) > 6 || len(recipients(after, "comments on ")) == 0 {
			var subjects []string
			for _, m := range after {
				subjects = append(subjects, m.To+" "+m.Subject)
			}
			t.Errorf("%d mails about six posts to two people: %q", len(after), subjects)
		}
	})
}
