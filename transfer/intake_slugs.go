package transfer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/site"
)

// Slugs of new posts are made by the rules of this blog, as in WordPress's
// importer. A valid slug that no other post uses stays, because WordPress has
// already made the slugs of a blog unique in its own order. A name from another
// program becomes a slug, and a slug in use gets a number; the name in the file
// then redirects to the post.

// slugTries is how many posts with one name in a file get consecutive numbers.
// The others get their id.
const slugTries = 50

// maxSameSlugs bounds how many names are counted at a time.
const maxSameSlugs = 10_000

// namedPost holds the properties of a post that must be unique together.
type namedPost struct {
	kind, name string
	parent     int64 // of pages
}

func (p *intakePost) named() namedPost {
	n := namedPost{kind: p.Type, name: p.row.Name}
	if p.Type == site.TypePage {
		if n.parent = p.row.Parent; n.parent == 0 {
			n.parent = -p.Parent // its parent was not imported yet
		}
	}
	return n
}

// freePostSlugs gives new posts their slugs.
func (b *intakeBatch) freePostSlugs(ctx context.Context) error {
	var list []*intakePost
	var names []string
	for i := range b.posts {
		p := &b.posts[i]
		if p.there {
			continue
		}
		raw := database.CleanText(p.Name)
		if strings.ToLower(raw) != p.row.Name && len(raw) <= markup.MaxSlug {
			p.oldName = strings.ToLower(raw)
		}
		if site.Floating(p.row.Status) {
			continue
		}
		if p.row.Name == "" && (p.Type == site.TypePost || p.Type == site.TypePage || p.Type == site.TypeAttachment) {
			if p.row.Name = markup.Slug(p.row.Title); p.row.Name == "" {
				p.row.Name = strconv.FormatInt(p.row.ID, 10)
			}
		}
		if p.row.Name != "" {
			names = append(names, p.row.Name)
			list = append(list, p)
		}
	}
	taken, err := b.takenSlugs(ctx, names)
	if err != nil {
		return err
	}
	var wait []*intakePost // take what the slugs of the others leave free
	for _, p := range list {
		proper := strings.ToLower(database.CleanText(p.Name)) == p.row.Name
		if !proper || taken.foreign[p.row.Name] || taken.own[p.named()] {
			wait = append(wait, p)
			continue
		}
		taken.own[p.named()] = true
	}
	for _, p := range wait {
		if err := b.freeSlug(ctx, p, taken); err != nil {
			return err
		}
	}
	return nil
}

// freeSlug gives a post its preliminary slug, or that slug with a number.
func (b *intakeBatch) freeSlug(ctx context.Context, p *intakePost, taken takenNames) error {
	wanted, structure := p.row.Name, b.in.options.Text("permalink_structure")
	if taken.any[wanted] || taken.own[p.named()] || site.ReservedSlug(&p.row, wanted, structure) {
		base := b.in.numbered(p)
		name, err := site.UniqueSlug(ctx, b.tx, &p.row, base, structure)
		if err != nil {
			return err
		}
		p.row.Name = name
		for n := 2; taken.own[p.named()] && n <= slugTries; n++ { // by others in this batch
			suffix := "-" + strconv.Itoa(n)
			p.row.Name = markup.CutSlug(base, markup.MaxSlug-len(suffix)) + suffix
			if taken.own[p.named()] {
				continue
			}
			if p.row.Name, err = site.UniqueSlug(ctx, b.tx, &p.row, p.row.Name, structure); err != nil {
				return err
			}
		}
		if taken.own[p.named()] {
			p.row.Name = withNumber(name, p.row.ID)
		}
	}
	taken.own[p.named()] = true
	p.renamed = p.row.Name != p.Name
	if p.row.Name != wanted && p.Name != "" {
		b.differs(p.object(), "another post has its slug: it got a number")
		if wanted == strings.ToLower(database.CleanText(p.Name)) {
			p.oldName = "" // the old name leads to the other post
		}
	}
	return nil
}

// numbered returns the base of a slug that many posts may want: the wanted
// slug, or one with the post's id after so many posts that counting further
// would take long.
func (in *Intake) numbered(p *intakePost) string {
	if len(in.sameSlugs) > maxSameSlugs {
		clear(in.sameSlugs)
	}
	key := namedPost{kind: p.Type, name: p.row.Name}
	if in.sameSlugs[key]++; in.sameSlugs[key] <= slugTries {
		return p.row.Name
	}
	return withNumber(p.row.Name, p.row.ID)
}

func withNumber(slug string, id int64) string {
	suffix := "-" + strconv.FormatInt(id, 10)
	return markup.CutSlug(slug, markup.MaxSlug-len(suffix)) + suffix
}

// takenNames are the slugs in use: of all posts, of posts that are not from
// this source, and of posts from this source, including the batch.
type takenNames struct {
	any, foreign map[string]bool
	own          map[namedPost]bool
}

// takenSlugs finds which of the names existing posts use.
func (b *intakeBatch) takenSlugs(ctx context.Context, names []string) (takenNames, error) {
	type row struct {
		Name   string `db:"name"`
		Type   string `db:"type"`
		Parent int64  `db:"parent"`
		Status string `db:"status"`
		Own    bool   `db:"own"`
		Waits  bool   `db:"waits"` // its parent was not imported yet, so the stored parent is meaningless
	}
	taken := takenNames{map[string]bool{}, map[string]bool{}, map[namedPost]bool{}}
	err := database.SelectIn(ctx, b.tx, `SELECT name, type, parent, status, EXISTS (SELECT 1 FROM import_ids i
				WHERE i.new_id = posts.id AND i.kind = 'post' AND i.source = ? AND NOT i.renamed) AS own,
			EXISTS (SELECT 1 FROM import_links l WHERE l.source = ? AND l.kind = 'parent' AND l.object = posts.id) AS waits
		FROM posts WHERE name IN (?)`,
		names, func(r row) {
			taken.any[r.Name] = true
			if r.Type != site.TypePage {
				r.Parent = 0
			}
			switch {
			case !r.Own:
				taken.foreign[r.Name] = true
			case !site.Floating(r.Status) && !r.Waits:
				taken.own[namedPost{r.Type, r.Name, r.Parent}] = true
			}
		}, b.in.cfg.Source, b.in.cfg.Source)
	if err != nil {
		return takenNames{}, fmt.Errorf("look for slugs that are taken: %w", err)
	}
	return taken, nil
}
