package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/quillgate/quillgate/migrations"
)

// noticeChannel is the channel on which processes notify one another of
// commits: the sender and the names of the epochs, separated by spaces. A
// notification may be lost or duplicated; the counters decide.
const noticeChannel = "quillgate_epochs"

const (
	// noticePause is the time between two notifications of a process.
	// PostgreSQL serializes commits that carry one, so they are sent for many
	// commits together, outside of the transactions.
	noticePause = 20 * time.Millisecond
	// noticeTime is the time limit for sending one.
	noticeTime = 2 * time.Second

	// pingEvery and deafTime detect a listening connection that has gone
	// silent: it answers a ping, or is given up.
	pingEvery = 3 * time.Second
	deafTime  = 8 * time.Second
	dialTime  = 3 * time.Second
)

// notices sends notifications. Its goroutine runs while there are any to send.
type notices struct {
	db *DB
	id string // of this DB

	mu      sync.Mutex
	pending epochSet
	sending bool
	closed  bool
	work    sync.WaitGroup
	closing chan struct{}
}

func (n *notices) add(set epochSet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pending |= set
	if n.sending || n.closed {
		return
	}
	n.sending = true
	n.work.Go(n.send)
}

func (n *notices) send() {
	for {
		n.mu.Lock()
		set := n.pending
		n.pending = 0
		n.sending = set != 0
		n.mu.Unlock()
		if set == 0 {
			return
		}
		n.notify(set)
		select {
		case <-time.After(noticePause):
		case <-n.closing:
		}
	}
}

func (n *notices) notify(set epochSet) {
	schema := n.db.epochs.schema.Load()
	if schema == nil { // it has no epochs any more: it was taken back meanwhile
		return
	}
	words := []string{n.id}
	for i, name := range schema.names {
		if set&(1<<i) != 0 {
			words = append(words, string(name))
		}
	}
	ctx, cancel := context.WithTimeout(uncounted(context.Background()), noticeTime)
	defer cancel()
	// If this fails, the other processes find out by polling.
	_, _ = n.db.write.ExecContext(ctx, `SELECT pg_notify($1, $2)`, noticeChannel, strings.Join(words, " "))
}

// close sends the remaining notifications.
func (n *notices) close() {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.closing)
	}
	n.mu.Unlock()
	n.work.Wait()
}

// ErrPooled is the reason why Listen does not listen behind a pooler.
var ErrPooled = errors.New("there is a pooler in front of the database, which passes on no notifications")

// Listen receives notifications of other processes' commits until ctx ends, so
// that Stamp changes within milliseconds. It uses a connection of its own, and
// opens it again when it breaks or goes silent. It then calls tell with the
// reason, and with nil when it listens again. In between, Stamp polls. On
// SQLite Listen returns at once. Behind a pooler, which delivers nothing, it
// calls tell with ErrPooled and returns.
func (db *DB) Listen(ctx context.Context, tell func(error)) {
	if db.dialect != migrations.Postgres {
		return
	}
	if db.postgres.pooled.Load() {
		tell(ErrPooled)
		return
	}
	dialer := &listenDialer{open: make(map[net.Conn]bool)}
	broken := false
	l := pq.NewDialListener(dialer, db.url, 50*time.Millisecond, time.Second, func(event pq.ListenerEventType, err error) {
		switch event {
		case pq.ListenerEventDisconnected, pq.ListenerEventConnectionAttemptFailed:
			if !broken && ctx.Err() == nil {
				tell(fmt.Errorf("listen to the database: %w", err))
			}
			broken = true
		default:
			if broken {
				tell(nil)
			}
			broken = false
			db.epochs.mark(^epochSet(0)) // for notifications missed meanwhile
		}
	})
	var work sync.WaitGroup
	work.Go(func() {
		if err := l.Listen(noticeChannel); err != nil && ctx.Err() == nil {
			tell(fmt.Errorf("listen to the database: %w", err))
		}
	})
	work.Go(func() { keepAwake(ctx, l) })
	work.Go(func() {
		for notice := range l.Notify {
			db.epochs.hear(notice)
		}
	})
	<-ctx.Done()
	dialer.close() // ends what waits for the network
	_ = l.Close()
	work.Wait()
}

func keepAwake(ctx context.Context, l *pq.Listener) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = l.Ping() // quietConn closes a connection that does not answer
		case <-ctx.Done():
			return
		}
	}
}

// hear handles a notification; nil means that some may have been missed.
func (e *epochs) hear(notice *pq.Notification) {
	s := e.schema.Load()
	if s == nil {
		return
	}
	if notice == nil {
		e.mark(^epochSet(0))
		return
	}
	words := strings.Fields(notice.Extra)
	if len(words) == 0 || words[0] == e.notices.id {
		return
	}
	var set epochSet
	for _, name := range words[1:] {
		if i, ok := slices.BinarySearch(s.names, Epoch(name)); ok {
			set |= 1 << i
		}
	}
	e.mark(set)
}

// listenDialer opens connections that break if nothing arrives for deafTime: a
// listener would otherwise wait for ever.
type listenDialer struct {
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

// Dial implements pq.Dialer.
func (d *listenDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, dialTime)
}

// DialTimeout implements pq.Dialer.
func (d *listenDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, min(timeout, dialTime))
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	d.open[conn] = true
	return &quietConn{conn, d}, nil
}

// close closes all connections, and prevents new ones.
func (d *listenDialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for conn := range d.open {
		conn.Close()
	}
}

type quietConn struct {
	net.Conn
	dialer *listenDialer
}

// Read fails if nothing arrives for deafTime.
func (c *quietConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(deafTime)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write fails if nothing is accepted for deafTime.
func (c *quietConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(deafTime)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close closes the connection.
func (c *quietConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.open, c.Conn)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}
