package transfer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quillgate/quillgate/database"
)

// postMark distinguishes a post of a source from its other posts: by its id in
// the source, and by a mark made from its content. The id alone is not enough:
// files are joined, drafts are published under another date, and some programs
// number posts again with each export.
type postMark struct{ number, mark int64 }

func (p *intakePost) identity() postMark { return postMark{p.key, p.mark} }

// matchPosts finds the posts that exist already: by the ids remembered for the
// source, otherwise by type, date and title.
func (in *Intake) matchPosts(ctx context.Context, q database.Queryer, posts []intakePost) error {
	olds := make([]int64, 0, len(posts))
	for i := range posts {
		olds = append(olds, posts[i].key)
	}
	remembered, news := map[postMark]idPair{}, []int64{}
	err := findIDs(ctx, q, in.cfg.Source, kindPost, olds, func(p idPair) {
		remembered[postMark{p.Old, p.Mark}] = p
		news = append(news, p.New)
	})
	if err != nil {
		return err
	}
	alive := map[int64]bool{}
	if err := database.SelectIn(ctx, q, `SELECT id FROM posts WHERE id IN (?)`, news, func(id int64) { alive[id] = true }); err != nil {
		return fmt.Errorf("look for posts: %w", err)
	}
	m := titleMatch{in: in, q: q, taken: map[int64]bool{}}
	for i := range posts {
		p := &posts[i]
		pair, known := remembered[p.identity()]
		switch {
		case known && alive[pair.New]:
			p.there, p.row.ID = true, pair.New
			p.known, p.renamed = pair.File == in.file, pair.Renamed
			m.taken[pair.New] = true
		case !known:
			m.posts = append(m.posts, p)
		}
	}
	return m.run(ctx)
}

// titleMatch finds posts of a batch whose id is not remembered, among those of
// the same type, date and title that no item of this file has claimed yet.
type titleMatch struct {
	in    *Intake
	q     database.Queryer
	posts []*intakePost
	taken map[int64]bool // claimed by items of this batch
}

type titleKey struct {
	kind, title string
	date        int64
}

func (p *intakePost) titleKey() titleKey {
	return titleKey{p.Type, database.CleanText(p.Title), p.Date.Unix()}
}

func (m *titleMatch) run(ctx context.Context) error {
	found, err := m.candidates(ctx)
	if err != nil {
		return err
	}
	// Posts that have kept their id come first.
	for _, same := range []bool{true, false} {
		for _, p := range m.posts {
			list := found[p.titleKey()]
			at := 0
			if same {
				at = slices.Index(list, p.ID)
			}
			if p.there || p.Date.IsZero() || at < 0 || at >= len(list) {
				continue
			}
			p.there, p.row.ID = true, list[at]
			found[p.titleKey()] = slices.Delete(list, at, at+1)
		}
	}
	return nil
}

// candidates returns the posts that the batch's posts may match. A post that
// this source has already brought under another id needs a title, since all
// menu entries have an empty title, and the same date.
func (m *titleMatch) candidates(ctx context.Context) (map[titleKey][]int64, error) {
	type candidate struct {
		ID    int64     `db:"id"`
		Type  string    `db:"type"`
		Title string    `db:"title"`
		Date  time.Time `db:"date"`
		Known bool      `db:"known"`
	}
	var dates []time.Time
	var kinds []string
	for _, p := range m.posts {
		if !p.Date.IsZero() {
			dates = append(dates, p.Date.UTC())
		}
		if !slices.Contains(kinds, p.Type) {
			kinds = append(kinds, p.Type)
		}
	}
	found := map[titleKey][]int64{}
	const remembered = `EXISTS (SELECT 1 FROM import_ids i WHERE i.new_id = posts.id AND i.kind = 'post' AND i.source = ?`
	for _, kind := range kinds {
		err := database.SelectIn(ctx, m.q, `SELECT id, type, title, date, `+remembered+`) AS known FROM posts WHERE type = ?
			AND NOT `+remembered+` AND i.file = ?) AND date IN (?) ORDER BY id`,
			dates, func(c candidate) {
				if m.taken[c.ID] || c.Known && c.Title == "" {
					return
				}
				k := titleKey{c.Type, c.Title, c.Date.Unix()}
				found[k] = append(found[k], c.ID)
			}, m.in.cfg.Source, kind, m.in.cfg.Source, m.in.file)
		if err != nil {
			return nil, fmt.Errorf("look for posts: %w", err)
		}
	}
	return found, nil
}
