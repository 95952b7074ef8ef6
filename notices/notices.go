// Package notices decides who gets which mail, and writes its text: links for
// people who have forgotten their password or were invited, and mail about
// comments and events of accounts. Package mail queues and sends it.
//
// Guarantees: A mail holds no secret other than the one-time link that it is
// about. Text from strangers is quoted, so that it cannot pass for text of the
// blog. A link leads to a page, and opening it changes nothing. Strangers can
// cause only a bounded number of mails.
package notices

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/site"
)

// Config holds the dependencies of notices.
type Config struct {
	DB    *database.DB
	Users *auth.Users
	Site  *site.Site
	// Send passes a mail to the SMTP server; see mail.Mailer.Send.
	Send   func(context.Context, mail.Message) error
	Clock  func() time.Time // time.Now when nil
	Logger *slog.Logger     // discards when nil
}

// Notices sends mail for a blog. It is safe for concurrent use.
type Notices struct {
	cfg    Config
	outbox *mail.Outbox
}

// The kinds of letters.
const (
	kindReset  = "reset"  // its topic is the name that somebody has typed
	kindInvite = "invite" // to the user

	kindHeld     = "held"     // comments on the post of the topic that wait: becomes kindModerate for each moderator
	kindShown    = "shown"    // comments on the post of the topic that are seen: becomes kindNew for its author
	kindModerate = "moderate" // the items are comments
	kindNew      = "new"      //

	kindAccount = "account" // the items are lines of the audit trail
)

// maxPerHour bounds the mails about comments to one person in an hour. Later
// comments are reported in the next mail.
const maxPerHour = 12

// kinds holds the rules by which each kind is sent.
var kinds = map[string]mail.Kind{
	kindReset:  {},
	kindInvite: {},

	kindHeld:     {},
	kindShown:    {},
	kindModerate: {Pause: time.Hour, PerHour: maxPerHour, Digest: 4},
	kindNew:      {Pause: time.Hour, PerHour: maxPerHour, Digest: 4},

	kindAccount: {Pause: 5 * time.Minute},
}

// New returns the notices of a blog.
func New(cfg Config) *Notices {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Notices{cfg: cfg}
	n.outbox = mail.NewOutbox(mail.OutboxConfig{DB: cfg.DB, Send: cfg.Send, Compose: n.compose, Kinds: kinds, Clock: cfg.Clock, Logger: cfg.Logger})
	return n
}

// Outbox returns the queue of mail.
func (n *Notices) Outbox() *mail.Outbox { return n.outbox }

