package site

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/network"
)

// On PostgreSQL, frequent writes (posts, comments, uploads) run in parallel.
// These locks protect the rules that look at other rows. Rare writes run alone
// (database.DB.Update) and need no lock.

// postLock keeps edits of a post, with its terms and comments, from
// overlapping: the second sees the changes of the first and their time
// (ErrConflict), and counts start from the result of the first.
func postLock(id int64) database.Lock {
	return database.Lock{Rule: "one edit of a post", Of: strconv.FormatInt(id, 10)}
}

// slugLock keeps slugs unique: everything that UniqueSlug may return for a slug
// shares one lock. That is the slug, truncated if it is long, with a number
// after it.
func slugLock(slug string) database.Lock {
	for {
		cut := strings.TrimRight(strings.TrimRight(slug, "0123456789"), "-")
		if cut == "" || cut == slug || !strings.HasPrefix(slug[len(cut):], "-") {
			break
		}
		slug = cut
	}
	return database.Lock{Rule: "unique slugs", Of: slug[:min(len(slug), slugFamily)]}
}

// slugFamily is the number of bytes that identify a family of slugs: fewer than
// remain of a slug that is truncated for its number.
const slugFamily = 100

// termLock keeps terms from being created twice, by name or by slug, as part of
// other writes.
var termLock = database.Lock{Rule: "unique terms"}

// errTermLock means that a term must be created, and that its lock was not held
// when it was looked up.
var errTermLock = errors.New("a new term needs its lock")

// commentLocks protect the pause between two comments of a user, a network or
// an e-mail address, and the refusal of duplicates; the lock of the post
// protects its number of comments.
func commentLocks(c *Comment) []database.Lock {
	const rule = "pause between comments"
	locks := []database.Lock{postLock(c.Post)}
	from := c.IP
	if addr, err := netip.ParseAddr(c.IP); err == nil {
		from = network.Of(addr).String()
	}
	locks = append(locks, database.Lock{Rule: rule, Of: "network " + from})
	if c.UserID != 0 {
		locks = append(locks, database.Lock{Rule: rule, Of: "user " + strconv.FormatInt(c.UserID, 10)})
	}
	if c.Email != "" {
		locks = append(locks, database.Lock{Rule: rule, Of: "mail " + strings.ToLower(c.Email)})
	}
	return locks
}

// withTerms runs fn again under the lock of terms if fn must create one.
func withTerms(ctx context.Context, tx *database.Tx, fn func() error) error {
	err := fn()
	if !errors.Is(err, errTermLock) {
		return err
	}
	if err := tx.Lock(ctx, termLock); err != nil {
		return err
	}
	return fn()
}
