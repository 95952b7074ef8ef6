package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/quillgate/quillgate/mail"
)

type mailCmd struct {
	Test mailTestCmd `cmd:"" help:"Send a test mail to an address, and explain what to do if that fails."`
}

type mailTestCmd struct {
	Address string `arg:"" help:"Recipient of the mail."`
}

// Help is shown by quillgate mail test --help.
func (mailTestCmd) Help() string {
	return `The mail goes directly to the SMTP server in the settings (--smtp), with the sender that mails of the blog have (--mail-from).
When the command succeeds, the server has taken the mail; whether it arrives is up to the servers after that. Look into the
folder for spam too.`
}

func (c *mailTestCmd) Run(ctx context.Context, s *settings, io streams) error {
	to, err := mail.ParseAddress(c.Address)
	if err != nil {
		return usageError{err}
	}
	if s.SMTP == "" {
		return usageError{errors.New("no SMTP server is set: set --smtp and --mail-from, or their variables QUILLGATE_SMTP and QUILLGATE_MAIL_FROM")}
	}
	base := s.BaseURL
	if base == "" {
		if base, err = s.home(s.Listen, s.TLSListen); err != nil {
			return err
		}
	}
	mailer, err := s.mailer(base)
	if err != nil {
		return err
	}
	now := time.Now()
	err = mailer.Send(ctx, mail.Message{
		To: to, At: now, ID: fmt.Sprintf("quillgate.test.%d", now.UnixMicro()), Subject: "A test of the mail of " + base,
		Text: "This mail was sent by \"quillgate mail test\". It shows that the blog at " + base + " can send mail.\n",
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, mail.Advice(err))
	}
	_, err = fmt.Fprintf(io.out, "The SMTP server has accepted the mail to %s.\n", to.Mail)
	return err
}

// checkMail returns an error for mail settings with which no mail could be
// sent.
func (s *settings) checkMail() (bad []error) {
	if s.SMTP == "" {
		return nil
	}
	if _, err := mail.ParseRelay(s.SMTP); err != nil {
		bad = append(bad, fmt.Errorf("smtp: %w", err))
	}
	if s.MailFrom == "" {
		bad = append(bad, errors.New("mail-from: must be set together with smtp: it is the sender of mails"))
	} else if _, err := mail.ParseAddress(s.MailFrom); err != nil {
		bad = append(bad, fmt.Errorf("mail-from: %w", err))
	}
	return bad
}

// mailer returns the sender of the blog's mail, or nil if the settings name no
// SMTP server.
func (s *settings) mailer(base string) (*mail.Mailer, error) {
	if s.SMTP == "" {
		return nil, nil
	}
	relay, err := mail.ParseRelay(s.SMTP)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	from, err := mail.ParseAddress(s.MailFrom)
	if err != nil {
		return nil, fmt.Errorf("mail-from: %w", err)
	}
	home, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("base-url: %w", err)
	}
	if s.SMTPRoot != "" {
		text, err := os.ReadFile(s.SMTPRoot)
		if err != nil {
			return nil, fmt.Errorf("smtp-root: %w", err)
		}
		relay.Roots = x509.NewCertPool()
		if !relay.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("smtp-root: %s holds no certificate in PEM", s.SMTPRoot)
		}
	}
	return mail.New(mail.Config{Relay: relay, From: from, Host: home.Hostname()}), nil
}
