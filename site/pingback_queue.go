package site

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// The pingbacks that this blog sends. A post that is published bears a mark (metaToPing); its links become rows of the
// table pings, one for each link for ever, so that no page is told twice; and each row is taken with a lease, so that of several
// processes one sends it and another goes on when that one dies. All of it is in the database and outlives a restart.

// Ping is a pingback to be sent: the page at Target is to be told that the post at Source links to it.
type Ping struct {
	Source, Target string

	id       int64
	attempts int64
}

const (
	pingLease  = 2 * time.Minute // after which someone else tries
	pingPosts  = 20              // posts whose links one transaction looks at
	pingMarked = 24 * time.Hour  // older marks are from a time when no one sent pingbacks
)

// pingPauses are the times between the tries; after the last one no one tries
// again.
var pingPauses = []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// TakePings returns at most limit pingbacks that are due. They are the caller's
// for two minutes: it must end each with PingSent or PingFailed. There are none
// while the option pingback_send is off.
func (s *Site) TakePings(ctx context.Context, limit int) ([]Ping, error) {
	opts, err := s.Options(ctx)
	if err != nil || !opts.Bool("pingback_send") {
		return nil, err
	}
	for more := true; more; {
		if more, err = s.queuePings(ctx); err != nil {
			return nil, fmt.Errorf("list the links of published posts: %w", err)
		}
	}
	taken, posts, err := s.leasePings(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("take pingbacks to send: %w", err)
	}
	l := s.linker(opts)
	if err := l.prepare(ctx, posts); err != nil {
		return nil, err
	}
	byID := postsByID(posts)
	var list []Ping
	for _, row := range taken {
		post := byID[row.Post]
		ping := Ping{Target: row.Target, id: row.ID, attempts: row.Attempts}
		if post == nil || !tellsOthers(post) {
			if err := s.PingSent(ctx, ping); err != nil {
				return nil, err
			}
			continue
		}
		ping.Source = l.link(post)
		list = append(list, ping)
	}
	return list, nil
}

// tellsOthers reports whether a post may be made known to the pages that it
// links to.
func tellsOthers(p *Post) bool { return p.Status == StatusPublish && p.Password == "" }

// queuePings turns the marks of some posts into rows, and reports whether there
// may be more marks.
func (s *Site) queuePings(ctx context.Context) (more bool, err error) {
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		var marks []struct {
			ID   int64 `db:"id"`
			Post int64 `db:"post_id"`
		}
		err := tx.Select(ctx, &marks, `SELECT id, post_id FROM post_meta WHERE key = '_pingme' ORDER BY id LIMIT $1`, pingPosts)
		more = len(marks) == pingPosts
		if err != nil || len(marks) == 0 {
			return err
		}
		var ids, posts []int64
		for _, m := range marks {
			ids, posts = append(ids, m.ID), append(posts, m.Post)
		}
		var rows []Post
		err = database.SelectIn(ctx, tx, `SELECT p.id, p.status, p.password, p.content, p.date_gmt, p.modified_gmt FROM posts p WHERE p.id IN (?)`, posts, func(p Post) { rows = append(rows, p) })
		if err != nil {
			return err
		}
		for i := range rows {
			if err := s.queueLinks(ctx, tx, &rows[i]); err != nil {
				return err
			}
		}
		return database.ExecIn(ctx, tx, `DELETE FROM post_meta WHERE id IN (?)`, ids)
	})
	return more, err
}

func (s *Site) queueLinks(ctx context.Context, tx *database.Tx, p *Post) error {
	now := s.now()
	recent := func(t *time.Time) bool { return t != nil && now.Sub(*t) < pingMarked }
	if !tellsOthers(p) || !recent(p.DateGMT) && !recent(p.ModifiedGMT) {
		return nil
	}
	targets := s.links(p.Content)
	if len(targets) == 0 {
		return nil
	}
	var args []any
	for _, target := range targets {
		args = append(args, p.ID, strings.ToValidUTF8(target, ""), now)
	}
	_, err := tx.Exec(ctx, `INSERT INTO pings (post_id, target, due) VALUES `+valueRows(len(targets), 3)+` ON CONFLICT (post_id, target) DO NOTHING`, args...)
	return err
}

type pingRow struct {
	ID       int64  `db:"id"`
	Post     int64  `db:"post_id"`
	Target   string `db:"target"`
	Attempts int64  `db:"attempts"`
}

// leasePings takes rows that are due, and reads their posts.
func (s *Site) leasePings(ctx context.Context, limit int) (taken []pingRow, posts []Post, err error) {
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		taken, posts = nil, nil
		now := s.now()
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
		return database.SelectIn(ctx, tx, `SELECT `+postHeadColumns+` FROM posts p WHERE p.id IN (?)`, of, func(p Post) { posts = append(posts, p) })
	})
	return taken, posts, err
}

// PingSent says that there is nothing more to do for a pingback: the other side has answered, whatever it said.
func (s *Site) PingSent(ctx context.Context, p Ping) error {
	if _, err := s.db.Exec(ctx, `UPDATE pings SET due = NULL WHERE id = $1`, p.id); err != nil {
		return fmt.Errorf("end a pingback: %w", err)
	}
	return nil
}

// PingFailed says that the other side did not answer. The pingback is due again after a pause that grows, five times in
// all.
func (s *Site) PingFailed(ctx context.Context, p Ping) error {
	if p.attempts > int64(len(pingPauses)) {
		return s.PingSent(ctx, p)
	}
	due := s.now().Add(pingPauses[max(p.attempts, 1)-1])
	if _, err := s.db.Exec(ctx, `UPDATE pings SET due = $2 WHERE id = $1`, p.id, due); err != nil {
		return fmt.Errorf("put off a pingback: %w", err)
	}
	return nil
}
