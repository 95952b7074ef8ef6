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

// What is written all the time (posts, comments, uploads) runs side by side on PostgreSQL. These locks keep the rules that
// look at rows of others. What is written seldom runs alone (database.DB.Update) and needs none.

// postLock keeps an edit of a post, with its terms and comments, from overlapping another one: the second sees what the
// first has changed, and when (ErrConflict), and counts are shifted by what the first has left.
func postLock(id int64) database.Lock {
	return database.Lock{Rule: "one edit of a post", Of: strconv.FormatInt(id, 10)}
}

// slugLock keeps slugs unique: all that UniqueSlug may give for a slug share one lock. Those are the slug, cut where it is
// long, with a number behind it.
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

// slugFamily is how many bytes tell families of slugs apart: fewer than are left of a slug that was cut for its number.
const slugFamily = 100

// termLock keeps terms that are made in passing from being made twice, by name or by slug.
var termLock = database.Lock{Rule: "unique terms"}

// errTermLock says that a term must be made, and that its lock was not held when it was looked for.
var errTermLock = errors.New("a new term needs its lock")

// commentLocks keep the pause between two comments of a user, a network or an e-mail address, and the refusal of the same
// comment again; the lock of the post keeps its number of comments.
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

// withTerms runs fn again under the lock of terms when it must make one.
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
