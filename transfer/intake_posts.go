package transfer

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// intakePost is a post of the batch and its row in this blog.
type intakePost struct {
	*wxr.Post
	index   int   // in the batch
	key     int64 // the id in the source, or a negative number made from the content of a post without id
	row     site.Post
	there   bool // the post already exists, with row.ID
	mark    int64
	renamed bool
	known   bool   // the source's id is remembered already, with this mark, for this file
	added   bool   // something was added to an existing post
	oldName string // the name in the source, if the slug here differs
	upload  string // of an attachment: the name of its file below the uploads, or ""
	file    *site.AttachmentRow
}

// object returns the name of a post in reports.
func (p *intakePost) object() string { return p.Type + " " + strconv.FormatInt(p.ID, 10) }

// markOf distinguishes posts that have the same id: in joined files, in exports
// of two days, and from programs that number posts again each time. Without a
// GUID, it uses the title.
func markOf(p *wxr.Post) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", p.Type, p.GUID, p.Date.Unix())
	if p.GUID == "" && p.Title != "" {
		fmt.Fprintf(h, "\x00%s", p.Title)
	}
	return int64(h.Sum64())
}

// newIntakePost prepares a post of the batch.
func newIntakePost(p *wxr.Post, index int) intakePost {
	out := intakePost{Post: p, index: index, key: p.ID, mark: markOf(p)}
	if p.Type == site.TypeAttachment {
		out.upload = uploadOf(p)
	}
	if p.ID <= 0 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d\x00%s\x00%s\x00%s", out.mark, p.Name, p.Title, p.Content)
		out.key = -1 - int64(h.Sum64()>>1)
	}
	return out
}

// takePosts finds the posts of the batch that already exist, and adds the
// others.
func (b *intakeBatch) takePosts(ctx context.Context) error {
	b.posts = b.takeable()
	if err := b.in.matchPosts(ctx, b.tx, b.posts); err != nil {
		return err
	}
	if err := b.givePostIDs(ctx); err != nil {
		return err
	}
	refs, err := b.resolvePosts(ctx)
	if err != nil {
		return err
	}
	for i := range b.posts {
		p := &b.posts[i]
		b.report.Posts.add(p.there, false)
		if !p.there {
			b.fillRow(p, refs)
		}
		if p.ID > 0 {
			refs[p.ID] = p.row.ID
		}
	}
	if err := b.freePostSlugs(ctx); err != nil {
		return err
	}
	if err := b.takeFiles(ctx); err != nil {
		return err
	}
	if err := b.insertPosts(ctx, refs); err != nil {
		return err
	}
	if err := b.writeFiles(ctx); err != nil {
		return err
	}
	if err := b.rememberOld(ctx); err != nil {
		return err
	}
	return b.insertPostTerms(ctx)
}

// takeable leaves out posts that this blog cannot store.
func (b *intakeBatch) takeable() []intakePost {
	list := make([]intakePost, 0, len(b.batch.Posts))
	seen := map[postMark]bool{}
	for i := range b.batch.Posts {
		p := &b.batch.Posts[i]
		known := slices.Contains(bundlePostTypes, p.Type)
		post := newIntakePost(p, i)
		switch {
		case !known:
			b.left(post.object(), fmt.Sprintf("unknown post type %q", p.Type))
		case p.Type == site.TypeRevision:
			b.left(post.object(), "revisions are not imported")
		case p.Status == site.StatusAutoDraft:
			b.left(post.object(), "a draft that was never saved")
		case seen[post.identity()]:
			b.left(post.object(), "it occurs twice in the file")
		case p.Type == site.TypeAttachment && media.CheckName(post.upload) != nil:
			b.left(post.object(), "an attachment without the name of a file")
		default:
			seen[post.identity()] = true
			list = append(list, post)
		}
	}
	return list
}

// givePostIDs chooses the ids of new posts, and remembers the ids of all.
func (b *intakeBatch) givePostIDs(ctx context.Context) error {
	var wishes []int64
	for i := range b.posts {
		if !b.posts[i].there {
			wishes = append(wishes, b.posts[i].ID)
		}
	}
	ids, err := database.NewIDs(ctx, b.tx, "posts", wishes, database.TakenIn("posts"))
	if err != nil {
		return err
	}
	for i := range b.posts {
		p := &b.posts[i]
		if !p.there {
			p.row.ID = ids.Give(p.ID)
		}
		if p.ID > 0 {
			b.added[p.ID] = p.row.ID
		}
	}
	return nil
}

// fillRow fills in the row of a new post.
func (b *intakeBatch) fillRow(p *intakePost, refs map[int64]int64) {
	date, gmt := b.clocks(p.Post)
	row := site.Post{
		ID: p.row.ID, Type: p.Type, Status: p.Status, Title: database.CleanText(p.Title), Name: markup.Slug(database.CleanText(p.Name)), Content: database.CleanText(p.Content),
		Excerpt: database.CleanText(p.Excerpt), Password: database.CleanText(p.Password), MenuOrder: p.MenuOrder, CommentStatus: openElseClosed(p.CommentStatus),
		PingStatus: openElseClosed(p.PingStatus), Sticky: p.Sticky, GUID: database.CleanText(p.GUID), Date: date, DateGMT: gmt, Modified: date, ModifiedGMT: gmt,
		Parent: b.reference(p.row.ID, linkParent, p.Parent, p.ID, refs),
	}
	switch {
	case !p.Modified.IsZero():
		row.Modified = p.Modified
		row.ModifiedGMT = momentOr(p.ModifiedGMT, b.in.options.UTC(p.Modified))
	case !p.ModifiedGMT.IsZero():
		row.Modified, row.ModifiedGMT = b.in.options.Local(p.ModifiedGMT), &p.ModifiedGMT
	}
	if !slices.Contains(bundlePostStatuses, row.Status) {
		b.differs(p.object(), fmt.Sprintf("unknown status %q: it became a draft", row.Status))
		row.Status = site.StatusDraft
	}
	row.DropPrivatePassword()
	b.schedule(p, &row)
	if p.Type == site.TypeAttachment {
		row.MimeType, _ = media.Rules{Active: true}.Type(p.upload)
	}
	if p.Creator != "" {
		if row.Author = b.users[b.userKey(p.Creator)]; row.Author == 0 {
			b.differs(p.object(), "its author does not exist")
		}
	}
	if plain := row; plain.GUID != "" {
		if plain.GUID = ""; b.blog.GUID(&plain) == row.GUID {
			row.GUID = ""
		}
	}
	p.row = row
}

