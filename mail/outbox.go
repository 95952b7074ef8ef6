package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/database"
)

// Letter is something to tell people by mail. The outbox stores its subject
// matter, and its text is composed when it is sent. So the database holds no
// one-time links, and many events of one topic become one mail.
type Letter struct {
	Kind string
	// UserID is the recipient's account, whose address is looked up when the
	// mail is sent. If it is 0, the mail goes to Address.
	UserID  int64
	Address string
	// Topic is what the letter is about. For each kind, recipient and topic, at
	// most one letter waits; later events are added to it.
	Topic string
	// Items are the numbers of the events, the oldest first and at most
	// MaxItems; N is the number of all events.
	Items []int64
	N     int64

	// The outbox fills in the rest for Compose.
	ID      int64
	Created time.Time // when it was queued
	Attempt int64     // 1 for the first one
}

// MaxItems is the maximum number of items in a letter. N also counts the
// others.
const MaxItems = 50

// Kind holds the rules by which the letters of a kind are sent.
type Kind struct {
	// Pause is the minimum time between two mails about a topic to a recipient.
	Pause time.Duration
	// Delay is how long a letter waits for more events of its topic.
	Delay time.Duration
	// PerHour limits the mails of the kind to a recipient; 0: no limit. Mails
	// above the limit wait.
	PerHour int
	// Digest is the number of due topics from which on a recipient gets one
	// mail about all of them; 0: never.
	Digest int
}

// OutboxConfig holds the parts of an outbox.
type OutboxConfig struct {
	DB *database.DB
	// Send passes a mail to the relay; see Mailer.Send.
	Send func(context.Context, Message) error
	// Compose writes the mail for letters of one kind and recipient: one
	// letter, or several for a digest. Nil means that there is nothing to send
	// any more.
	Compose func(context.Context, []Letter) (*Message, error)
	Kinds   map[string]Kind
	Clock   func() time.Time // time.Now when nil
	Logger  *slog.Logger     // discards when nil
}

// Outbox is the queue of mail in a database. It is safe for concurrent use, and
// several processes may run it on the same database: each letter is leased to
// one of them. If a process dies after it has sent a mail and before it has
// recorded that, the mail is sent twice, with the same Message-ID.
type Outbox struct {
	cfg OutboxConfig

	sent, failed, givenUp atomic.Int64
	failing               atomic.Bool
	cleared               time.Time     // when Work last removed old rows; only the worker uses it
	nudge                 chan struct{} // signals that this process has queued a letter
}

const (
	lease      = 5 * time.Minute // longer than Compose and Send take
	giveUp     = 24 * time.Hour
	maxWaiting = 1000 // letters of a kind
	maxDigest  = 50   // topics of a digest
	poll       = 2 * time.Second
	committed  = 50 * time.Millisecond // after which a transaction that queued a letter has usually been committed
)

// pauses are the times between tries; the last one applies to all later tries.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour}

// NewOutbox returns an outbox. It sends nothing unless Run runs.
func NewOutbox(cfg OutboxConfig) *Outbox {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Outbox{cfg: cfg, nudge: make(chan struct{}, 1)}
}

func (o *Outbox) now() time.Time { return o.cfg.Clock().UTC().Truncate(time.Microsecond) }

// ErrFull means that the maximum number of letters of a kind is waiting.
var ErrFull = errors.New("too many mails are waiting")

