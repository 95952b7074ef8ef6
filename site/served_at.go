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

// What is written into the audit trail when a blog turns up at another address than before.
const (
	SiteMoved  audit.Kind = "site.moved"
	SiteCopied audit.Kind = "site.copied"
)

// Elsewhere means that the database belongs to a blog at another address: it is a copy, or the blog has moved.
type Elsewhere struct {
	Was string // where the blog was served last
	Now string // where it is to be served
}

func (e *Elsewhere) Error() string {
	return fmt.Sprintf("this database was last served at %s, and not at %s", e.Was, e.Now)
}

// Arrive is called before the blog answers at its address. The first one is remembered; at another one it returns an
// *Elsewhere, until Relocate has said what the blog is there. An address of this machine alone never counts, since that is
// where blogs are tried out; nor does the scheme, since a blog that gets TLS does not move.
func (s *Site) Arrive(ctx context.Context) error {
	now := placeOf(s.baseURL)
	if now == "" {
		return nil
	}
	was, err := s.servedAt(ctx)
	if err == nil && was == "" {
		_, err = s.db.Exec(ctx, `INSERT INTO served_at (one, address) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, s.baseURL)
		if err == nil {
			was, err = s.servedAt(ctx) // another process may have been quicker
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

// Relocate remembers the address of the blog as the one to be served at, within tx, and returns the one that was
// remembered before. An address of this machine alone is none to remember: what was is forgotten.
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

// DropUnfinished makes a copy of a blog forget, within tx, what only the original may go on with: which posts are to be looked
// at for links, what requests have made, and what visitors have shown that they know.
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

// IsLocal reports whether the address of the blog is one of this machine alone,
// such as http://localhost:8080.
func (s *Site) IsLocal() bool { return placeOf(s.baseURL) == "" }

// placeOf is what of an address says where a blog is: host, port, path. It is "" for an address of this machine alone,
// and for none.
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
