package notices_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/mail/mailtest"
)

// The owner of an account gets mail about a new key, a changed password or
// address, a removed second factor and a sign-in from a new network, whoever
// caused it and by whatever interface.
func TestAccountByMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, n := t.Context(), 0
		told := func(what, to, subject string, parts ...string) mailtest.Mail {
			t.Helper()
			n++
			m := h.mail.Wait(t, n)[n-1]
			if m.To != to || m.Subject != "[My blog] "+subject {
				t.Errorf("%s: %q to %s, want %q to %s\n%s", what, m.Subject, m.To, subject, to, m.Text)
			}
			for _, part := range append(parts, "This is about the user bob", h.base+"/profile/security") {
				if !strings.Contains(m.Text, part) {
					t.Errorf("%s: the mail lacks %q:\n%s", what, part, m.Text)
				}
			}
			h.empty(t) // sent mails are recorded
			h.clock.Add(6 * time.Minute)
			return m
		}
		bob := h.browser(t, "192.0.2.1").SignIn("bob", password)
		h.browser(t, "192.0.2.1").SignIn("bob", password) // as the first time
		h.browser(t, "198.51.100.9").SignIn("bob", password)
		told("a new network", "bob@example.org", "A sign-in from a new network", "from 198.51.100.9, with a browser")
		p := bob.Post("/profile/applications", "kind", "key", "name", "Desk „X“", "scope", "all", "password", password)
		if p.Status != http.StatusOK {
			t.Fatalf("add a key: %d %s", p.Status, p.Body)
		}
		m := told("a key", "bob@example.org", "A new key for your account", "A key for the client \"Desk „X“\" was added.", "from 192.0.2.1")
		if strings.Contains(m.Text, "qgs_") {
			t.Errorf("the mail holds a secret: %s", m.Text)
		}
		if _, _, err := h.blog.Apps.CreateToken(ctx, audit.Operator, apps.NewToken{UserID: h.bob.ID, Kind: apps.ApplicationPassword, Name: "phone"}); err != nil {
			t.Fatal(err)
		}
		told("an application password by command", "bob@example.org", "A new application password for your account", "\"phone\"", "by a command on the server")
		e, err := h.blog.Users.BeginSecondFactor(ctx, h.bob.ID, "blog")
		if err != nil {
			t.Fatal(err)
		}
		code, err := totp.GenerateCode(e.Secret.Reveal(), h.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.blog.Users.ConfirmSecondFactor(ctx, audit.Actor{UserID: h.bob.ID}, h.bob.ID, code); err != nil {
			t.Fatal(err)
		}
		if err := h.blog.Users.ResetSecondFactor(ctx, audit.Actor{UserID: h.ada.ID, Via: "session"}, h.bob.ID); err != nil {
			t.Fatal(err)
		}
		told("a second factor", "bob@example.org", "Your second factor was removed", "by an administrator")
		// Someone who takes over the account and changes the address cannot
		// hide that.
		if err := h.blog.Users.SetEmail(ctx, audit.Actor{UserID: h.bob.ID}, h.bob.ID, "thief@mail.example"); err != nil {
			t.Fatal(err)
		}
		list := h.mail.Wait(t, n+2)[n:]
		n += 2
		h.empty(t)
		if got := recipients(list, "Your e-mail address was changed"); len(got) != 2 || got[0] != "bob@example.org" || got[1] != "thief@mail.example" {
			t.Errorf("a changed address is told to %q", got)
		}
		h.clock.Add(6 * time.Minute)
		if err := h.blog.Users.SetPassword(ctx, audit.Actor{UserID: h.bob.ID}, h.bob.ID, "the thief's password", ""); err != nil {
			t.Fatal(err)
		}
		list = h.mail.Wait(t, n+2)[n:]
		n += 2
		h.empty(t)
		if got := recipients(list, "Your password was changed"); len(got) != 2 || got[0] != "bob@example.org" || got[1] != "thief@mail.example" {
			t.Errorf("a changed password is told to %q", got)
		}
		// Many events at the same time become one mail, and a week later the
		// former address is forgotten.
		h.clock.Add(8 * 24 * time.Hour)
		for range 30 {
			if _, _, err := h.blog.Apps.Create(ctx, audit.Actor{UserID: h.bob.ID}, apps.New{UserID: h.bob.ID, Name: "many"}); err != nil {
				t.Fatal(err)
			}
		}
		for { // until all of it was read
			var told, head int64
			if err := h.blog.DB.Get(ctx, &told, `SELECT line FROM notices_told`); err != nil {
				t.Fatal(err)
			}
			if err := h.blog.DB.Get(ctx, &head, `SELECT MAX(id) FROM audit`); err != nil {
				t.Fatal(err)
			}
			if told == head {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		h.settle(t, time.Minute)
		list = h.mail.Mails()[n:]
		if len(list) > 6 {
			t.Errorf("%d mails about 30 keys", len(list))
		}
		for _, m := range list {
			if m.To != "thief@mail.example" {
				t.Errorf("a mail to %s", m.To)
			}
		}
		if log := h.log.String(); strings.Contains(log, "thief@") || strings.Contains(log, "bob@") {
			t.Errorf("the log has addresses")
		}
	})
}