// Queue adds a letter to the outbox, in the transaction of the event. N is 1 if
// it is 0. Errors: ErrFull.
func (o *Outbox) Queue(ctx context.Context, tx *database.Tx, l Letter) error {
	words := make([]string, min(len(l.Items), MaxItems))
	for i := range words {
		words[i] = strconv.FormatInt(l.Items[i], 10)
	}
	items := strings.Join(words, " ")
	now := o.now()
	var waiting int64
	err := tx.Get(ctx, &waiting, `SELECT COUNT(*) FROM outbox WHERE due IS NOT NULL AND kind = $1 AND NOT (user_id = $2 AND address = $3 AND topic = $4)`,
		l.Kind, l.UserID, l.Address, l.Topic)
	if err != nil {
		return fmt.Errorf("queue a mail: %w", err)
	}
	if waiting >= maxWaiting {
		return ErrFull
	}
	_, err = tx.Exec(ctx, `INSERT INTO outbox (kind, user_id, address, topic, items, n, created, due, rest) VALUES ($1, $2, $3, $4, $5, $9, $6, $7, $7)
		ON CONFLICT (kind, user_id, address, topic) DO UPDATE SET
			items = CASE WHEN LENGTH(outbox.items) > $8 THEN outbox.items WHEN outbox.items = '' THEN excluded.items ELSE outbox.items || ' ' || excluded.items END,
			n = outbox.n + excluded.n,
			created = CASE WHEN outbox.due IS NULL THEN excluded.created ELSE outbox.created END,
			due = CASE WHEN outbox.due IS NOT NULL THEN outbox.due WHEN outbox.rest > excluded.due THEN outbox.rest ELSE excluded.due END`,
		l.Kind, l.UserID, l.Address, l.Topic, items, now, now.Add(o.cfg.Kinds[l.Kind].Delay), maxItemsText, max(l.N, 1))
	if err != nil {
		return fmt.Errorf("queue a mail: %w", err)
	}
	select {
	case o.nudge <- struct{}{}:
	default:
	}
	return nil
}

// maxItemsText is the length of the stored items, in bytes, beyond which no
// more are added. The longest number has 19 digits.
const maxItemsText = 400

// row is a letter as a row of the table.
type row struct {
	ID       int64     `db:"id"`
	Kind     string    `db:"kind"`
	UserID   int64     `db:"user_id"`
	Address  string    `db:"address"`
	Topic    string    `db:"topic"`
	Items    string    `db:"items"`
	N        int64     `db:"n"`
	Created  time.Time `db:"created"`
	Attempts int64     `db:"attempts"`
}

const columns = `id, kind, user_id, address, topic, items, n, created, attempts`

func (r row) letter() Letter {
	l := Letter{
		ID: r.ID, Kind: r.Kind, UserID: r.UserID, Address: r.Address, Topic: r.Topic, N: r.N,
		Created: r.Created.UTC(), Attempt: r.Attempts,
	}
	for _, word := range strings.Fields(r.Items) {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil && len(l.Items) < MaxItems {
			l.Items = append(l.Items, n)
		}
	}
	return l
}

// take leases the first letter that is due, together with those that belong in
// the same mail, or nothing if none is due.
func (o *Outbox) take(ctx context.Context) (letters []Letter, more bool, err error) {
	var due int
	now := o.now()
	if err := o.cfg.DB.Get(ctx, &due, `SELECT COUNT(*) FROM outbox WHERE due <= $1`, now); err != nil || due == 0 {
		return nil, false, err
	}
	err = o.cfg.DB.Update(ctx, func(tx *database.Tx) error {
		letters = nil
		var rows []row
		if err := tx.Select(ctx, &rows, `SELECT `+columns+` FROM outbox WHERE due <= $1 ORDER BY due, id LIMIT 1`, now); err != nil || len(rows) == 0 {
			return err // another server has taken it
		}
		first, kind := rows[0], o.cfg.Kinds[rows[0].Kind]
		if wait, err := o.bounded(ctx, tx, first, kind, now); err != nil || wait {
			return err
		}
		if kind.Digest > 0 {
			var all []row
			err := tx.Select(ctx, &all, `SELECT `+columns+` FROM outbox WHERE due <= $1 AND kind = $2 AND user_id = $3 AND address = $4 ORDER BY due, id LIMIT $5`,
				now, first.Kind, first.UserID, first.Address, maxDigest)
			if err != nil {
				return err
			}
			if len(all) >= kind.Digest {
				rows = all
			}
		}
		var ids []int64
		for i := range rows {
			rows[i].Attempts++
			ids, letters = append(ids, rows[i].ID), append(letters, rows[i].letter())
		}
		return database.ExecIn(ctx, tx, `UPDATE outbox SET attempts = attempts + 1, due = ? WHERE id IN (?)`, ids, now.Add(lease))
	})
	return letters, err == nil, err
}

