package notices_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/server/servertest"
)

// A user who has forgotten the password gets a link that works once. All
// sessions end, and the second factor stays.
func TestPasswordReset(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bob := h.browser(t, "192.0.2.1").SignIn("bob", password)
		lost := h.browser(t, "192.0.2.1")
		if p := lost.Get("/signin"); !strings.Contains(p.Body, "/signin/forgot") {
			t.Errorf("the sign-in page does not lead there: %s", p.Body)
		}
		known := lost.Post("/signin/forgot", "login", "BOB@example.org")
		unknown := lost.Post("/signin/forgot", "login", "nobody@example.org")
		if known.Status != http.StatusOK || known.Body != unknown.Body || unknown.Status != known.Status {
			t.Errorf("the answers differ: %d %s\n%d %s", known.Status, known.Body, unknown.Status, unknown.Body)
		}
		m := h.mail.Wait(t, 1)[0]
		if m.To != "bob@example.org" || !strings.HasPrefix(m.Subject, "[My blog] ") || !strings.Contains(m.Header.Get("From"), `"My blog" <blog@blog.example>`) {
			t.Errorf("the mail: %s", m.Raw)
		}
		address := link(t, m, "/signin/reset?code=")
		code := codeOf(t, address)
		var rows int
		if err := h.blog.DB.Get(t.Context(), &rows, `SELECT COUNT(*) FROM one_time_codes WHERE hash = $1`, []byte(code)); err != nil || rows != 0 {
			t.Errorf("the code itself is in the database: %d, %v", rows, err)
		}
		for range 2 { // looking at it uses nothing up
			if p := lost.Get(address); p.Status != http.StatusOK || !strings.Contains(p.Body, "<strong>bob</strong>") {
				t.Fatalf("the page of the link: %d %s", p.Status, p.Body)
			}
		}
		if p := lost.Post("/signin/reset", "code", code, "new-password", "short", "new-password-again", "short"); p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusOK || strings.Contains(p.Body, "/profile/security") {
			t.Errorf("a short password: %d %s", p.Status, p.Body)
		}
		if p := lost.Post("/signin/reset", "code", code, "new-password", "a new long password", "new-password-again", "a new long password"); p.Status != http.StatusSeeOther || p.To() != "/profile" {
			t.Fatalf("the new password: %d %s", p.Status, p.Body)
		}
		if p := lost.Get("/profile"); p.Status != http.StatusOK {
			t.Errorf("after it: %d %s", p.Status, p.To())
		}
		if p := bob.Get("/profile"); p.Status != http.StatusSeeOther {
			t.Errorf("another session goes on: %d", p.Status)
		}
		if p := lost.Get(address); p.Status != http.StatusForbidden {
			t.Errorf("the link works again: %d", p.Status)
		}
		h.browser(t, "192.0.2.2").SignIn("bob", "a new long password")
		if log := h.log.String(); strings.Contains(log, code) || strings.Contains(log, "new long password") {
			t.Errorf("the log holds secrets:\n%s", log)
		}
	})
}

// A link for a new password expires after an hour, or when the address or the
// password changes. It is sent at most once in ten minutes, and does not bypass
// the second factor.
func TestPasswordResetLimits(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		ask := func(from, name string) servertest.Page {
			return h.browser(t, from).Post("/signin/forgot", "login", name)
		}
		next := func(n int) string {
			t.Helper()
			return codeOf(t, link(t, h.mail.WaitFor(t, n, "/signin/reset?code=")[n-1], "/signin/reset"))
		}
		works := func(code string) bool {
			return h.browser(t, "192.0.2.9").Get("/signin/reset?code="+code).Status == http.StatusOK
		}
		ask("192.0.2.1", "bob")
		first := next(1)
		ask("192.0.2.1", "bob@example.org") // the same account, too soon
		ask("192.0.2.1", "ada")
		if to := h.mail.WaitFor(t, 2, "/signin/reset?code=")[1].To; to != "ada@example.org" {
			t.Errorf("the second mail goes to %s", to)
		}
		if !works(first) {
			t.Error("the first link no longer works")
		}
		h.clock.Add(11 * time.Minute)
		ask("192.0.2.1", "bob")
		second := next(3)
		if works(first) || !works(second) {
			t.Error("the second link does not take the place of the first")
		}
		h.clock.Add(time.Hour)
		if works(second) {
			t.Error("a link works after an hour")
		}
		ask("192.0.2.1", "bob")
		third := next(4)
		if err := h.blog.Users.SetEmail(ctx, audit.Operator, h.bob.ID, "robert@example.org"); err != nil {
			t.Fatal(err)
		}
		if works(third) {
			t.Error("a link works that went to an earlier address")
		}
		h.clock.Add(11 * time.Minute)
		// With a second factor, the new password alone is not enough.
		e, err := h.blog.Users.BeginSecondFactor(ctx, h.ada.ID, "blog")
		if err != nil {
			t.Fatal(err)
		}
		c, err := totp.GenerateCode(e.Secret.Reveal(), h.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.blog.Users.ConfirmSecondFactor(ctx, audit.Operator, h.ada.ID, c); err != nil {
			t.Fatal(err)
		}
		ask("192.0.2.1", "ada")
		code := next(5)
		lost := h.browser(t, "192.0.2.1")
		if p := lost.Post("/signin/reset", "code", code, "new-password", "another long one", "new-password-again", "another long one"); p.To() != "/signin" {
			t.Errorf("with a second factor: %d to %q %s", p.Status, p.To(), p.Body)
		}
		if p := lost.Get("/profile"); p.Status != http.StatusSeeOther {
			t.Errorf("signed in without the second factor: %d", p.Status)
		}
		if p := lost.Post("/signin", "login", "ada", "password", "another long one"); p.To() != "/signin/code" {
			t.Errorf("the second factor is not required: %d to %q", p.Status, p.To())
		}
		// One network may ask ten times in an hour.
		h.clock.Add(2 * time.Hour)
		for i := range 11 {
			p := ask("198.51.100.7", "nobody")
			if want := i < 10; want != (p.Status == http.StatusOK) || !want && p.Status != http.StatusTooManyRequests {
				t.Errorf("request %d: %d", i, p.Status)
			}
		}
		if p := ask("198.51.100.8", "nobody"); p.Status != http.StatusOK {
			t.Errorf("another network: %d", p.Status)
		}
		// Users who are suspended or have no address get no mail, and visitors
		// cannot tell.
		if err := h.blog.Users.Suspend(ctx, audit.Operator, h.bob.ID, true); err != nil {
			t.Fatal(err)
		}
		if p := ask("198.51.100.8", "bob"); p.Status != http.StatusOK {
			t.Errorf("a suspended account: %d", p.Status)
		}
		h.empty(t)
		for _, m := range h.mail.Mails() {
			if strings.Contains(m.Text, "user nobody") {
				t.Errorf("a mail to nobody: %s", m.Raw)
			}
		}
		if _, _, err := h.blog.Users.NewResetCode(ctx, "bob", false); err != auth.ErrNoReset {
			t.Errorf("a code for a suspended account: %v", err)
		}
	})
}

