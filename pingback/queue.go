package pingback

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
)

// This file holds the pingbacks that the blog sends. A published post has a
// mark (site.MetaToPing). Its links become rows of the table pings, one for
// each link for ever, so that no page is notified twice. A process leases each
// row, so that only one of several sends it, and another continues if that one
// dies. All of it is in the database and survives a restart.

// outgoing is a pingback to send: it tells the page at Target that the post at
// Source links to it.
type outgoing struct {
	Source, Target string

	id       int64
	attempts int64
}

const (
	pingLease = 2 * time.Minute // after which another process may try
	pingPosts = 20              // the number of posts whose links one transaction reads
)

// pingPauses are the times between the attempts. There is no attempt after the
// last one.
var pingPauses = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// take returns at most limit pingbacks that are due. The caller has leased them
// for two minutes, and must finish each with sent or failed. While the option
// pingback_send is off, it returns none.
func (b *Blog) take(ctx context.Context, limit int) ([]outgoing, error) {
	opts, err := b.site.Options().Current(ctx)
	if err != nil || !opts.Bool("pingback_send") {
		return nil, err
	}
	for more := true; more; {
		if more, err = b.queue(ctx); err != nil {
			return nil, fmt.Errorf("list the links of published posts: %w", err)
		}
	}
	taken, posts, err := b.lease(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("take pingbacks to send: %w", err)
	}
	link, err := b.site.PostLinks(ctx, opts, posts)
	if err != nil {
		return nil, err
	}
	byID := map[int64]*site.Post{}
	for i := range posts {
		byID[posts[i].ID] = &posts[i]
	}
	var list []outgoing
	for _, row := range taken {
		post := byID[row.Post]
		ping := outgoing{Target: row.Target, id: row.ID, attempts: row.Attempts}
		if post == nil || !post.TellsOthers() {
			if err := b.sent(ctx, ping); err != nil {
				return nil, err
			}
			continue
		}
		ping.Source = link(post)
		list = append(list, ping)
	}
	return list, nil
}

// queue turns the marks of some posts into rows. more reports whether there may
// be more marks.
func (b *Blog) queue(ctx context.Context) (more bool, err error) {
	err = b.db.Update(ctx, func(tx *database.Tx) error {
		posts, waiting, err := b.site.TakeToPing(ctx, tx, pingPosts)
		if err != nil {
			return err
		}
		more = waiting
		for i := range posts {
			if err := b.queueLinks(ctx, tx, &posts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return more, err
}

func (b *Blog) queueLinks(ctx context.Context, tx *database.Tx, p *site.Post) error {
	for _, target := range links(p.Content, b.site.BaseURL()) {
		err := tx.Later(ctx, `INSERT INTO pings (post_id, target, due) VALUES ($1, $2, $3) ON CONFLICT (post_id, target) DO NOTHING`, p.ID, strings.ToValidUTF8(target, ""), b.now())
		if err != nil {
			return err
		}
	}
	return nil
}

type pingRow struct {
	ID       int64  `db:"id"`
	Post     int64  `db:"post_id"`
	Target   string `db:"target"`
	Attempts int64  `db:"attempts"`
}

// lease leases rows that are due, and reads their posts.
func (b *Blog) lease(ctx context.Context, limit int) (taken []pingRow, posts []site.Post, err error) {
	err = b.db.Update(ctx, func(tx *database.Tx) error {
		taken = nil
		now := b.now()
		err := tx.Select(ctx, &taken, `SELECT id, post_id, target, attempts FROM pings WHERE due <= $1 ORDER BY due, id LIMIT $2`, now, limit)
		if err != nil || len(taken) == 0 {
			return err
		}
		var ids, of []int64
		for i := range taken {
			ids, of = append(ids, taken[i].ID), append(of, taken[i].Post)
			taken[i].Attempts++
		}
		if err := database.ExecIn(ctx, tx, `UPDATE pings SET attempts = attempts + 1, due = ? WHERE id IN (?)`, ids, now.Add(pingLease)); err != nil {
			return err
		}
		posts, err = b.site.PostHeads(ctx, tx, of)
		return err
	})
	return taken, posts, err
}

// sent marks a pingback as done: the other side has answered, whatever it said.
func (b *Blog) sent(ctx context.Context, p outgoing) error {
	if _, err := b.db.Exec(ctx, `UPDATE pings SET due = NULL WHERE id = $1`, p.id); err != nil {
		return fmt.Errorf("end a pingback: %w", err)
	}
	return nil
}

// failed records that the other side did not answer. The pingback is due again
// after a growing pause, five times in total.
func (b *Blog) failed(ctx context.Context, p outgoing) error {
	if p.attempts > int64(len(pingPauses)) {
		return b.sent(ctx, p)
	}
	due := b.now().Add(pingPauses[max(p.attempts, 1)-1])
	if _, err := b.db.Exec(ctx, `UPDATE pings SET due = $2 WHERE id = $1`, p.id, due); err != nil {
		return fmt.Errorf("put off a pingback: %w", err)
	}
	return nil
}

// DropUnfinished deletes, within tx, the pingbacks that are due from the copy
// of a blog: the original sends them.
func DropUnfinished(ctx context.Context, tx *database.Tx) error {
	if err := tx.Later(ctx, `UPDATE pings SET due = NULL WHERE due IS NOT NULL`); err != nil {
		return fmt.Errorf("forget the pingbacks that are due: %w", err)
	}
	return nil
}