// bounded postpones the due letters of a recipient who has received the maximum
// number of mails of the kind within an hour, and reports whether it did.
func (o *Outbox) bounded(ctx context.Context, tx *database.Tx, r row, kind Kind, now time.Time) (bool, error) {
	if kind.PerHour == 0 {
		return false, nil
	}
	var sent []time.Time
	err := tx.Select(ctx, &sent, `SELECT DISTINCT sent FROM outbox WHERE kind = $1 AND user_id = $2 AND address = $3 AND sent > $4 ORDER BY sent`,
		r.Kind, r.UserID, r.Address, now.Add(-time.Hour))
	if err != nil || len(sent) < kind.PerHour {
		return false, err
	}
	_, err = tx.Exec(ctx, `UPDATE outbox SET due = $5 WHERE due <= $4 AND kind = $1 AND user_id = $2 AND address = $3`,
		r.Kind, r.UserID, r.Address, now, sent[len(sent)-kind.PerHour].Add(time.Hour))
	return true, err
}

// Work sends the first mail that is due, and reports whether more may be due.
func (o *Outbox) Work(ctx context.Context) (more bool, err error) {
	if err := o.clear(ctx); err != nil {
		return false, err
	}
	letters, more, err := o.take(ctx)
	if err != nil {
		return false, fmt.Errorf("take mail that is due: %w", err)
	}
	if len(letters) == 0 {
		return more, nil
	}
	if letters[0].Attempt == 1 && o.now().Sub(letters[0].Created) >= giveUp { // such as after a time without an SMTP server
		o.givenUp.Add(1)
		o.cfg.Logger.WarnContext(ctx, "mail dropped: it waited for a day without a try", "kind", letters[0].Kind)
		return true, o.done(ctx, letters, time.Time{})
	}
	message, err := o.cfg.Compose(ctx, letters)
	if err == nil && message == nil {
		return true, o.done(ctx, letters, time.Time{})
	}
	if err == nil {
		message.At = o.now()
		message.ID = fmt.Sprintf("quillgate.%s.%d.%d", letters[0].Kind, letters[0].ID, letters[0].Created.UnixMicro())
		err = o.cfg.Send(ctx, *message)
	}
	if ctx.Err() != nil {
		return false, ctx.Err() // the lease will expire
	}
	return true, o.note(ctx, letters, err)
}

// note records the result of a try.
func (o *Outbox) note(ctx context.Context, letters []Letter, failure error) error {
	first := letters[0]
	what := []any{"kind", first.Kind, "user", first.UserID, "try", first.Attempt}
	var refused *Refused
	switch {
	case failure == nil:
		o.sent.Add(1)
		if o.failing.CompareAndSwap(true, false) {
			o.cfg.Logger.InfoContext(ctx, "mail is sent again")
		}
		o.cfg.Logger.DebugContext(ctx, "mail sent", what...)
		return o.done(ctx, letters, o.now())
	case errors.As(failure, &refused):
		o.failed.Add(1)
		o.givenUp.Add(1)
		o.cfg.Logger.ErrorContext(ctx, "mail given up: the SMTP server refuses it", append(what, "cause", loggable(failure))...)
		return o.done(ctx, letters, time.Time{})
	}
	o.failed.Add(1)
	if !o.failing.Swap(true) {
		o.cfg.Logger.WarnContext(ctx, "mail cannot be sent at the moment; retrying for a day", append(what, "cause", loggable(failure), "advice", Advice(failure))...)
	} else {
		o.cfg.Logger.DebugContext(ctx, "mail not sent", append(what, "cause", loggable(failure))...)
	}
	next := o.now().Add(pauses[min(max(first.Attempt, 1), int64(len(pauses)))-1])
	var ids []int64
	var over []Letter
	for _, l := range letters {
		if next.Sub(l.Created) >= giveUp {
			over = append(over, l)
		} else {
			ids = append(ids, l.ID)
		}
	}
	if len(over) > 0 {
		o.givenUp.Add(int64(len(over)))
		o.cfg.Logger.ErrorContext(ctx, "mail given up after a day", append(what, "cause", loggable(failure), "advice", Advice(failure))...)
		if err := o.done(ctx, over, time.Time{}); err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return nil
	}
	err := o.cfg.DB.Update(ctx, func(tx *database.Tx) error {
		return database.ExecIn(ctx, tx, `UPDATE outbox SET due = ? WHERE id IN (?)`, ids, next)
	})
	if err != nil {
		return fmt.Errorf("put off a mail: %w", err)
	}
	return nil
}

