// Package mail sends plain text through an SMTP server (RFC 5321). It queues
// mail in the database.
//
// Guarantees: No caller waits for the SMTP server. Queued mail survives a
// restart, is sent by one of the servers that share a database, and is retried
// for a day. Text from strangers never becomes a header field. A password is
// sent over TLS only. Neither addresses nor texts of mails are logged.
//
// It knows nothing of users or blogs: package notices decides what mails say.
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

// Relay is the SMTP server to which mail is submitted.
type Relay struct {
	Host string
	Port int
	// TLS uses TLS from the first byte (RFC 8314). Otherwise STARTTLS is
	// required (RFC 3207), except on this machine without a password.
	TLS            bool
	User, Password string // no authentication when User is empty
	// Roots are the trusted certificates; nil means those of the system.
	Roots *x509.CertPool
}

// ParseRelay parses smtp://USER:PASSWORD@HOST:PORT (port 587, STARTTLS) or
// smtps:// (port 465, TLS). Errors never contain the password.
func ParseRelay(address string) (Relay, error) {
	u, err := url.Parse(address)
	if err != nil { // err would quote the address
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

// Address returns the host and port.
func (r Relay) Address() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// inClear reports whether the connection may be unencrypted: to a server on
// this machine, which has no certificate that anyone could check, if no
// password is sent.
func (r Relay) inClear() bool {
	ip := net.ParseIP(r.Host)
	return !r.TLS && r.User == "" && (r.Host == "localhost" || ip != nil && ip.IsLoopback())
}

// Address is a sender or a recipient.
type Address struct {
	Name string // shown to people, may be empty
	Mail string // user@host
}

// ParseAddress parses an address, alone or as "Name <user@host>".
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
	FromName string // name of the sender if Config.From has none
	Subject  string // one line; it may contain text from strangers, so control characters become spaces
	Text     string // lines end in \n
	// ID and Thread are the parts before the @ of Message-ID and References;
	// the host is the Mailer's. Mail clients show mails of one thread together.
	// Thread may be empty.
	ID, Thread string
	At         time.Time
}

// oneLine returns text in a form that is safe in a header field: one line
// without control characters, of at most limit bytes and an ellipsis.
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

// plain returns text as the body of a mail: lines end in \n, and other control
// characters are removed.
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
