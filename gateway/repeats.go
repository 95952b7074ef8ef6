package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// RepeatWindow is how long a creating call is recognized when it is repeated.
const RepeatWindow = 10 * time.Minute

// mostKept is the largest answer that is stored for a repeated request, in
// bytes.
const mostKept = 64 << 10

// once relays a creating call at most once. It writes a row before it calls the
// WordPress, and adds the answer afterwards. A row without an answer belongs to
// a call that was interrupted: its outcome is unknown, and it is not sent
// again.
func (g *Gateway) once(ctx context.Context, who account, c *canonical) (xmlrpc.Value, error) {
	r := who.who.Repeat
	sum := sha256.Sum256([]byte(r.Public + "||" + r.Digest))
	key := []any{r.Public, hex.EncodeToString(sum[:]), r.Call}
	first, err := g.claim(ctx, key)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	if !first {
		return g.repeated(ctx, key)
	}
	done := context.WithoutCancel(ctx)
	answer, err := g.send(ctx, who, c)
	if err != nil {
		if nothingMade(err) {
			// Nothing was created, so the same request may be tried again.
			_, forget := g.cfg.DB.Exec(done, `DELETE FROM relayed WHERE public = $1 AND digest = $2 AND call = $3 AND answer IS NULL`, key...)
			err = errors.Join(err, forget)
		}
		return xmlrpc.Value{}, err
	}
	var kept bytes.Buffer
	if answer.Value.End-answer.Value.Start <= mostKept {
		if err := answer.write(&kept); err != nil {
			return xmlrpc.Value{}, err
		}
	} else {
		kept.WriteString("<value><boolean>1</boolean></value>")
	}
	if _, err := g.cfg.DB.Exec(done, `UPDATE relayed SET answer = $4 WHERE public = $1 AND digest = $2 AND call = $3`, append(key, kept.Bytes())...); err != nil {
		answer.close()
		return xmlrpc.Value{}, fmt.Errorf("record what a request created: %w", err)
	}
	return answer.value(), nil
}

// nothingMade reports whether an error proves that the WordPress created
// nothing. A fault mostly does not: a plugin may have died after the post was
// stored.
func nothingMade(err error) bool {
	if f, ok := errors.AsType[*xmlrpc.Fault](err); ok {
		switch f.Code {
		case xmlrpc.CodeParse, xmlrpc.CodeInvalidRequest, xmlrpc.CodeMethodNotFound, xmlrpc.CodeInvalidParams, http.StatusBadRequest:
			return true
		}
		return f == errRefusedInside
	}
	t, ok := errors.AsType[*upstream.Trouble](err)
	return ok && t.Outcome == upstream.NotDone
}

// claim reports whether this is the first such call within the window.
func (g *Gateway) claim(ctx context.Context, key []any) (bool, error) {
	now := g.cfg.Clock()
	r, err := g.cfg.DB.Exec(ctx, `INSERT INTO relayed (public, digest, call, answer, at) VALUES ($1, $2, $3, NULL, $4)
		ON CONFLICT (public, digest, call) DO UPDATE SET answer = NULL, at = excluded.at WHERE relayed.at <= $5`,
		append(key, now, now.Add(-RepeatWindow))...)
	if err != nil {
		return false, fmt.Errorf("look for a repeated request: %w", err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// repeated returns the answer for a call that was relayed before.
func (g *Gateway) repeated(ctx context.Context, key []any) (xmlrpc.Value, error) {
	var kept []byte
	err := g.cfg.DB.Get(ctx, &kept, `SELECT answer FROM relayed WHERE public = $1 AND digest = $2 AND call = $3`, key...)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return xmlrpc.Value{}, fmt.Errorf("look for a repeated request: %w", err)
	}
	if len(kept) == 0 {
		return xmlrpc.Value{}, &upstream.Trouble{Code: upstream.CodeUnavailable, Outcome: upstream.Unknown, What: "This call was already passed on to the blog."}
	}
	return xmlrpc.Verbatim(func(w io.Writer) error {
		_, err := w.Write(kept)
		return err
	}), nil
}

// Forget removes rows older than the window, for all sites of a database.
func Forget(ctx context.Context, db *database.DB, now time.Time) error {
	if _, err := db.Exec(ctx, `DELETE FROM relayed WHERE at <= $1`, now.Add(-RepeatWindow)); err != nil {
		return fmt.Errorf("delete records of repeated requests: %w", err)
	}
	return nil
}
