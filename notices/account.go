package notices

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/network"
)

// Events of an account are read from the audit trail, which gets a line in the
// transaction of each change, whether it was made on a page, by a call or on
// the command line. One row of the database holds the last line that was
// processed. All servers of a database share it, so that each line is reported
// once.

const (
	followEvery  = time.Second
	followAtMost = 1000                // lines; if there are more at once, only the newest are reported
	followBack   = 24 * time.Hour      // older lines are not reported, such as after a time without --smtp
	knownFor     = 90 * 24 * time.Hour // how long the network of a sign-in is remembered
	knownLines   = 500                 // maximum number of sign-ins to compare
)

// follow queues mails about the lines that were added to the trail since the
// last time.
func (n *Notices) follow(ctx context.Context) error {
	newest, err := audit.List(ctx, n.cfg.DB, audit.Filter{Limit: 1})
	if err != nil {
		return err
	}
	var head int64
	if len(newest) > 0 {
		head = newest[0].ID
	}
	var told int64
	err = n.cfg.DB.Get(ctx, &told, `SELECT line FROM notices_told`)
	if errors.Is(err, database.ErrNoRows) {
		// Earlier events are not reported when mail is set up.
		_, err = n.cfg.DB.Exec(ctx, `INSERT INTO notices_told (one, line) VALUES (1, $1) ON CONFLICT DO NOTHING`, head)
		return err
	}
	if err != nil || head == told {
		return err
	}
	lines, err := audit.List(ctx, n.cfg.DB, audit.Filter{Since: n.cfg.Clock().Add(-followBack), Limit: followAtMost})
	if err != nil {
		return err
	}
	var letters []mail.Letter
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].ID <= told || lines[i].ID > head {
			continue
		}
		to, err := n.concerned(ctx, lines[i])
		if err != nil {
			return err
		}
		letters = append(letters, to...)
	}
	return n.cfg.DB.Update(ctx, func(tx *database.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE notices_told SET line = $1 WHERE line = $2`, head, told)
		if err != nil {
			return err
		}
		if changed, err := r.RowsAffected(); err != nil || changed == 0 {
			return err // another server has reported them
		}
		for _, l := range letters {
			if err := n.queue(ctx, tx, l); err != nil {
				return err
			}
		}
		return nil
	})
}

// concerned returns the letters about a line of the trail: to the owner of the
// account, and to an address that the account had until recently.
func (n *Notices) concerned(ctx context.Context, l audit.Line) ([]mail.Letter, error) {
	if l.UserID == 0 || events[l.Kind].text == "" {
		return nil, nil
	}
	if l.Kind == auth.UserChanged && l.Detail["changed"] != "email" {
		return nil, nil
	}
	if l.Kind == auth.SignedIn || l.Kind == auth.SetUpCodeUsed {
		if fresh, err := n.unusual(ctx, l); err != nil || !fresh {
			return nil, err
		}
	}
	letter := mail.Letter{Kind: kindAccount, UserID: l.UserID, Topic: "account", Items: []int64{l.ID}}
	letters := []mail.Letter{letter}
	former, err := n.cfg.Users.FormerEmails(ctx, l.UserID)
	for _, address := range former {
		letter.UserID, letter.Address, letter.Topic = 0, address, fmt.Sprint("account ", l.UserID)
		letters = append(letters, letter)
	}
	return letters, err
}

// unusual reports whether a sign-in comes from a network from which nobody has
// signed in to the account recently. The first sign-in is not unusual, and
// neither is the choice of the first password.
func (n *Notices) unusual(ctx context.Context, l audit.Line) (bool, error) {
	before, err := audit.List(ctx, n.cfg.DB, audit.Filter{UserID: l.UserID, Kind: auth.SignedIn, Before: l.ID, Since: l.At.Add(-knownFor), Limit: knownLines})
	if err != nil || len(before) == 0 {
		return false, err
	}
	if l.Kind != auth.SignedIn {
		return true, nil
	}
	for _, b := range before {
		if network.Of(b.By.Addr) == network.Of(l.By.Addr) {
			return false, nil
		}
	}
	return l.By.Addr.IsValid(), nil
}

// events are the lines of the trail that owners of accounts are told about: the
// subject of a mail about a single event, and the text. {name} is replaced by
// the name of the client or passkey.
var events = map[audit.Kind]struct{ subject, text string }{
	apps.AppCreated:       {"A new key for your account", "A key for the client {name} was added."},
	apps.AppEnrolled:      {"A new key for your account", "A key for the client {name} was added."},
	apps.AppRotated:       {"A new key for your account", "The key of the client {name} was replaced by another one."},
	apps.TokenCreated:     {"A new application password for your account", "An application password or token for the client {name} was added."},
	auth.PasskeyAdded:     {"A new passkey for your account", "The passkey {name} was added."},
	auth.PasskeyRemoved:   {"A passkey was removed", "The passkey {name} was removed."},
	auth.SecondFactorOff:  {"Your second factor was removed", "The second factor was removed: signing in no longer requires a code."},
	auth.SecondFactorGone: {"Your second factor was removed", "The second factor was removed: signing in no longer requires a code."},
	auth.RecoveryUsed:     {"A recovery code was used", "A recovery code was used in place of the second factor."},
	auth.UserPassword:     {"Your password was changed", "The password was changed."},
	auth.ResetCodeUsed:    {"Your password was changed", "The password was changed, with a link that was sent by mail."},
	auth.SetUpCodeUsed:    {"Your password was changed", "The password was changed, with a set-up link."},
	auth.UserChanged:      {"Your e-mail address was changed", "The e-mail address was changed."},
	auth.SignedIn:         {"A sign-in from a new network", "Somebody signed in from a network that is new for the account."},
}

// account writes the mail about events of an account.
func (n *Notices) account(ctx context.Context, w words, letters []mail.Letter) (*mail.Message, error) {
	l := letters[0]
	id, to := l.UserID, mail.Address{Mail: l.Address}
	if id == 0 {
		if _, err := fmt.Sscanf(l.Topic, "account %d", &id); err != nil {
			return nil, nil
		}
	}
	user, address, there, err := n.addressOf(ctx, id)
	if err != nil || user.ID == 0 {
		return nil, err
	}
	if l.UserID != 0 {
		if !there {
			return nil, nil
		}
		to = address
	}
	var parts []string
	subject := ""
	for _, item := range l.Items {
		list, err := audit.List(ctx, n.cfg.DB, audit.Filter{UserID: id, Before: item + 1, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || list[0].ID != item {
			continue // the line was removed in the meantime
		}
		parts = append(parts, w.event(list[0], user))
		subject = events[list[0].Kind].subject
	}
	if len(parts) == 0 {
		return nil, nil
	}
	if len(parts) > 1 {
		subject = "Changes to your account"
	}
	if more := l.N - int64(len(l.Items)); more > 0 {
		parts = append(parts, fmt.Sprintf("And %d more events, which the page below lists.", more))
	}
	text := append([]string{fmt.Sprintf("This is about the user %s at %s.", user.Login, w.blog)}, parts...)
	text = append(text, "If that was you, there is nothing to do. If not, choose another password at once, and look at what else was changed:",
		w.home+"/profile/security\n"+w.home+"/profile/activity",
		"If you cannot sign in any more: "+w.home+"/signin/forgot, or ask an administrator of the blog.")
	return &mail.Message{To: to, Subject: w.subject("%s", subject), Text: w.text(text...), Thread: fmt.Sprint("account.", id)}, nil
}

// event returns a line of the trail for a mail: the event, its time, and who
// caused it as far as that is known.
func (w words) event(l audit.Line, user auth.User) string {
	text := strings.ReplaceAll(events[l.Kind].text, "{name}", fmt.Sprintf("%q", line(l.Detail["name"], "without a name")))
	facts := []string{w.when(l.At)}
	if l.By.Addr.IsValid() {
		facts = append(facts, "from "+l.By.Addr.String())
	}
	switch {
	case l.By.Via == audit.Operator.Via:
		facts = append(facts, "by a command on the server")
	case l.By.UserID != 0 && l.By.UserID != user.ID:
		facts = append(facts, "by an administrator")
	}
	if agent := line(l.By.Agent, ""); agent != "" {
		facts = append(facts, "with "+agent)
	}
	return text + "\n" + strings.Join(facts, ", ")
}
