package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// intakeLink is a reference to an object that was not imported yet: from a post
// or a term to its parent, or from the custom field of a post that Kind names.
type intakeLink struct {
	Kind   string `db:"kind"`
	Object int64  `db:"object"`
	Target string `db:"target"`
}

// The kinds of links that are not names of custom fields.
const (
	linkParent = "parent"
	linkTerm   = "term"
)

// The custom fields that hold ids of other posts, those of menu entries, and
// the name of a file.
const (
	fieldAttached   = "_wp_attached_file" // of attachments: the name of the file below the uploads
	fieldThumbnail  = "_thumbnail_id"
	fieldMenuParent = "_menu_item_menu_item_parent"
	fieldMenuObject = "_menu_item_object_id"
	fieldMenuType   = "_menu_item_type"
)

// postFields are the custom fields that hold the id of a post.
var postFields = []string{fieldThumbnail, fieldMenuParent, fieldMenuObject}

// metaID returns the id in a custom field with the given name.
func metaID(m wxr.Meta, key string) (int64, bool) {
	if m.Key != key {
		return 0, false
	}
	id, err := strconv.ParseInt(strings.TrimSpace(m.Value), 10, 64)
	return id, err == nil && id > 0
}

// menuType returns the type of object that a menu entry refers to: post_type,
// taxonomy or custom.
func (p *intakePost) menuType() string {
	for _, m := range p.Meta {
		if m.Key == fieldMenuType {
			return m.Value
		}
	}
	return ""
}

// resolvePosts finds the ids in this blog of the posts that the batch's posts
// refer to.
func (b *intakeBatch) resolvePosts(ctx context.Context) (map[int64]int64, error) {
	wanted := map[int64]bool{}
	for i := range b.posts {
		p := &b.posts[i]
		if p.there {
			continue
		}
		wanted[p.Parent] = true
		for _, m := range p.Meta {
			for _, key := range postFields {
				if id, ok := metaID(m, key); ok {
					wanted[id] = true
				}
			}
		}
	}
	delete(wanted, 0)
	refs := make(map[int64]int64, len(wanted))
	err := findIDs(ctx, b.tx, b.in.cfg.Source, kindPost, keysOf(wanted), func(p idPair) { refs[p.Old] = p.New })
	if err != nil {
		return nil, err
	}
	for i := range b.posts {
		// A new post is added to refs only when its turn comes, so that no post
		// gets an ancestor that comes later.
		if p := &b.posts[i]; p.there && p.ID > 0 {
			refs[p.ID] = p.row.ID
		} else {
			delete(refs, p.ID)
		}
	}
	return refs, nil
}

// reference returns the id in this blog of a post in the source, or 0 and a
// link that Finish follows.
func (b *intakeBatch) reference(object int64, kind string, target, self int64, refs map[int64]int64) int64 {
	if target <= 0 || target == self {
		return 0
	}
	if id, known := refs[target]; known {
		return id
	}
	if kind != linkParent {
		if id, known := b.added[target]; known {
			return id
		}
	}
	b.links = append(b.links, intakeLink{Kind: kind, Object: object, Target: strconv.FormatInt(target, 10)})
	return 0
}

// metaValue returns the value of a custom field in this blog, and whether the
// field is imported.
func (b *intakeBatch) metaValue(p *intakePost, m wxr.Meta, refs map[int64]int64) (string, bool) {
	switch m.Key {
	case fieldOldAddress: // stored separately
		return "", false
	case "", "_edit_lock", site.MetaToPing: // temporary state of the source: an edit, a pending search for links
		return "", false
	case fieldAttached, "_wp_attachment_metadata", "_wp_attachment_backup_sizes":
		return m.Value, p.Type != site.TypeAttachment // derived from the file itself
	case "_edit_last":
		if id, ok := metaID(m, m.Key); ok {
			here := b.userIDs[id]
			return strconv.FormatInt(here, 10), here > 0
		}
	case fieldMenuObject:
		switch p.menuType() {
		case "taxonomy":
			return b.menuTerm(p, m), true
		case "custom": // the entry itself
			return strconv.FormatInt(p.row.ID, 10), true
		}
	}
	if slices.Contains(postFields, m.Key) {
		if id, ok := metaID(m, m.Key); ok {
			return strconv.FormatInt(b.reference(p.row.ID, m.Key, id, 0, refs), 10), true
		}
	}
	return m.Value, true
}

