package mail_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/mail/mailtest"
)

var from = mail.Address{Name: "Bløg – „Grüße“", Mail: "blog@blog.example"}

func message(to string) mail.Message {
	return mail.Message{
		To: mail.Address{Name: "Ada", Mail: to}, Subject: "Neuer Kommentar", Text: "Grüße\n.\n> quoted\n", ID: "quillgate.1", Thread: "post.7", At: time.Now(),
	}
}

// Mail is sent with STARTTLS, with TLS, or unencrypted to this machine. Errors
// of the connection come with advice.
func TestWaysOfMail(t *testing.T) {
	answer := func(to string) error {
		switch {
		case strings.HasPrefix(to, "nobody"):
			return mailtest.Code(550, "no such user")
		case strings.HasPrefix(to, "later"):
			return mailtest.Code(451, "greylisted")
		}
		return nil
	}
	account := mailtest.Options{User: "u", Password: "p@ss:word", Answer: answer}
	encrypted, clear, noAccount := account, mailtest.Options{Clear: true}, mailtest.Options{}
	encrypted.TLS = true
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hole.Close() }) // after the parallel tests
	tests := []struct {
		name    string
		server  mailtest.Options
		change  func(*mail.Relay)
		to      string
		advice  string // of the error; "": none
		refused bool
	}{
		{name: "STARTTLS", server: account},
		{name: "TLS", server: encrypted},
		{name: "in clear to this machine", server: clear, change: func(r *mail.Relay) { r.User = "" }},
		{name: "wrong password", server: account, change: func(r *mail.Relay) { r.Password = "wrong" }, advice: "refuses the user name or the password"},
		{name: "wrong password over TLS", server: encrypted, change: func(r *mail.Relay) { r.Password = "wrong" }, advice: "refuses the user name or the password"},
		{name: "a password without TLS", server: clear, advice: "offers no STARTTLS"},
		{name: "no account there", server: noAccount, advice: "does not support user names"},
		{name: "unknown authority", server: account, change: func(r *mail.Relay) { r.Roots = nil }, advice: "--smtp-root"},
		{name: "unknown authority over TLS", server: encrypted, change: func(r *mail.Relay) { r.Roots = nil }, advice: "--smtp-root"},
		{name: "another name", server: account, change: func(r *mail.Relay) { r.Host = "127.0.0.1" }, advice: "for another name"},
		{name: "TLS to a server without", server: account, change: func(r *mail.Relay) { r.TLS = true }, advice: "smtp:// instead of smtps://"},
		{name: "nobody listens", server: account, change: func(r *mail.Relay) { r.Port = 1 }, advice: "No server listens"},
		{name: "unknown host", server: account, change: func(r *mail.Relay) { r.Host = "mail.invalid" }, advice: "host name in --smtp is unknown"},
		{name: "silent", server: account, change: func(r *mail.Relay) { r.Port = hole.Addr().(*net.TCPAddr).Port }, advice: "did not answer in time"},
		{name: "recipient refused", server: account, to: "nobody@example.org", advice: "accept mail for this recipient", refused: true},
		{name: "greylisted", server: account, to: "later@example.org", advice: "accept mail for this recipient"},
		{name: "line break in the recipient", server: account, to: "a@example.org\r\nRCPT TO:<b@example.org>", advice: "quillgate mail test", refused: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.Start(t, test.server)
			relay := mail.Relay{Host: server.Host, Port: server.Port, TLS: test.server.TLS, User: "u", Password: "p@ss:word", Roots: server.Roots}
			if test.change != nil {
				test.change(&relay)
			}
			patience := 20 * time.Second
			if test.name == "silent" {
				patience = 200 * time.Millisecond
			}
			to := test.to
			if to == "" {
				to = "ada@example.org"
			}
			err := mail.NewImpatient(mail.Config{Relay: relay, From: from, Host: "blog.example"}, patience).Send(t.Context(), message(to))
			var refused *mail.Refused
			if (err != nil) != (test.advice != "") || errors.As(err, &refused) != test.refused {
				t.Fatalf("error %v, refused %t, want advice %q, refused %t", err, errors.As(err, &refused), test.advice, test.refused)
			}
			if err != nil {
				if !strings.Contains(mail.Advice(err), test.advice) || strings.Contains(err.Error(), "p@ss:word") {
					t.Errorf("%v\nadvice %q, want %q", err, mail.Advice(err), test.advice)
				}
				if got := server.Mails(); len(got) > 0 {
					t.Errorf("a mail was accepted nevertheless: %q", got)
				}
				return
			}
			got := server.Wait(t, 1)[0]
			if got.From != from.Mail || got.To != to || got.Subject != "Neuer Kommentar" || strings.TrimSpace(got.Text) != "Grüße\n.\n> quoted" {
				t.Errorf("%+v", got)
			}
			for name, want := range map[string]string{
				"Auto-Submitted": "auto-generated", "Message-Id": "<quillgate.1@blog.example>", "References": "<post.7@blog.example>",
				"In-Reply-To": "<post.7@blog.example>", "Content-Type": "text/plain; charset=UTF-8", "User-Agent": "", "X-Mailer": "",
			} {
				if got.Header.Get(name) != want {
					t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
				}
			}
		})
	}
}

