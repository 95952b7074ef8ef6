package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

const (
	// connectTime is the time limit for connecting, over all hosts; hostTime
	// that for one host if there are several.
	connectTime = 8 * time.Second
	hostTime    = 2 * time.Second
	// probeTime is the time limit for asking whether a backend is working, and
	// how long a failure to ask is remembered.
	probeTime  = 2 * time.Second
	probePause = time.Second
)

// keepAlive detects hosts that have died, and keeps firewalls from forgetting a
// connection.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 5}

// postgres makes connections to PostgreSQL: to the one of several hosts that
// accepts writes, over links that break when they go silent.
type postgres struct {
	hosts []pq.Config
	good  atomic.Int32 // index of the host that last worked
	// pooled means that there is a pooler in between, which may give each
	// transaction another backend, so a session must not hold state. The first
	// connection finds out.
	pooled atomic.Bool
	// news counts events after which connections that were open before may be
	// useless.
	news atomic.Int64

	probing sync.Mutex
	failed  time.Time // when a backend could not be asked about

	mu    sync.Mutex
	cut   bool
	links map[*link]bool
	// orphans are links that were given up. Until their backends notice, they
	// may hold locks or still acquire one: the next connection ends them.
	orphans []*link
}

// errUnreadable does not quote the URL as the driver does: it may hold a
// password.
var errUnreadable = errors.New("open the database: the PostgreSQL URL cannot be read")

// newPostgres parses a URL in the form that spreadHosts returns.
func newPostgres(address string) (*postgres, error) {
	cfg, err := pq.NewConfig(address)
	if err != nil {
		return nil, errUnreadable
	}
	p := &postgres{links: make(map[*link]bool)}
	others := cfg.Multi
	cfg.Multi = nil
	p.hosts = append(p.hosts, cfg)
	for _, other := range others {
		one := cfg.Clone()
		one.Host, one.Hostaddr, one.Port = other.Host, other.Hostaddr, other.Port
		p.hosts = append(p.hosts, one)
	}
	return p, nil
}

const sessionAttrs = "target_session_attrs"

