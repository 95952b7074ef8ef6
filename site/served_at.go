package site

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Kinds of audit events for a blog at another address than before.
const (
	SiteMoved  audit.Kind = "site.moved"
	SiteCopied audit.Kind = "site.copied"
)

// Elsewhere means that the database belongs to a blog at another address: it is
// a copy, or the blog has moved.
type Elsewhere struct {
	Was string // where the blog was last served
	Now string // where it would be served now
}

func (e *Elsewhere) Error() string {
	return fmt.Sprintf("this database was last served at %s, and not at %s", e.Was, e.Now)
}

// Arrive must be called before the blog is served at its address. It stores the
// first address. At another one it returns an *Elsewhere, until Relocate has
// declared what the blog is there. A loopback address never counts, since blogs
// are tried out there, and neither does the scheme, since a blog that gets TLS
// does not move.
func (s *Site) Arrive(ctx context.Context) error {
	now := placeOf(s.baseURL)
	if now == "" {
		return nil
	}
	was, err := s.servedAt(ctx)
	if err == nil && was == "" {
		_, err = s.db.Exec(ctx, `INSERT INTO served_at (one, address) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, s.baseURL)
		if err == nil {
			was, err = s.servedAt(ctx) // another process may have been faster
		}
	}
	if err != nil {
		return err
	}
	if placeOf(was) != now {
		return &Elsewhere{Was: was, Now: s.baseURL}
	}
	return nil
}

func (s *Site) servedAt(ctx context.Context) (address string, err error) {
	err = s.db.Get(ctx, &address, `SELECT address FROM served_at WHERE one = 1`)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return "", fmt.Errorf("read where the blog was served last: %w", err)
	}
	return address, nil
}

// Relocate stores the current address of the blog, within tx, and returns the
// previous one. With a loopback address, it only deletes the previous one.
func (s *Site) Relocate(ctx context.Context, tx *database.Tx) (was string, err error) {
	err = tx.Get(ctx, &was, `DELETE FROM served_at WHERE one = 1 RETURNING address`)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return "", fmt.Errorf("forget where the blog was served last: %w", err)
	}
	if placeOf(s.baseURL) == "" {
		return was, nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO served_at (one, address) VALUES (1, $1)`, s.baseURL); err != nil {
		return "", fmt.Errorf("remember where the blog is served: %w", err)
	}
	return was, nil
}

// DropUnfinished makes a copy of a blog forget, within tx, what only the
// original may continue: which posts to search for links, what requests have
// created, and which passwords visitors have entered.
func (s *Site) DropUnfinished(ctx context.Context, tx *database.Tx) error {
	for _, statement := range []string{
		`DELETE FROM post_meta WHERE key = '` + MetaToPing + `'`,
		`DELETE FROM creations`,
		`DELETE FROM visitor_key`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("forget what is unfinished: %w", err)
		}
	}
	return nil
}

// IsLocal reports whether the address of the blog is a loopback one, such as
// http://localhost:8080.
func (s *Site) IsLocal() bool { return placeOf(s.baseURL) == "" }

// placeOf returns the part of an address that identifies the place of a blog:
// host, port, path. It is "" for a loopback address, and for none.
func placeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || (err == nil && ip.Unmap().IsLoopback()) {
		return ""
	}
	if port := u.Port(); port != "" && port != "80" && port != "443" {
		host = net.JoinHostPort(host, port)
	}
	return host + strings.TrimRight(u.EscapedPath(), "/")
}
