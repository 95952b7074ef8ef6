package mail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/mail/mailtest"
	"github.com/quillgate/quillgate/server/servertest"
)

// box is an outbox with a clock that the test moves.
type box struct {
	*mail.Outbox
	db   *database.DB
	now  atomic.Int64 // microseconds
	log  servertest.Log
	sent struct {
		sync.Mutex
		list []mail.Message
	}
	fail atomic.Pointer[error]
	hold func(mail.Message)
}

func (b *box) clock() time.Time { return time.UnixMicro(b.now.Load()) }

func (b *box) pass(d time.Duration) { b.now.Add(d.Microseconds()) }

func (b *box) texts() []string {
	b.sent.Lock()
	defer b.sent.Unlock()
	var list []string
	for _, m := range b.sent.list {
		list = append(list, m.To.Mail+" "+m.Text)
	}
	return list
}

var testKinds = map[string]mail.Kind{
	"plain":   {},
	"comment": {Pause: time.Hour, PerHour: 3, Digest: 3},
}

func newBox(db *database.DB) *box {
	b := &box{db: db}
	b.now.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	b.Outbox = mail.NewOutbox(mail.OutboxConfig{
		DB: db, Kinds: testKinds, Clock: b.clock, Logger: servertest.Logger(&b.log),
		Compose: func(_ context.Context, letters []mail.Letter) (*mail.Message, error) {
			var parts []string
			for _, l := range letters {
				if l.Topic == "nothing" {
					return nil, nil
				}
				parts = append(parts, fmt.Sprintf("%s%v/%d", l.Topic, l.Items, l.N))
			}
			return &mail.Message{To: mail.Address{Mail: letters[0].Address}, Text: strings.Join(parts, " ")}, nil
		},
		Send: func(_ context.Context, m mail.Message) error {
			if b.hold != nil {
				b.hold(m)
			}
			if err := b.fail.Load(); err != nil {
				return *err
			}
			b.sent.Lock()
			defer b.sent.Unlock()
			b.sent.list = append(b.sent.list, m)
			return nil
		},
	})
	return b
}

func (b *box) queue(t *testing.T, l mail.Letter) error {
	t.Helper()
	return b.db.Write(t.Context(), nil, func(tx *database.Tx) error { return b.Queue(t.Context(), tx, l) })
}

func (b *box) put(t *testing.T, kind, to, topic string, item int64) {
	t.Helper()
	if err := b.queue(t, mail.Letter{Kind: kind, Address: to, Topic: topic, Items: []int64{item}}); err != nil {
		t.Fatal(err)
	}
}

// work sends all mail that is due.
func (b *box) work(t *testing.T) {
	t.Helper()
	for range 1000 {
		more, err := b.Work(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
	t.Fatal("new mails are due without end")
}

func (b *box) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := b.texts(); !slices.Equal(got, want) {
		t.Errorf("%s: sent %q, want %q", what, got, want)
	}
}

// A mail that cannot be sent is retried at growing intervals for a day. Then it
// is dropped, and that is logged without addresses.
func TestOutboxTriesForADay(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBox(db)
		down := errors.New("cannot reach the server for <ada@example.org>")
		b.fail.Store(&down)
		tries := 0
		b.hold = func(mail.Message) { tries++ }
		b.put(t, "plain", "ada@example.org", "a", 1)
		b.put(t, "plain", "ada@example.org", "nothing", 1)
		for range 30 * 60 {
			b.work(t)
			b.pass(time.Minute)
		}
		if tries < 10 || tries > 20 {
			t.Errorf("%d tries in a day", tries)
		}
		log := b.log.String()
		if n, err := b.Waiting(t.Context()); err != nil || n != 0 || !strings.Contains(log, "mail given up after a day") {
			t.Errorf("%d wait, %v; the log: %s", n, err, log)
		}
		if strings.Contains(log, "ada@") || strings.Count(log, "level=WARN") != 1 {
			t.Errorf("the log: %s", log)
		}
		if sent, failed, over := b.Counts(); sent != 0 || failed != int64(tries) || over != 1 {
			t.Errorf("counts: %d, %d, %d", sent, failed, over)
		}
		b.put(t, "plain", "bea@example.org", "b", 1)
		b.work(t)
		b.fail.Store(nil)
		b.pass(time.Minute)
		b.work(t)
		b.want(t, "after the outage", "bea@example.org b[1]/1")
		b.put(t, "plain", "cyd@example.org", "c", 1)
		b.pass(25 * time.Hour) // nobody was there to send it
		b.work(t)
		b.want(t, "after a day without a server", "bea@example.org b[1]/1")
		if !strings.Contains(b.log.String(), "mail is sent again") {
			t.Errorf("the log does not mention the end of the outage")
		}
	})
}