// spreadHosts rewrites a URL with several hosts in libpq's form
// (postgres://h1:p1,h2:p2/db) for the driver, which accepts them only as
// parameters. By default it requests the host that accepts writes.
func spreadHosts(address string) (string, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	user, list := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, list = authority[:at+1], authority[at+1:]
	}
	if !strings.Contains(list, ",") {
		return address, nil
	}
	u, err := url.Parse(scheme + "://" + user + rest)
	if err != nil {
		return "", errUnreadable
	}
	var hosts, ports []string
	for host := range strings.SplitSeq(list, ",") {
		port := "5432"
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		if host == "" {
			host = "localhost"
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	q := u.Query()
	q.Set("host", strings.Join(hosts, ","))
	q.Set("port", strings.Join(ports, ","))
	if !q.Has(sessionAttrs) {
		q.Set(sessionAttrs, string(pq.TargetSessionAttrsReadWrite)) // no other host is useful
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// connect connects to the first host that accepts, starting with the last one
// that did.
func (p *postgres) connect(ctx context.Context) (driver.Conn, *link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	var failed []error
	first := int(p.good.Load())
	for i := range p.hosts {
		at := (first + i) % len(p.hosts)
		c, l, err := p.connectTo(ctx, at)
		if err == nil {
			p.good.Store(int32(at))
			return c, l, nil
		}
		if len(p.hosts) > 1 {
			err = fmt.Errorf("%s:%d: %w", p.hosts[at].Host, p.hosts[at].Port, err)
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) == 1 {
		return nil, nil, failed[0]
	}
	return nil, nil, errors.Join(failed...)
}

func (p *postgres) connectTo(ctx context.Context, at int) (driver.Conn, *link, error) {
	cfg := p.hosts[at].Clone()
	limit := cfg.ConnectTimeout
	if limit <= 0 && len(p.hosts) > 1 {
		limit = hostTime
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	cfg.ConnectTimeout = 0 // the limit is in this package
	cfg.BinaryParameters = cfg.BinaryParameters || p.pooled.Load()
	inner, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, nil, err
	}
	d := &linkDialer{postgres: p}
	d.until, _ = ctx.Deadline()
	inner.Dialer(d)
	c, err := inner.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	backend, start, err := askBackend(ctx, c)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	if backend != announced(c) {
		if backend = 0; !p.pooled.Swap(true) {
			c.Close()
			return p.connectTo(ctx, at)
		}
	}
	p.endOrphans(ctx, c)
	return c, d.keep(backend, start), nil
}

// endOrphans ends the backends of links that were given up, if they are on this
// server.
func (p *postgres) endOrphans(ctx context.Context, c driver.Conn) {
	p.mu.Lock()
	orphans := p.orphans
	p.orphans = nil
	p.mu.Unlock()
	for i, l := range orphans {
		query := fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %d AND backend_start = %s::timestamptz", l.pid, pq.QuoteLiteral(l.start))
		if _, err := c.(driver.ExecerContext).ExecContext(ctx, query, nil); err != nil {
			p.mu.Lock()
			p.orphans = append(p.orphans, orphans[i:]...)
			p.mu.Unlock()
			return
		}
	}
}

// orphan records a link that is given up.
func (p *postgres) orphan(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.orphans) < maxOrphans {
		p.orphans = append(p.orphans, l)
	}
}

// maxOrphans limits how many are remembered while the database is unavailable.
// The others end after a long idle time.
const maxOrphans = 1000

// announced returns the id of the backend that the server has sent for
// cancellations. A pooler sends one of its own. The driver has no method for
// it.
func announced(c driver.Conn) int64 {
	pid := reflect.Indirect(reflect.ValueOf(c)).FieldByName("pid")
	if !pid.IsValid() || !pid.CanInt() {
		return 0
	}
	return pid.Int()
}

// askBackend returns the id of the backend that serves a connection, and when
// it started.
func askBackend(ctx context.Context, c driver.Conn) (pid int64, start string, err error) {
	const query = "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
	rows, err := c.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return 0, "", err
	}
	defer rows.Close()
	dest := make([]driver.Value, 2)
	if err := rows.Next(dest); err != nil {
		return 0, "", fmt.Errorf("ask for the backend: %w", err)
	}
	pid, _ = dest[0].(int64)
	switch text := dest[1].(type) {
	case string:
		start = text
	case []byte:
		start = string(text)
	}
	return pid, start, nil
}

// askInt runs a query without arguments that returns one number.
func askInt(ctx context.Context, c driver.Conn, query string) (n int64, err error) {
	rows, err := c.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	dest := make([]driver.Value, 1)
	if err := rows.Next(dest); err != nil {
		return 0, err
	}
	n, ok := dest[0].(int64)
	if !ok {
		return 0, fmt.Errorf("the database answered %T to %q", dest[0], query)
	}
	return n, nil
}

// works asks the database whether the backend of a link is working. A database
// that cannot be reached will never deliver its result.
func (p *postgres) works(l *link) bool {
	p.probing.Lock()
	defer p.probing.Unlock()
	if time.Since(p.failed) < probePause {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	c, other, err := p.connect(ctx)
	if err != nil {
		var answer *pq.Error
		if errors.As(err, &answer) && answer.Code == "53300" {
			return true // no connection is free: the database is there, but cannot be asked
		}
		p.failed = time.Now()
		return false
	}
	defer c.Close()
	l.mu.Lock()
	pid := l.pid
	l.mu.Unlock()
	if pid == 0 {
		return true
	}
	defer other.during(ctx)()
	n, err := askInt(ctx, c, fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND state = 'active'", pid))
	return err == nil && n > 0
}

// changed marks all open connections as possibly useless.
func (p *postgres) changed() { p.news.Add(1) }

// add registers a link, unless all were cut.
func (p *postgres) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut {
		p.links[l] = true
	}
	return !p.cut
}

func (p *postgres) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// cutAll breaks all connections, and prevents new ones.
func (p *postgres) cutAll() {
	p.mu.Lock()
	p.cut = true
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	p.mu.Unlock()
	for _, l := range links {
		l.Conn.Close()
	}
}

// linkDialer dials for one connection of the driver: first the connection
// itself, then those that cancel its statements.
type linkDialer struct {
	postgres *postgres
	until    time.Time // for connecting

	mu   sync.Mutex
	link *link
	kept bool
}

// Dial implements pq.Dialer.
func (d *linkDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (d *linkDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (d *linkDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	until := d.until
	if d.kept {
		until = time.Now().Add(cancelTime)
	}
	dialer := net.Dialer{Deadline: until, KeepAliveConfig: keepAlive, Control: tuneSocket}
	inner, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: inner, until: until, gone: d.postgres.remove}
	if !d.postgres.add(l) {
		inner.Close()
		return nil, net.ErrClosed
	}
	if !d.kept {
		d.link = l
	}
	return l, nil
}

// keep ends the time limit for connecting.
func (d *linkDialer) keep(backend int64, start string) *link {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = true
	l := d.link
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pid, l.start, l.alive = backend, start, d.postgres.works
	if backend != 0 {
		l.silent = d.postgres.orphan
	}
	l.limit(time.Time{})
	return l
}

// lost reports whether err means that the connection is gone.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, errSilent) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}
