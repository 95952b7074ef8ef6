package interop

import (
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/mail/mailtest"
)

// smtpPassword is the password at the SMTP server.
const smtpPassword = "b3twixt-and-between"

// Three ways that begin with a mail, without scripts: a held comment that is
// read, approved and answered; an invitation, up to the first sign-in; and a
// forgotten password.
func TestWalkByMail(t *testing.T) {
	t.Parallel()
	traces.made("the password of the SMTP server", smtpPassword)
	smtp := mailtest.Start(t, mailtest.Options{User: "blog", Password: smtpPassword})
	blog := seed(t, "")
	command(t, blog, "", "option", "set", "moderation_notify", "1")
	command(t, blog, "", "option", "set", "who_may_comment", "anybody")
	p := start(t, blog, "--smtp", smtp.URL(), "--smtp-root", smtp.RootFile, "--mail-from", "blog@blog.example")
	b := openBrowser(t)
	m := &mailWalk{smtp: smtp, base: p.base}
	admin := b.tab(t, p.base, bare)
	m.comment(t, b.tab(t, p.base, bare), admin)
	m.invitation(t, admin, b.tab(t, p.base, bare))
	sources := m.forgotten(t, b.tab(t, p.base, bare), b.tab(t, p.base, desktop))
	validate(t, sources)
	numbers := metricsAddress.FindStringSubmatch(p.log.String())
	if numbers == nil {
		t.Fatal("the log does not say where the metrics are")
	}
	if text := read(t, "http://"+numbers[1]+"/metrics"); !strings.Contains(text, `quillgate_mail_total{outcome="sent"}`) || !strings.Contains(text, "quillgate_mail_waiting ") {
		t.Errorf("the metrics lack mail:\n%s", text)
	}
}

type mailWalk struct {
	smtp *mailtest.Server
	base string
}

var codeInLink = regexp.MustCompile(`code=(\w+)`)

// link returns the path in the newest mail whose text contains an address with
// a part.
func (m *mailWalk) link(t *testing.T, part string) string {
	t.Helper()
	list := m.smtp.WaitFor(t, 1, part)
	for _, word := range strings.Fields(list[len(list)-1].Text) {
		if path, ours := strings.CutPrefix(word, m.base); ours && strings.Contains(path, part) {
			if code := codeInLink.FindStringSubmatch(path); code != nil {
				traces.carried("the one-time code", code[1])
			}
			return path
		}
	}
	t.Fatalf("no mail has a link of the blog with %s:\n%s", part, list[len(list)-1].Text)
	return ""
}

// comment follows a comment.
func (m *mailWalk) comment(t *testing.T, visitor, admin *tab) {
	t.Helper()
	visitor.open(t, "/?p=1")
	visitor.typed(t, "#comment", "A remark that is told by mail")
	visitor.write(t, "#author", "Nora Newcomer")
	visitor.write(t, "#email", "nora@example.net")
	visitor.press(t, "#respond button")
	visitor.sees(t, "Only you see it")
	admin.open(t, m.link(t, "/admin/comments/"))
	admin.write(t, "#login", seedUser)
	admin.write(t, "#password", seedPassword)
	admin.press(t, "main form button")
	admin.sees(t, "A remark that is told by mail")
	admin.sees(t, "held")
	admin.press(t, `button[value^="approve "]`)
	admin.sees(t, "comment was approved.")
	admin.open(t, m.link(t, "/admin/comments/"))
	admin.typed(t, "#reply", "Thank you by mail, Nora.")
	admin.press(t, `form[action$="/reply"] button`)
	visitor.open(t, "/?p=1")
	visitor.sees(t, "A remark that is told by mail")
	visitor.sees(t, "Thank you by mail, Nora.")
}

// invitation goes from an administrator's form to the first sign-in of another
// person.
func (m *mailWalk) invitation(t *testing.T, admin, person *tab) {
	t.Helper()
	admin.open(t, "/admin/users")
	admin.write(t, "#login", "mara")
	admin.write(t, "#email", "mara@example.net")
	admin.press(t, `form[method="post"][action$="/admin/users"] button`)
	admin.sees(t, "A message with the set-up link for mara is on its way to mara@example.net.")
	person.open(t, m.link(t, "/setup?code="))
	person.write(t, "#new-password", walkPassword)
	person.write(t, "#new-password-again", walkPassword)
	person.press(t, "main form button")
	if person.where() != m.base+"/profile" {
		t.Fatalf("after the set-up: %s", person.where())
	}
	person.press(t, "form.out button")
	person.write(t, "#login", "mara")
	person.write(t, "#password", walkPassword)
	person.press(t, "main form button")
	if person.where() != m.base+"/profile" {
		t.Fatalf("after signing in: %s", person.where())
	}
}

// forgotten goes from the sign-in page to a new password. It returns the
// sources of the pages.
func (m *mailWalk) forgotten(t *testing.T, person, judged *tab) map[string]string {
	t.Helper()
	const next = "mara has another one"
	traces.made("the password of mara", next)
	person.open(t, "/signin")
	person.press(t, `a[href$="/signin/forgot"]`)
	person.write(t, "#login", "MARA@example.net")
	person.press(t, "main form button")
	person.sees(t, "a message with a link is on its way")
	asked := person.text(t, "main")
	person.open(t, "/signin/forgot")
	person.write(t, "#login", "nobody@example.net")
	person.press(t, "main form button")
	if got := person.text(t, "main"); got != asked {
		t.Errorf("the page tells whether there is an account:\n%s\n%s", asked, got)
	}
	link := m.link(t, "/signin/reset?code=")
	sources := make(map[string]string)
	for name, path := range map[string]string{"forgot": "/signin/forgot", "reset": link} {
		t.Run(name, func(t *testing.T) {
			sources[name] = judge(t, judged, func(t *testing.T) { judged.open(t, path) })
		})
	}
	person.open(t, link)
	person.write(t, "#new-password", next)
	person.write(t, "#new-password-again", next)
	person.press(t, "main form button")
	if person.where() != m.base+"/profile" {
		t.Fatalf("after the new password: %s", person.where())
	}
	if status := person.open(t, link); status != 403 {
		t.Errorf("the link works again: %d", status)
	}
	return sources
}
