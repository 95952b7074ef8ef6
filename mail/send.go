package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/quillgate/quillgate/network"
)

// Config describes how mail is sent.
type Config struct {
	Relay Relay
	From  Address
	// Host is the host of the blog. It is used in the identifiers of mails and
	// in the greeting to the server.
	Host string
}

// Mailer submits mail to the relay. It is safe for concurrent use.
type Mailer struct {
	cfg     Config
	timeout time.Duration
}

// patience is how long the relay may take for the greeting, and again for the
// mail.
const patience = 30 * time.Second

// New returns a mailer.
func New(cfg Config) *Mailer {
	if ip := net.ParseIP(cfg.Host); ip != nil { // in the form of RFC 5321 section 4.1.3
		cfg.Host = "[" + ip.String() + "]"
		if ip.To4() == nil {
			cfg.Host = "[IPv6:" + ip.String() + "]"
		}
	}
	return &Mailer{cfg, patience}
}

// Refused means that retrying cannot help: the relay does not know the
// recipient, or rejects the content of the mail.
type Refused struct{ err error }

func (r *Refused) Error() string { return "the SMTP server refuses the mail: " + r.err.Error() }

// Unwrap returns the answer of the relay.
func (r *Refused) Unwrap() error { return r.err }

// Send submits one mail: if it returns nil, the relay has accepted it. It takes
// at most a minute. After any error other than *Refused, a later try may
// succeed, and Advice explains the error. Errors may name the recipient and
// quote the relay, but contain neither the password nor the text.
func (m *Mailer) Send(ctx context.Context, message Message) error {
	msg, err := m.message(message)
	if err != nil {
		return &Refused{err}
	}
	client, err := m.client(ctx)
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // only the end of the connection can fail after that
		return nil
	}
	if failed := (*gomail.SendError)(nil); errors.As(err, &failed) && !failed.IsTemp() && failed.ErrorCode() >= 500 && failed.ErrorCode() < 600 {
		switch failed.Reason {
		case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
			return &Refused{err}
		}
	}
	return fmt.Errorf("hand the mail to %s: %w", m.cfg.Relay.Address(), err)
}

// message builds a mail.
func (m *Mailer) message(in Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if to, err := ParseAddress(in.To.Mail); err != nil || to.Mail != in.To.Mail {
		return nil, errors.New("the recipient is not an address")
	}
	// The parts are set separately, because names may contain quotes, commas
	// and brackets.
	msg.FromMailAddress(&netmail.Address{Name: oneLine(cmp.Or(m.cfg.From.Name, in.FromName), 100), Address: m.cfg.From.Mail})
	msg.ToMailAddress(&netmail.Address{Name: oneLine(in.To.Name, 100), Address: in.To.Mail})
	msg.Subject(oneLine(in.Subject, 200))
	msg.SetDateWithValue(in.At)
	msg.SetMessageIDWithValue(oneLine(in.ID, 100) + "@" + m.cfg.Host)
	// RFC 3834: prevents automatic replies, such as out-of-office notes.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if in.Thread != "" {
		root := "<" + oneLine(in.Thread, 100) + "@" + m.cfg.Host + ">"
		msg.SetGenHeaderPreformatted(gomail.HeaderReferences, root)
		msg.SetGenHeaderPreformatted(gomail.HeaderInReplyTo, root)
	}
	msg.SetBodyString(gomail.TypeTextPlain, plain(in.Text))
	return msg, nil
}

// client returns a client for the relay that is not connected yet.
func (m *Mailer) client(ctx context.Context) (*gomail.Client, error) {
	r := m.cfg.Relay
	secure := &tls.Config{ServerName: r.Host, RootCAs: r.Roots, MinVersion: tls.VersionTLS12}
	policy := gomail.TLSMandatory
	if r.inClear() {
		policy = gomail.NoTLS
	}
	dial := func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		// The library ignores the context once it is connected.
		context.AfterFunc(ctx, func() { conn.Close() })
		if !r.TLS {
			return conn, nil
		}
		encrypted := tls.Client(conn, secure)
		if err := encrypted.HandshakeContext(dialing); err != nil {
			conn.Close()
			return nil, err
		}
		return encrypted, nil
	}
	if r.TLS {
		policy = gomail.TLSOpportunistic // TLS is on already, which the library detects
	}
	options := []gomail.Option{
		gomail.WithPort(r.Port), gomail.WithTimeout(m.timeout), gomail.WithHELO(m.cfg.Host), gomail.WithTLSConfig(secure),
		gomail.WithTLSPolicy(policy), gomail.WithDialContextFunc(dial),
	}
	if r.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(r.User), gomail.WithPassword(r.Password))
	}
	client, err := gomail.NewClient(r.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to the SMTP server: %w", err)
	}
	return client, nil
}

// Advice returns what an operator can do about an error of Send.
func Advice(err error) string {
	var (
		answer  *textproto.Error
		refused *gomail.SendError
	)
	switch failure := network.FailureOf(err); {
	case errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPMailFrom:
		return "The server does not accept this sender. Set --mail-from to an address that the account at the server may use."
	case errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPRcptTo:
		return "The server does not accept mail for this recipient. Check the address; if it is right, the server may not relay without a user name and password in --smtp."
	case failure == network.NameUnknown, failure == network.NameNotFound:
		return "The host name in --smtp is unknown. Check its spelling and the name server of this machine."
	case failure == network.Refused:
		return "No server listens there. Check host and port in --smtp: 587 is usual for smtp://, 465 for smtps://."
	case failure == network.NotTrusted:
		return "The certificate of the server is signed by an authority that this machine does not know. If the authority is your own, name its certificate with --smtp-root."
	case failure == network.OtherName:
		return "The certificate of the server is for another name. Use the name that is in the certificate in --smtp."
	case failure == network.Expired, failure == network.BadCertificate:
		return "The certificate of the server is not valid. Check its dates and the clock of this machine."
	case failure == network.NoTLS:
		return "The server does not use TLS from the start. Use smtp:// instead of smtps://, usually with port 587."
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return "The server offers no STARTTLS. Use smtps:// if it has a port for TLS (usually 465); mail is sent unencrypted only to a server on this machine."
	case strings.Contains(err.Error(), "does not support SMTP AUTH"):
		return "The server does not support user names on this port. Remove user name and password from --smtp, or use the port for submission (usually 587)."
	case errors.As(err, &answer) && (answer.Code == 535 || answer.Code == 534 || answer.Code == 538):
		return "The server refuses the user name or the password in --smtp. Some providers require an application password."
	case errors.As(err, &answer) && answer.Code == 530:
		return "The server requires a user name and a password. Add them to --smtp."
	case failure == network.TimedOut:
		return "The server did not answer in time. Check host and port in --smtp; many providers close port 25, and a server that uses TLS from the start needs smtps://."
	}
	return "Try it with \"quillgate mail test ADDRESS\", and check the log of the SMTP server."
}