// Run sends mail until ctx ends. Run one in each process.
func (n *Notices) Run(ctx context.Context) {
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() {
		ticker := time.NewTicker(followEvery)
		defer ticker.Stop()
		for failing := false; ; {
			err := n.follow(ctx)
			if err != nil && ctx.Err() == nil && !failing { // log an outage once
				n.cfg.Logger.WarnContext(ctx, "the audit trail cannot be read for mails; retrying", "cause", err)
			}
			failing = err != nil
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	n.outbox.Run(ctx)
}

// compose writes the mail for letters.
func (n *Notices) compose(ctx context.Context, letters []mail.Letter) (*mail.Message, error) {
	opts, err := n.cfg.Site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	w := words{blog: opts.Title(), home: n.cfg.Site.BaseURL(), admin: strings.TrimSpace(opts.Text("admin_email")), zone: opts.Location()}
	compose := n.composers()[letters[0].Kind]
	if compose == nil {
		return nil, nil // a kind of a later version
	}
	message, err := compose(ctx, w, letters)
	if message != nil {
		message.FromName = w.blog
	}
	return message, err
}

// composers returns the functions that write mails, by kind. They return nil if
// there is nothing to send any more.
func (n *Notices) composers() map[string]func(context.Context, words, []mail.Letter) (*mail.Message, error) {
	return map[string]func(context.Context, words, []mail.Letter) (*mail.Message, error){
		kindReset: n.reset, kindInvite: n.invite,
		kindHeld: n.spread, kindShown: n.spread, kindModerate: n.comments, kindNew: n.comments,
		kindAccount: n.account,
	}
}

// words holds what all mails of a blog have in common.
type words struct {
	blog, home string
	admin      string // address of the administrator, or ""
	zone       *time.Location
}

// subject begins like the subjects of WordPress, so that filter rules in mail
// clients match.
func (w words) subject(format string, args ...any) string {
	return "[" + w.blog + "] " + fmt.Sprintf(format, args...)
}

// when returns a time in the time zone of the blog, for people.
func (w words) when(t time.Time) string { return t.In(w.zone).Format("2 January 2006, 15:04 MST") }

// text returns the body of a mail: paragraphs separated by empty lines, and the
// name of the blog.
func (w words) text(paragraphs ...string) string {
	return strings.Join(paragraphs, "\n\n") + "\n\n-- \n" + w.blog + "\n" + w.home + "/\n"
}

// addressOf returns a user and the user's mail address, and false if there is
// no such user or no address.
func (n *Notices) addressOf(ctx context.Context, id int64) (auth.User, mail.Address, bool, error) {
	user, err := n.cfg.Users.Get(ctx, id)
	if errors.Is(err, auth.ErrNotFound) || err == nil && user.Email == "" {
		return user, mail.Address{}, false, nil
	}
	return user, mail.Address{Name: user.DisplayName, Mail: user.Email}, err == nil, err
}

// queue adds a letter to the outbox. If the outbox is full, the letter is
// dropped, because a request must not wait for mail.
func (n *Notices) queue(ctx context.Context, tx *database.Tx, l mail.Letter) error {
	err := n.outbox.Queue(ctx, tx, l)
	if errors.Is(err, mail.ErrFull) {
		n.cfg.Logger.WarnContext(ctx, "a mail was dropped: too many of its kind are waiting", "kind", l.Kind)
		return nil
	}
	return err
}

// maxTyped bounds the name that a visitor has typed, in bytes, before it is
// stored. No account has a longer one.
const maxTyped = 254

// AskReset queues a mail with a link for a new password to the account with
// this name or address, if there is one. It takes the same time in both cases.
// The caller limits how often it is called; see auth.Verifier.AskReset.
func (n *Notices) AskReset(ctx context.Context, name string) error {
	name = strings.ToLower(strings.TrimSpace(auth.Text(name)))
	if name == "" || len(name) > maxTyped {
		return nil
	}
	err := n.cfg.DB.Write(ctx, nil, func(tx *database.Tx) error {
		return n.queue(ctx, tx, mail.Letter{Kind: kindReset, Topic: name})
	})
	if err != nil {
		return fmt.Errorf("ask for a new password: %w", err)
	}
	return nil
}

// reset writes the mail with the link for a new password.
func (n *Notices) reset(ctx context.Context, w words, letters []mail.Letter) (*mail.Message, error) {
	l := letters[0]
	user, code, err := n.cfg.Users.NewResetCode(ctx, l.Topic, l.Attempt > 1)
	if errors.Is(err, auth.ErrNotFound) || errors.Is(err, auth.ErrNoReset) {
		n.cfg.Logger.DebugContext(ctx, "no mail for a new password", "cause", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &mail.Message{
		To:      mail.Address{Name: user.DisplayName, Mail: user.Email},
		Subject: w.subject("Choose a new password"),
		Text: w.text(
			fmt.Sprintf("Somebody asked for a new password for the user %s at %s.", user.Login, w.blog),
			"To choose one, open this address. It works once, within an hour:",
			w.home+"/signin/reset?code="+code.Reveal(),
			"If it was not you, there is nothing to do: your password stays as it is."),
	}, nil
}

// Invite queues a mail to a user with a set-up link for choosing a password.
// The link is created when the mail is sent, and earlier links stop working
// then. Errors: ErrNoAddress.
func (n *Notices) Invite(ctx context.Context, userID int64) error {
	_, _, there, err := n.addressOf(ctx, userID)
	if err == nil && !there {
		err = ErrNoAddress
	}
	if err == nil {
		err = n.cfg.DB.Write(ctx, nil, func(tx *database.Tx) error {
			return n.queue(ctx, tx, mail.Letter{Kind: kindInvite, UserID: userID, Topic: "set-up"})
		})
	}
	if err != nil {
		return fmt.Errorf("invite a user: %w", err)
	}
	return nil
}

// ErrNoAddress means that a user has no mail address.
var ErrNoAddress = errors.New("the user has no e-mail address")

// invite writes the mail with the set-up link.
func (n *Notices) invite(ctx context.Context, w words, letters []mail.Letter) (*mail.Message, error) {
	user, to, there, err := n.addressOf(ctx, letters[0].UserID)
	if err != nil || !there {
		return nil, err
	}
	code, err := n.cfg.Users.NewSetUpCode(ctx, audit.Actor{Via: "mail"}, user.ID)
	if err != nil {
		return nil, err
	}
	return &mail.Message{
		To:      to,
		Subject: w.subject("Your account"),
		Text: w.text(
			fmt.Sprintf("You have an account at %s, with the user name %s.", w.blog, user.Login),
			"To choose your password, open this address. It works once, within a day:",
			w.home+"/setup?code="+code.Reveal(),
			"After that, sign in at "+w.home+"/signin"),
	}, nil
}