// menuTerm leaves the term of a menu entry to Finish, because the terms of all
// taxonomies exist by then.
func (b *intakeBatch) menuTerm(p *intakePost, m wxr.Meta) string {
	if id, ok := metaID(m, m.Key); ok {
		b.links = append(b.links, intakeLink{Kind: kindTerm + ":" + m.Key, Object: p.row.ID, Target: strconv.FormatInt(id, 10)})
	}
	return "0"
}

func (b *intakeBatch) writeLinks(ctx context.Context) error {
	rows, seen := database.NewRows("import_links", "source, kind, object, target"), map[intakeLink]bool{}
	for _, l := range b.links {
		key := intakeLink{Kind: l.Kind, Object: l.Object}
		if seen[key] {
			continue
		}
		seen[key] = true
		rows.Add(b.in.cfg.Source, l.Kind, l.Object, l.Target)
	}
	return rows.Insert(ctx, b.tx)
}

// Finish follows the references to objects that came later in the file, or in
// another file of the source, and completes the import of the file. References
// to objects that are still missing are kept until they arrive. After Finish
// has returned nil, importing the same file again starts at its beginning.
func (in *Intake) Finish(ctx context.Context) error {
	for after := (intakeLink{}); ; {
		var links []intakeLink
		err := in.blog.db.Update(ctx, func(tx *database.Tx) (err error) {
			links, err = in.followLinks(ctx, tx, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("follow the references of an import: %w", err)
		}
		if len(links) == 0 {
			break
		}
		after = links[len(links)-1]
	}
	if err := in.followTexts(ctx); err != nil {
		return fmt.Errorf("follow the addresses of media in texts: %w", err)
	}
	_, err := in.blog.db.Exec(ctx, `UPDATE import_state SET finished = TRUE WHERE source = $1 AND file = $2`, in.cfg.Source, in.cfg.File)
	if err != nil {
		return fmt.Errorf("end an import: %w", err)
	}
	return nil
}

// followLinks follows the page of links after a given one, and returns them.
func (in *Intake) followLinks(ctx context.Context, tx *database.Tx, after intakeLink) ([]intakeLink, error) {
	var links []intakeLink
	err := tx.Select(ctx, &links, `SELECT kind, object, target FROM import_links WHERE source = $1 AND (kind, object) > ($2, $3) ORDER BY kind, object LIMIT $4`,
		in.cfg.Source, after.Kind, after.Object, exportPage)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	ids := map[string]map[int64]int64{kindPost: {}, kindTerm: {}}
	wanted := map[string][]int64{}
	for _, l := range links {
		if id, ok := l.number(); ok {
			wanted[l.targetKind()] = append(wanted[l.targetKind()], id)
		}
	}
	for kind, olds := range wanted {
		if err := findIDs(ctx, tx, in.cfg.Source, kind, olds, func(p idPair) { ids[kind][p.Old] = p.New }); err != nil {
			return nil, err
		}
	}
	told, err := in.toldOf(ctx, tx, links)
	if err != nil {
		return nil, err
	}
	problems := database.NewRows("import_problems", "source, file, object, reason, taken")
	for _, l := range links {
		old, _ := l.number()
		done, why, err := l.follow(ctx, tx, ids[l.targetKind()][old])
		if err != nil {
			return nil, err
		}
		if why != "" && !told[[2]string{l.object(), why}] {
			problems.Add(in.cfg.Source, in.cfg.File, l.object(), why, true)
		}
		if !done {
			continue
		}
		if _, err := tx.Exec(ctx, `DELETE FROM import_links WHERE source = $1 AND kind = $2 AND object = $3`, in.cfg.Source, l.Kind, l.Object); err != nil {
			return nil, err
		}
	}
	return links, problems.Insert(ctx, tx)
}

// rememberedTarget is the prefix of a target that is a term whose name in the
// source is not a slug. The number of its reference follows.
const rememberedTarget = "#"

// number returns the id in the source of the link's target. Links to terms by
// slug have none.
func (l intakeLink) number() (int64, bool) {
	text, remembered := strings.CutPrefix(l.Target, rememberedTarget)
	if l.Kind == linkTerm && !remembered {
		return 0, false
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil
}

// targetKind returns the kind of the link's target.
func (l intakeLink) targetKind() string {
	if l.Kind == linkTerm || strings.HasPrefix(l.Kind, kindTerm+":") {
		return kindTerm
	}
	return kindPost
}

// object returns the name in reports of the object that has the reference.
func (l intakeLink) object() string {
	kind := kindPost
	if l.Kind == linkTerm {
		kind = kindTerm
	}
	return kind + " " + strconv.FormatInt(l.Object, 10)
}

// toldOf finds what was reported about links already, because an interrupted
// import follows them again.
func (in *Intake) toldOf(ctx context.Context, tx *database.Tx, links []intakeLink) (map[[2]string]bool, error) {
	var objects []string
	for _, l := range links {
		objects = append(objects, l.object())
	}
	told := map[[2]string]bool{}
	err := database.SelectIn(ctx, tx, `SELECT object, reason, taken FROM import_problems WHERE source = ? AND file = ? AND object IN (?)`, compact(objects),
		func(p Problem) { told[[2]string{p.Object, p.Reason}] = true }, in.cfg.Source, in.cfg.File)
	return told, err
}

// follow writes one reference, or returns why that is impossible. done is false
// if the link still waits for its target. target is the id in this blog, or 0
// if the target was not imported yet.
func (l intakeLink) follow(ctx context.Context, tx *database.Tx, target int64) (done bool, why string, err error) {
	switch l.Kind {
	case linkTerm:
		if target == 0 {
			err = tx.Get(ctx, &target, `SELECT p.id FROM terms t JOIN terms p ON p.taxonomy = t.taxonomy AND p.slug = $2 WHERE t.id = $1`, l.Object, l.Target)
		}
		if errors.Is(err, database.ErrNoRows) {
			return false, "its parent is not in the file", nil
		}
		if err != nil {
			return false, "", err
		}
		why, err = setParent(ctx, tx, "terms", l.Object, target)
		return true, why, err
	case linkParent:
		if target == 0 {
			return false, "its parent is not in the file", nil
		}
		why, err = setParent(ctx, tx, "posts", l.Object, target)
		return true, why, err
	}
	key := strings.TrimPrefix(l.Kind, kindTerm+":")
	if target == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM post_meta WHERE post_id = $1 AND key = $2 AND value = '0'`, l.Object, key)
		return false, "custom field " + key + " names something that is not in the file", err
	}
	value := strconv.FormatInt(target, 10)
	_, err = tx.Exec(ctx, `UPDATE post_meta SET value = $3 WHERE post_id = $1 AND key = $2 AND value = '0'`, l.Object, key, value)
	if err == nil {
		// An earlier file ended without the target, so the field does not
		// exist, unless someone has set it since.
		_, err = tx.Exec(ctx, `INSERT INTO post_meta (post_id, key, value) SELECT id, $2, $3 FROM posts WHERE id = $1
			AND NOT EXISTS (SELECT 1 FROM post_meta WHERE post_id = $1 AND key = $2)`, l.Object, key, value)
	}
	return true, "", err
}

// setParent gives an object a parent, unless that would make it its own
// ancestor.
func setParent(ctx context.Context, tx *database.Tx, table string, object, parent int64) (why string, err error) {
	const maxDepth = 1000
	for up, depth := parent, 0; up != 0; depth++ {
		if up == object || depth > maxDepth {
			return "it would be its own ancestor", nil
		}
		err := tx.Get(ctx, &up, `SELECT parent FROM `+table+` WHERE id = $1`, up)
		if errors.Is(err, database.ErrNoRows) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE `+table+` SET parent = $2 WHERE id = $1 AND parent = 0`, object, parent)
	return "", err
}