// Events of one topic become one mail, and events that happen while a mail is
// being sent are not lost.
func TestOutboxFolds(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBox(db)
		for i := range int64(5) {
			b.put(t, "comment", "ada@example.org", "post 1", i+1)
		}
		b.hold = func(mail.Message) {
			b.hold = nil
			b.put(t, "comment", "ada@example.org", "post 1", 6)
		}
		b.work(t)
		b.want(t, "at once", "ada@example.org post 1[1 2 3 4 5]/5")
		b.put(t, "comment", "ada@example.org", "post 1", 7)
		b.pass(59 * time.Minute)
		b.work(t)
		b.want(t, "within the pause", "ada@example.org post 1[1 2 3 4 5]/5")
		b.pass(time.Minute)
		b.work(t)
		b.want(t, "after the pause", "ada@example.org post 1[1 2 3 4 5]/5", "ada@example.org post 1[6 7]/2")
		b.pass(3 * time.Hour)
		b.work(t)
		var rows int
		if err := db.Get(t.Context(), &rows, `SELECT COUNT(*) FROM outbox`); err != nil || rows != 0 {
			t.Errorf("%d rows are left, %v", rows, err)
		}
		for i := range int64(500) { // more than a row remembers
			b.put(t, "comment", "ada@example.org", "post 1", 1000+i)
		}
		b.work(t)
		if got := b.texts()[2]; !strings.HasSuffix(got, "]/500") || len(got) > 300 {
			t.Errorf("many: %q", got)
		}
		b.pass(3 * time.Hour)
		b.work(t)
		if got := b.texts(); len(got) != 3 {
			t.Errorf("sent again: %q", got)
		}
	})
}

// A recipient gets a limited number of mails of a kind in an hour, and a single
// mail if many topics are due. The number of waiting letters is bounded.
func TestOutboxIsBounded(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBox(db)
		for i := range int64(5) {
			b.put(t, "comment", "ada@example.org", fmt.Sprint("post ", i), i)
			b.put(t, "comment", "bea@example.org", fmt.Sprint("post ", i), i)
			b.work(t)
			b.pass(time.Minute)
		}
		if got := len(b.texts()); got != 6 {
			t.Errorf("%d mails to two people: %q", got, b.texts())
		}
		b.pass(time.Hour)
		b.work(t)
		if got := b.texts(); len(got) != 10 { // two topics each: no digest
			t.Errorf("an hour later: %q", got)
		}
		b.pass(2 * time.Hour)
		for i := range int64(60) {
			b.put(t, "comment", "cyd@example.org", fmt.Sprint("post ", i), i)
		}
		b.work(t)
		if got := b.texts(); len(got) != 12 || strings.Count(got[10], "post") != 50 || strings.Count(got[11], "post") != 10 {
			t.Errorf("digests: %q", got[10:])
		}
		for i := range 1000 {
			b.put(t, "plain", "ada@example.org", fmt.Sprint("topic ", i), 1)
		}
		if err := b.queue(t, mail.Letter{Kind: "plain", Address: "ada@example.org", Topic: "one more"}); !errors.Is(err, mail.ErrFull) {
			t.Errorf("one more: %v", err)
		}
		if err := b.queue(t, mail.Letter{Kind: "plain", Address: "ada@example.org", Topic: "topic 3"}); err != nil {
			t.Errorf("one that joins another: %v", err)
		}
		if err := b.queue(t, mail.Letter{Kind: "comment", Address: "ada@example.org", Topic: "post 3"}); err != nil {
			t.Errorf("one of another kind: %v", err)
		}
	})
}