// schedule gives a post with a future date the status future, and removes it
// from a post whose date has passed, as wp_insert_post does.
func (b *intakeBatch) schedule(p *intakePost, row *site.Post) {
	if p.Type == site.TypeAttachment || row.DateGMT == nil {
		return
	}
	switch ahead := row.DateGMT.Sub(b.blog.now()) >= time.Minute; {
	case ahead && row.Status == site.StatusPublish:
		b.differs(p.object(), "its date is in the future: it is scheduled")
		row.Status = site.StatusFuture
	case !ahead && row.Status == site.StatusFuture:
		row.Status = site.StatusPublish
	}
}

func openElseClosed(status string) string {
	if status == "open" {
		return status
	}
	return "closed"
}

// momentOr returns t, or another time if t is zero.
func momentOr(t, other time.Time) *time.Time {
	if t.IsZero() {
		return &other
	}
	return &t
}

// clocks fills in the missing local or UTC form of a post's date.
func (b *intakeBatch) clocks(p *wxr.Post) (date time.Time, gmt *time.Time) {
	switch {
	case !p.Date.IsZero() && p.DateGMT.IsZero() && site.Floating(p.Status):
		return p.Date, nil
	case !p.Date.IsZero():
		return p.Date, momentOr(p.DateGMT, b.in.options.UTC(p.Date))
	case !p.DateGMT.IsZero():
		return b.in.options.Local(p.DateGMT), &p.DateGMT
	case !p.Modified.IsZero():
		return p.Modified, momentOr(p.ModifiedGMT, b.in.options.UTC(p.Modified))
	}
	at := b.in.cfg.Date.UTC()
	return b.in.options.Local(at), &at
}

// insertPosts writes the new posts with their custom fields, and remembers the ids of all.
func (b *intakeBatch) insertPosts(ctx context.Context, refs map[int64]int64) error {
	posts, meta := database.NewRows("posts", bundlePostColumns), database.NewRows("post_meta", "post_id, key, value")
	var pairs []idPair
	for i := range b.posts {
		p := &b.posts[i]
		if !p.known {
			pairs = append(pairs, idPair{Old: p.key, New: p.row.ID, Mark: p.mark, Renamed: p.renamed, File: b.in.file})
		}
		if p.there {
			continue
		}
		for i := range p.Comments {
			if commentStatus(&p.Comments[i]) == site.CommentApproved {
				p.row.CommentCount++
			}
		}
		r := &p.row
		posts.Add(r.ID, r.Type, r.Status, r.Title, r.Name, r.Author, r.Content, r.Excerpt, r.Password, r.Parent, r.MenuOrder, r.CommentStatus, r.PingStatus,
			r.MimeType, r.GUID, r.Sticky, r.CommentCount, r.Date, r.DateGMT, r.Modified, r.ModifiedGMT)
		for _, m := range p.Meta {
			if value, keep := b.metaValue(p, m, refs); keep {
				meta.Add(r.ID, database.CleanText(m.Key), database.CleanText(value))
			}
		}
		if p.oldName != "" {
			meta.Add(r.ID, site.MetaOldSlug, p.oldName)
		}
	}
	if err := posts.Insert(ctx, b.tx); err != nil {
		return err
	}
	if err := meta.Insert(ctx, b.tx); err != nil {
		return err
	}
	return b.rememberIDs(ctx, kindPost, pairs)
}

// insertPostTerms gives the new posts their terms, and updates the counts of
// the terms.
func (b *intakeBatch) insertPostTerms(ctx context.Context) error {
	rows := database.NewRows("post_terms", "post_id, term_id")
	published := map[int64]int64{}
	for i := range b.posts {
		p := &b.posts[i]
		if p.there {
			continue
		}
		has, menu := map[int64]bool{}, false
		for _, r := range p.Terms {
			if r.Taxonomy == taxonomyMenu {
				if menu {
					b.differs(p.object(), "an entry of several menus: it stays in the first")
					continue
				}
				menu = true
			}
			id := b.terms[refOf(r.Taxonomy, r.Slug, r.Name)]
			if id == 0 {
				b.differs(p.object(), fmt.Sprintf("a term of taxonomy %q was left out", r.Taxonomy))
			}
			if id == 0 || has[id] {
				continue
			}
			has[id] = true
			rows.Add(p.row.ID, id)
			if site.CountsInTerms(&p.row) {
				published[id]++
			}
		}
	}
	if err := rows.Insert(ctx, b.tx); err != nil {
		return err
	}
	byCount := map[int64][]int64{}
	for id, n := range published {
		byCount[n] = append(byCount[n], id)
	}
	for n, ids := range byCount {
		if err := site.ShiftTermCounts(ctx, b.tx, n, ids); err != nil {
			return err
		}
	}
	return nil
}
