// Package mail sends plain text by way of an SMTP server (RFC 5321), and keeps what waits to be sent in the database.
//
// What it promises: nobody who asks for a mail waits for the SMTP server; what waits survives a restart, is sent by one of
// the servers of a database, and is tried for a day; nothing that others have written becomes a field of the header; a
// password goes over TLS only; neither addresses nor words of mails are logged.
//
// It knows neither users nor a blog: what mails say is the concern of package notices.
package mail

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Relay is the SMTP server that takes the mail.
type Relay struct {
	Host string
	Port int
	// TLS speaks TLS from the first byte (RFC 8314). Otherwise STARTTLS is demanded (RFC 3207), but on this machine
	// without a password.
	TLS            bool
	User, Password string // no authentication when User is empty
	// Roots are the certificates to trust; those of the system when nil.
	Roots *x509.CertPool
}

// ParseRelay reads smtp://USER:PASSWORD@HOST:PORT (port 587, STARTTLS) or smtps:// (port 465, TLS). No error holds the password.
func ParseRelay(address string) (Relay, error) {
	u, err := url.Parse(address)
	if err != nil { // which would quote the address
		return Relay{}, errors.New("this is not a URL; characters such as @ : / % in a password are written %40 %3A %2F %25")
	}
	r := Relay{Host: u.Hostname(), User: u.User.Username()}
	r.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
		r.Port = 587
	case "smtps":
		r.Port, r.TLS = 465, true
	default:
		return Relay{}, errors.New("it must begin with smtp:// (STARTTLS) or smtps:// (TLS)")
	}
	if r.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Relay{}, errors.New("it must be a host with an optional user name, password and port, such as smtp://user@mail.example:587")
	}
	if u.Port() != "" {
		if r.Port, err = strconv.Atoi(u.Port()); err != nil || r.Port < 1 || r.Port > 65535 {
			return Relay{}, errors.New("the port must be a number from 1 to 65535")
		}
	}
	if r.User != "" && r.Password == "" {
		return Relay{}, errors.New("there is a user name but no password; put the whole URL into the variable or into the file that its _FILE variant names")
	}
	return r, nil
}

// Address is host and port.
func (r Relay) Address() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// inClear reports whether the connection may go without TLS: to a server on this machine, which has no certificate that
// anyone could check, as long as no password is sent.
func (r Relay) inClear() bool {
	ip := net.ParseIP(r.Host)
	return !r.TLS && r.User == "" && (r.Host == "localhost" || ip != nil && ip.IsLoopback())
}

// Address is where mail comes from or goes to.
type Address struct {
	Name string // shown to people, may be empty
	Mail string // user@host
}

// ParseAddress reads an address, alone or as "Name <user@host>".
func ParseAddress(text string) (Address, error) {
	a, err := netmail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(a.Address, unicode.IsControl) || len(a.Address) > 254 {
		return Address{}, fmt.Errorf("%q is not an e-mail address such as blog@example.org", text)
	}
	return Address{Name: a.Name, Mail: a.Address}, nil
}

// Message is one mail.
type Message struct {
	To       Address
	FromName string // of the sender, where Config.From has none
	Subject  string // of one line; others have a part in it, so control characters become spaces
	Text     string // lines end in \n
	// ID and Thread are what stands before the @ of Message-ID and References; the host is the Mailer's. Mails of one
	// thread are shown together. Thread may be empty.
	ID, Thread string
	At         time.Time
}

// oneLine makes text into what can stand in a field of the header: one line without control characters, of at most so many
// bytes.
func oneLine(text string, limit int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))), " ")
	text = strings.ReplaceAll(text, "=?", "= ?") // which would begin an encoded word (RFC 2047)
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// plain makes text into the body of a mail: lines end in \n, and other control characters go.
func plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, text)
}