// Several servers share an outbox: each mail is sent once. If a server dies
// while it sends, another one continues.
func TestOutboxIsShared(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		boxes := []*box{newBox(db), newBox(db), newBox(db)}
		const n = 40
		for i := range int64(n) {
			boxes[0].put(t, "plain", fmt.Sprintf("u%d@example.org", i), "x", i)
		}
		var working sync.WaitGroup
		for _, b := range boxes {
			working.Go(func() { b.work(t) })
		}
		working.Wait()
		all := map[string]int{}
		for _, b := range boxes {
			for _, text := range b.texts() {
				all[text]++
			}
		}
		if len(all) != n {
			t.Errorf("%d different mails were sent, want %d", len(all), n)
		}
		for text, times := range all {
			if times != 1 {
				t.Errorf("%s: sent %d times", text, times)
			}
		}
		// A server that dies keeps its letter only until the lease expires.
		one, two := boxes[0], boxes[1]
		ctx, die := context.WithCancel(t.Context())
		one.hold = func(mail.Message) { die() }
		one.put(t, "plain", "dead@example.org", "x", 1)
		if _, err := one.Work(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("the one that dies: %v", err)
		}
		before := len(two.texts())
		two.work(t)
		if got := len(two.texts()); got != before {
			t.Errorf("another server did not wait")
		}
		two.pass(6 * time.Minute)
		two.work(t)
		if got := two.texts(); len(got) != before+1 || !strings.HasPrefix(got[before], "dead@") {
			t.Errorf("another server does not go on: %q", got)
		}
	})
}

// Mail that was queued while the SMTP server was down is sent once the server
// is back, and Run returns when its context ends.
func TestOutboxAfterOutage(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		server := mailtest.Start(t, mailtest.Options{User: "u", Password: "p", Answer: func(to string) error {
			if strings.HasPrefix(to, "nobody") {
				return mailtest.Code(550, "no such user")
			}
			return nil
		}})
		server.Stop()
		relay, err := mail.ParseRelay(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		relay.Roots = server.Roots
		b := newBox(db)
		mailer := mail.New(mail.Config{Relay: relay, From: from, Host: "blog.example"})
		b.Outbox = mail.NewOutbox(mail.OutboxConfig{
			DB: db, Clock: b.clock, Logger: servertest.Logger(&b.log), Send: mailer.Send,
			Compose: func(_ context.Context, l []mail.Letter) (*mail.Message, error) {
				return &mail.Message{To: mail.Address{Mail: l[0].Address}, Subject: "s", Text: "t"}, nil
			},
		})
		for i := range int64(3) {
			b.put(t, "plain", fmt.Sprintf("u%d@example.org", i), "x", i)
		}
		b.put(t, "plain", "nobody@example.org", "x", 1)
		b.work(t)
		if n, err := b.Waiting(t.Context()); err != nil || n != 4 {
			t.Fatalf("%d wait, %v", n, err)
		}
		server.Restart(t)
		b.pass(time.Minute)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { b.Run(ctx); close(ended) }()
		server.Wait(t, 3)
		for { // until the refusal is noted too
			n, err := b.Waiting(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		<-ended
		log := b.log.String()
		if !strings.Contains(log, "the SMTP server refuses it") || strings.Contains(log, "nobody@") || strings.Contains(log, ":p@") {
			t.Errorf("the log: %s", log)
		}
		if got := len(server.Mails()); got != 3 {
			t.Errorf("%d mails", got)
		}
	})
}