// empty waits until no mail is waiting.
func (h *house) empty(t *testing.T) {
	t.Helper()
	h.settle(t, 0)
}

// settle is like empty, but moves the clock by a step at each look.
func (h *house) settle(t *testing.T, step time.Duration) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var n int
		if err := h.blog.DB.Get(t.Context(), &n, `SELECT COUNT(*) FROM outbox WHERE due IS NOT NULL`); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d mails still wait", n)
		}
		h.clock.Add(step)
	}
}

// An administrator invites a user, whose mail leads to the first sign-in.
func TestInvitationByMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.browser(t, "192.0.2.1").SignIn("ada", password)
		if p := ada.Post("/admin/users", "login", "cyd", "email", "cyd@example.org", "role", "author"); p.To() != "/admin/users" {
			t.Fatalf("add a user: %d %s", p.Status, p.Body)
		}
		if p := ada.Get("/admin/users"); !strings.Contains(p.Body, "cyd@example.org") {
			t.Errorf("the page does not mention the mail: %s", p.Body)
		}
		m := h.mail.Wait(t, 1)[0]
		if m.To != "cyd@example.org" || !strings.Contains(m.Text, "user name cyd") {
			t.Errorf("the mail: %s", m.Raw)
		}
		code := codeOf(t, link(t, m, "/setup?code="))
		cyd := h.browser(t, "192.0.2.2")
		if p := cyd.Get("/setup?code=" + code); p.Status != http.StatusOK {
			t.Errorf("the page of the link: %d", p.Status)
		}
		if p := cyd.Post("/setup", "code", code, "new-password", "cyd has a password", "new-password-again", "cyd has a password", "email", "cyd@example.org"); p.To() != "/profile" {
			t.Fatalf("set up: %d %s", p.Status, p.Body)
		}
		if p := cyd.Get("/profile"); p.Status != http.StatusOK {
			t.Errorf("the first page: %d", p.Status)
		}
		if strings.Contains(h.log.String(), code) {
			t.Error("the log holds the code")
		}
	})
}

// An SMTP server that does not answer blocks nothing: pages are served, and the
// server stops.
func TestSilentServerHoldsNobody(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	called := make(chan struct{})
	go func() {
		conn, err := hole.Accept()
		if err != nil {
			return
		}
		close(called)
		defer conn.Close()
		_, _ = io.Copy(io.Discard, conn) // until the other side goes
	}()
	var stopping time.Time
	t.Run("server", func(t *testing.T) {
		h := openTo(t, "", nil, mail.Relay{Host: "localhost", Port: hole.Addr().(*net.TCPAddr).Port})
		h.option(t, "who_may_comment", "anybody")
		post := h.publish(t, h.bob, "A post")
		lost := h.browser(t, "192.0.2.1")
		for i := range 5 {
			if p := lost.Post("/signin/forgot", "login", "bob"); p.Status != http.StatusOK {
				t.Errorf("the page: %d %s", p.Status, p.Body)
			}
			if i == 0 {
				<-called // from here on a mail is being sent
			}
			h.comment(t, post, "Vic", fmt.Sprint("number ", i))
		}
		stopping = time.Now()
	})
	if took := time.Since(stopping); took > 20*time.Second { // an SMTP server is given 30 s
		t.Errorf("the server took %v to stop", took)
	}
}