// A stop does not wait for a server that does not answer.
func TestMailStops(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := hole.Accept()
		cancel()
		if err == nil {
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn) // until the other side goes
		}
	}()
	relay := mail.Relay{Host: "localhost", Port: hole.Addr().(*net.TCPAddr).Port}
	ended := make(chan error, 1)
	go func() {
		ended <- mail.New(mail.Config{Relay: relay, From: from, Host: "blog.example"}).Send(ctx, message("ada@example.org"))
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the mail was sent")
		}
	case <-time.After(20 * time.Second):
		t.Error("the mail is still being sent")
	}
}

// hostile are texts from strangers that must stay within one field, or within
// the body.
var hostile = []string{
	"a\r\nBcc: evil@example.org", "a\nBcc: evil@example.org\n\nnew body", "a\r\n\r\n.\r\nMAIL FROM:<x@y.z>", "a\x00b\x1b[31m", "\u2028Bcc: x\u2029",
	"\u202egpj.exe", "=?utf-8?q?=0D=0ABcc:_x?=", strings.Repeat("ü", 5000), "\xff\xfe", "\"quoted\" <evil@example.org>", "x, evil@example.org", "x\" <evil@example.org>, \"y", "0 \" 0", "back\\slash",
}

// Text from strangers never becomes a header field, another recipient or a
// command.
func TestMailTakesNoFields(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{Clear: true})
	mailer := mail.New(mail.Config{Relay: mail.Relay{Host: server.Host, Port: server.Port}, From: mail.Address{Mail: "blog@blog.example"}, Host: "blog.example"})
	for i, text := range hostile {
		m := message("ada@example.org")
		m.Subject, m.Text, m.To.Name, m.FromName, m.ID, m.Thread = text, text+"\r\n.\r\nQUIT\r\n", text, text, "id"+strings.Map(printable, text), ""
		if err := mailer.Send(t.Context(), m); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got := server.Mails()
		if len(got) != i+1 {
			t.Fatalf("%q: %d mails, want %d", text, len(got), i+1)
		}
		last := got[i]
		if last.To != "ada@example.org" || last.Header.Get("Bcc") != "" || strings.ContainsAny(last.Subject, "\r\n\x00\x1b\u202e") || len(last.Subject) > 210 {
			t.Errorf("%q: to %q, subject %q, Bcc %q", text, last.To, last.Subject, last.Header.Get("Bcc"))
		}
		for name := range last.Header {
			switch name {
			case "From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "X-Auto-Response-Suppress", "Mime-Version", "Content-Type", "Content-Transfer-Encoding":
			default:
				t.Errorf("%q: there is a field %s", text, name)
			}
		}
		for _, field := range []string{"From", "To"} {
			if list, err := last.Header.AddressList(field); err != nil || len(list) != 1 || strings.HasPrefix(list[0].Address, "evil") {
				t.Errorf("%q: %s: %v, %v", text, field, list, err)
			}
		}
		if !strings.Contains(last.Text, "\n.\nQUIT\n") {
			t.Errorf("%q: the body ends early: %q", text, last.Text)
		}
	}
}

func printable(r rune) rune {
	if r > ' ' && r < 0x7f && !strings.ContainsRune("<>@\"", r) {
		return r
	}
	return -1
}

// FuzzMail looks for texts that change the header.
func FuzzMail(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := mail.Bytes(mail.Config{From: mail.Address{Mail: "blog@blog.example"}, Host: "blog.example"},
			mail.Message{To: mail.Address{Name: text, Mail: "ada@example.org"}, FromName: text, Subject: text, Text: text, ID: "1", At: time.Unix(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		head, _, found := strings.Cut(raw, "\r\n\r\n")
		if !found {
			t.Fatalf("no body: %q", raw)
		}
		fields := 0
		for _, line := range strings.Split(head, "\r\n") {
			if strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("a bare control character: %q", line)
			}
			if line != "" && line[0] != ' ' && line[0] != '\t' {
				fields++
			}
		}
		if fields != 10 {
			t.Fatalf("%d fields: %q", fields, head)
		}
	})
}

// TestParseRelay parses the setting.
func TestParseRelay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want mail.Relay
		bad  string
	}{
		{"smtp://mail.example", mail.Relay{Host: "mail.example", Port: 587}, ""},
		{"smtps://u%40example.org:p%2F%40@mail.example", mail.Relay{Host: "mail.example", Port: 465, TLS: true, User: "u@example.org", Password: "p/@"}, ""},
		{"smtp://[::1]:25/", mail.Relay{Host: "::1", Port: 25}, ""},
		{"mail.example:25", mail.Relay{}, "begin with smtp://"},
		{"smtp://", mail.Relay{}, "must be a host"},
		{"smtp://h/path", mail.Relay{}, "must be a host"},
		{"smtp://h?x=y", mail.Relay{}, "must be a host"},
		{"smtp://h:0", mail.Relay{}, "port"},
		{"smtp://u@h", mail.Relay{}, "no password"},
		{"smtp://u:se%cret@h", mail.Relay{}, "not a URL"},
	}
	for _, test := range tests {
		got, err := mail.ParseRelay(test.in)
		if got.Host != test.want.Host || got.Port != test.want.Port || got.TLS != test.want.TLS || got.User != test.want.User || got.Password != test.want.Password ||
			(err == nil) != (test.bad == "") || err != nil && (!strings.Contains(err.Error(), test.bad) || strings.Contains(err.Error(), "se%cret")) {
			t.Errorf("%s: %+v, %v", test.in, got, err)
		}
	}
}
