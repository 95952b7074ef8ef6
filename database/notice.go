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

// noticeChannel is the channel on which processes tell one another what they have committed: who speaks, and the names of
// the epochs, separated by spaces. A notification may be lost or come too often; the counters decide.
const noticeChannel = "quillgate_epochs"

const (
	// noticePause is between two notifications of a process. PostgreSQL commits those that carry one after the other, so
	// they are sent for many commits together, and not in the transactions themselves.
	noticePause = 20 * time.Millisecond
	// noticeTime bounds the sending of one.
	noticeTime = 2 * time.Second

	// pingEvery and deafTime find a listening connection that has gone silent: it answers a ping, or is given up.
	pingEvery = 3 * time.Second
	deafTime  = 8 * time.Second
	dialTime  = 3 * time.Second
)

// notices sends notifications, from a goroutine that runs while there are any to send.
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
	words := []string{n.id}
	for i, name := range n.db.epochs.schema.Load().names {
		if set&(1<<i) != 0 {
			words = append(words, string(name))
		}
	}
	ctx, cancel := context.WithTimeout(uncounted(context.Background()), noticeTime)
	defer cancel()
	// Where this fails, the others find out by asking.
	_, _ = n.db.write.ExecContext(ctx, `SELECT pg_notify($1, $2)`, noticeChannel, strings.Join(words, " "))
}

// close sends what is left.
func (n *notices) close() {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.closing)
	}
	n.mu.Unlock()
	n.work.Wait()
}

// ErrPooled is why Listen does not listen behind a pooler.
var ErrPooled = errors.New("there is a pooler in front of the database, which passes on no notifications")

// Listen hears from other processes what they have committed, until ctx ends, so that Stamp changes within milliseconds.
// It keeps a connection of its own, opens it again when it breaks or goes silent, and calls tell with the reason then,
// and with nil when it listens again. Until then Stamp asks. On SQLite Listen returns at once. So it does behind a pooler,
// which would deliver nothing, when it has told of ErrPooled.
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
			db.epochs.mark(^epochSet(0)) // whatever was said meanwhile
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
			_ = l.Ping() // a connection that does not answer is closed by quietConn
		case <-ctx.Done():
			return
		}
	}
}

// hear takes a notification; nil stands for all that may have been missed.
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

// listenDialer opens connections that break when nothing comes for deafTime: a listener would wait for ever.
type listenDialer struct {
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

// Dial connects as pq.Dialer asks for it.
func (d *listenDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, dialTime)
}

// DialTimeout connects as pq.Dialer asks for it.
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

// close closes all connections, and lets no other be opened.
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

// Read fails when nothing comes for deafTime.
func (c *quietConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(deafTime)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write fails when nothing is taken for deafTime.
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
