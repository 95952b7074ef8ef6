// Package notices decides who is told what by mail, and in which words: links for people who have forgotten their password or
// are invited, comments, and what happens to accounts. Package mail keeps what waits and sends it.
//
// What it promises: a mail holds no secret but the one-time link that it is about; what others have written is quoted, so
// that it cannot pass for words of the blog; a link leads to a page, and opening one changes nothing; strangers cause a
// bounded number of mails.
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

// Config holds the parts that notices are made of.
type Config struct {
	DB    *database.DB
	Users *auth.Users
	Site  *site.Site
	// Send hands a mail to the SMTP server; see mail.Mailer.Send.
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

// maxPerHour bounds the mails about comments to one person. What comes then is in the next one.
const maxPerHour = 12

// kinds are how each kind is sent.
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

// Outbox is the mail that waits.
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
			if err != nil && ctx.Err() == nil && !failing { // once for an outage
				n.cfg.Logger.WarnContext(ctx, "the audit trail was not read for mails; it is tried again", "cause", err)
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

// compose finds the words for letters.
func (n *Notices) compose(ctx context.Context, letters []mail.Letter) (*mail.Message, error) {
	opts, err := n.cfg.Site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	w := words{blog: opts.Title(), home: n.cfg.Site.BaseURL(), admin: strings.TrimSpace(opts.Text("admin_email")), zone: opts.Location()}
	compose := n.composers()[letters[0].Kind]
	if compose == nil {
		return nil, nil // of a version that knows more
	}
	message, err := compose(ctx, w, letters)
	if message != nil {
		message.FromName = w.blog
	}
	return message, err
}

// composers find the words, by kind. Nil means that there is nothing to say any more.
func (n *Notices) composers() map[string]func(context.Context, words, []mail.Letter) (*mail.Message, error) {
	return map[string]func(context.Context, words, []mail.Letter) (*mail.Message, error){
		kindReset: n.reset, kindInvite: n.invite,
		kindHeld: n.spread, kindShown: n.spread, kindModerate: n.comments, kindNew: n.comments,
		kindAccount: n.account,
	}
}

// words is what all mails of a blog have.
type words struct {
	blog, home string
	admin      string // address of the administrator, may be empty
	zone       *time.Location
}

// subject begins as the mails of WordPress do, so that rules of mail programs fit.
func (w words) subject(format string, args ...any) string {
	return "[" + w.blog + "] " + fmt.Sprintf(format, args...)
}

// when is a moment as people of the blog read it.
func (w words) when(t time.Time) string { return t.In(w.zone).Format("2 January 2006, 15:04 MST") }

// text is the body of a mail: paragraphs with empty lines between them, and who sends it.
func (w words) text(paragraphs ...string) string {
	return strings.Join(paragraphs, "\n\n") + "\n\n-- \n" + w.blog + "\n" + w.home + "/\n"
}

// addressOf is where mail for a user goes; false when there is no such user, or no address.
func (n *Notices) addressOf(ctx context.Context, id int64) (auth.User, mail.Address, bool, error) {
	user, err := n.cfg.Users.Get(ctx, id)
	if errors.Is(err, auth.ErrNotFound) || err == nil && user.Email == "" {
		return user, mail.Address{}, false, nil
	}
	return user, mail.Address{Name: user.DisplayName, Mail: user.Email}, err == nil, err
}

// queue puts a letter into the outbox. When there is no room the letter is dropped, since nobody must wait for a mail.
func (n *Notices) queue(ctx context.Context, tx *database.Tx, l mail.Letter) error {
	err := n.outbox.Queue(ctx, tx, l)
	if errors.Is(err, mail.ErrFull) {
		n.cfg.Logger.WarnContext(ctx, "a mail was dropped: too many of its kind are waiting", "kind", l.Kind)
		return nil
	}
	return err
}

// maxTyped bounds what is kept of the name that somebody has typed, in bytes. No account has a longer one.
const maxTyped = 254

// AskReset has a link for a new password sent to the owner of an account, if there is one of this name or address. It takes
// the same time whether there is one or not. The caller bounds how often it is called; see auth.Verifier.AskReset.
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

// reset is the mail with the link for a new password.
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

// Invite has a set-up link sent to a user, by which the user chooses a password. It is made when the mail is sent; links made
// before stop working then. Errors: ErrNoAddress.
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

// ErrNoAddress means that a user has no address to which mail could go.
var ErrNoAddress = errors.New("the user has no e-mail address")

// invite is the mail with the set-up link.
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
