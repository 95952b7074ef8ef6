package site

import (
	"context"
	"fmt"
	"strconv"
)

// freePostSlugs gives another slug to new posts whose own is taken by a post that is not of the same source. Among its
// own posts the source has seen to it that slugs are unique, in its own order.
func (b *intakeBatch) freePostSlugs(ctx context.Context) error {
	var names []string
	for i := range b.posts {
		p := &b.posts[i]
		if p.there || floating(p.row.Status) {
			continue
		}
		if p.row.Name == "" && (p.Type == TypePost || p.Type == TypePage || p.Type == TypeAttachment) {
			p.row.Name = Slug(p.row.Title)
		}
		if p.row.Name != "" {
			names = append(names, p.row.Name)
		}
	}
	foreign := map[string]bool{}
	err := inLists(ctx, b.tx, `SELECT name FROM posts WHERE NOT EXISTS (SELECT 1 FROM import_ids i
			WHERE i.new_id = posts.id AND i.kind = 'post' AND i.source = ? AND NOT i.renamed) AND name IN (?)`,
		names, func(name string) { foreign[name] = true }, b.in.cfg.Source)
	if err != nil {
		return fmt.Errorf("look for slugs that are taken: %w", err)
	}
	structure := b.in.options.Text("permalink_structure")
	made := map[string]bool{}
	for i := range b.posts {
		p := &b.posts[i]
		invented := p.Name == "" && p.row.Name != ""
		if p.there || floating(p.row.Status) || !foreign[p.row.Name] && !invented {
			continue
		}
		name, err := uniqueSlug(ctx, b.tx, &p.row, p.row.Name, structure)
		if err != nil {
			return err
		}
		if key := p.Type + " " + name; made[key] {
			name += "-" + strconv.FormatInt(p.row.ID, 10)
		} else {
			made[key] = true
		}
		if name == p.row.Name && !invented {
			continue
		}
		if !invented {
			b.differs(p.object(), "its slug is that of another post: it got a number")
		}
		p.row.Name, p.renamed = name, true
	}
	return nil
}