// done removes the events of letters from the outbox. Events that were added in
// the meantime stay for the next mail. sent is when the letters were sent, or
// zero if they never were.
func (o *Outbox) done(ctx context.Context, letters []Letter, sent time.Time) error {
	err := o.cfg.DB.Update(ctx, func(tx *database.Tx) error {
		for _, l := range letters {
			var r row
			err := tx.Get(ctx, &r, `SELECT `+columns+` FROM outbox WHERE id = $1`, l.ID)
			if errors.Is(err, database.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			now, left := o.now(), max(r.N-l.N, 0)
			words := strings.Fields(r.Items)
			if words = words[min(len(l.Items), len(words)):]; left == 0 {
				words = nil // the stored items beyond MaxItems
			}
			rest := now
			if !sent.IsZero() {
				rest = sent.Add(max(o.cfg.Kinds[l.Kind].Pause, time.Duration(min(o.cfg.Kinds[l.Kind].PerHour, 1))*time.Hour))
			}
			var due, at *time.Time
			if left > 0 {
				due = &rest
			}
			if !sent.IsZero() {
				at = &sent
			}
			_, err = tx.Exec(ctx, `UPDATE outbox SET items = $2, n = $3, attempts = 0, created = $4, due = $5, sent = COALESCE($6, sent), rest = $7 WHERE id = $1`,
				l.ID, strings.Join(words, " "), left, now, due, at, rest)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note that a mail is done: %w", err)
	}
	return nil
}

// clear removes, once a minute, the rows of sent mail that no longer delay
// other mail.
func (o *Outbox) clear(ctx context.Context) error {
	now := o.now()
	if since := now.Sub(o.cleared); since >= 0 && since < time.Minute {
		return nil
	}
	o.cleared = now
	if _, err := o.cfg.DB.Exec(ctx, `DELETE FROM outbox WHERE due IS NULL AND rest <= $1`, now); err != nil {
		return fmt.Errorf("remove what is kept of sent mail: %w", err)
	}
	return nil
}

// Run sends due mail until ctx ends. Run one in each process.
func (o *Outbox) Run(ctx context.Context) {
	for failing := false; ; {
		more, err := o.Work(ctx)
		if err != nil && ctx.Err() == nil && !failing { // log an outage once
			o.cfg.Logger.WarnContext(ctx, "the outbox cannot be read or written; retrying", "cause", err)
		}
		failing = err != nil
		if more && err == nil {
			continue
		}
		timer := time.NewTimer(poll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-o.nudge:
			timer.Reset(committed)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
		case <-timer.C:
		}
	}
}

// Counts returns the numbers of mails since this process started.
func (o *Outbox) Counts() (sent, failed, givenUp int64) {
	return o.sent.Load(), o.failed.Load(), o.givenUp.Load()
}

// Waiting returns how many letters wait in the database.
func (o *Outbox) Waiting(ctx context.Context) (n int64, err error) {
	if err := o.cfg.DB.Get(ctx, &n, `SELECT COUNT(*) FROM outbox WHERE due IS NOT NULL`); err != nil {
		return 0, fmt.Errorf("count the mail that waits: %w", err)
	}
	return n, nil
}

// DropUnfinished removes the queued mail from the copy of a blog within tx,
// because the original sends it.
func DropUnfinished(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM outbox`); err != nil {
		return fmt.Errorf("forget the mail that waits: %w", err)
	}
	return nil
}

// loggable returns the text of an error without the addresses that the relay or
// the library puts into it.
func loggable(err error) string {
	words := strings.FieldsFunc(oneLine(err.Error(), 500), func(r rune) bool { return r == ' ' || r == ',' })
	for i, word := range words {
		if strings.Contains(word, "@") {
			words[i] = "(address)"
		}
	}
	return strings.Join(slices.Compact(words), " ")
}
