package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// intakeLink is a reference to something that has not come yet: from the parent of a post or a term, or from the
// custom field of a post that Kind names.
type intakeLink struct {
	Kind   string `db:"kind"`
	Object int64  `db:"object"`
	Target string `db:"target"`
}

// The kinds of links beside the names of custom fields.
const (
	linkParent = "parent"
	linkTerm   = "term"
)

// The custom fields that hold ids of other posts, and those of the entries of menus.
const (
	fieldThumbnail  = "_thumbnail_id"
	fieldMenuParent = "_menu_item_menu_item_parent"
	fieldMenuObject = "_menu_item_object_id"
	fieldMenuType   = "_menu_item_type"
)

// postFields are the custom fields that hold the id of a post.
var postFields = []string{fieldThumbnail, fieldMenuParent, fieldMenuObject}

// metaID is the id that a custom field of the name holds.
func metaID(m PortableMeta, key string) (int64, bool) {
	if m.Key != key {
		return 0, false
	}
	id, err := strconv.ParseInt(strings.TrimSpace(m.Value), 10, 64)
	return id, err == nil && id > 0
}

// menuType is what the entry of a menu leads to: post_type, taxonomy or custom.
func (p *PortablePost) menuType() string {
	for _, m := range p.Meta {
		if m.Key == fieldMenuType {
			return m.Value
		}
	}
	return ""
}

// resolvePosts finds the ids here of the posts that the batch's posts refer to.
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
		// A new post joins the others only when its turn has come, so that no post gets an ancestor that is behind it.
		if p := &b.posts[i]; p.there && p.ID > 0 {
			refs[p.ID] = p.row.ID
		} else {
			delete(refs, p.ID)
		}
	}
	return refs, nil
}

// reference is the id here of a post there, or 0 and a link that Finish follows.
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

// metaValue is the value that a custom field gets here, and whether it is taken at all.
func (b *intakeBatch) metaValue(p *intakePost, m PortableMeta, refs map[int64]int64) (string, bool) {
	switch m.Key {
	case "", "_edit_lock", metaToPing: // what happens there at this moment: an edit, the search for links
		return "", false
	case "_wp_attached_file", "_wp_attachment_metadata", "_wp_attachment_backup_sizes":
		return m.Value, p.Type != TypeAttachment // the file itself says so
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

// menuTerm leaves the term of a menu's entry to Finish: terms of all taxonomies are there by then.
func (b *intakeBatch) menuTerm(p *intakePost, m PortableMeta) string {
	if id, ok := metaID(m, m.Key); ok {
		b.links = append(b.links, intakeLink{Kind: kindTerm + ":" + m.Key, Object: p.row.ID, Target: strconv.FormatInt(id, 10)})
	}
	return "0"
}

func (b *intakeBatch) writeLinks(ctx context.Context) error {
	rows, seen := newRows("import_links", "source, kind, object, target"), map[intakeLink]bool{}
	for _, l := range b.links {
		key := intakeLink{Kind: l.Kind, Object: l.Object}
		if seen[key] {
			continue
		}
		seen[key] = true
		rows.add(b.in.cfg.Source, l.Kind, l.Object, l.Target)
	}
	return rows.insert(ctx, b.tx)
}

// Finish follows the references to what came later in the file, and ends the import of the file. When it returns nil,
// taking in the same file again begins at its beginning.
func (in *Intake) Finish(ctx context.Context) error {
	for more := true; more; {
		err := in.site.db.Update(ctx, func(tx *database.Tx) (err error) {
			more, err = in.followLinks(ctx, tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("follow the references of an import: %w", err)
		}
	}
	_, err := in.site.db.Exec(ctx, `UPDATE import_state SET finished = TRUE WHERE source = $1 AND file = $2`, in.cfg.Source, in.cfg.File)
	if err != nil {
		return fmt.Errorf("end an import: %w", err)
	}
	return nil
}

// followLinks follows a page of links, and tells whether there was one.
func (in *Intake) followLinks(ctx context.Context, tx *database.Tx) (bool, error) {
	var links []intakeLink
	err := tx.Select(ctx, &links, `SELECT kind, object, target FROM import_links WHERE source = $1 ORDER BY kind, object LIMIT $2`, in.cfg.Source, exportPage)
	if err != nil || len(links) == 0 {
		return false, err
	}
	ids := map[string]map[int64]int64{kindPost: {}, kindTerm: {}}
	wanted := map[string][]int64{}
	for _, l := range links {
		if id, err := strconv.ParseInt(l.Target, 10, 64); err == nil && l.Kind != linkTerm {
			wanted[l.targetKind()] = append(wanted[l.targetKind()], id)
		}
	}
	for kind, olds := range wanted {
		if err := findIDs(ctx, tx, in.cfg.Source, kind, olds, func(p idPair) { ids[kind][p.Old] = p.New }); err != nil {
			return false, err
		}
	}
	problems := newRows("import_problems", "source, file, object, reason, taken")
	for _, l := range links {
		old, _ := strconv.ParseInt(l.Target, 10, 64)
		why, err := l.follow(ctx, tx, ids[l.targetKind()][old])
		if err != nil {
			return false, err
		}
		if why != "" {
			problems.add(in.cfg.Source, in.cfg.File, l.objectKind()+" "+strconv.FormatInt(l.Object, 10), why, true)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM import_links WHERE source = $1 AND kind = $2 AND object = $3`, in.cfg.Source, l.Kind, l.Object); err != nil {
			return false, err
		}
	}
	return true, problems.insert(ctx, tx)
}

// targetKind is what the link leads to.
func (l intakeLink) targetKind() string {
	if l.Kind == linkTerm || strings.HasPrefix(l.Kind, kindTerm+":") {
		return kindTerm
	}
	return kindPost
}

func (l intakeLink) objectKind() string {
	if l.Kind == linkTerm {
		return kindTerm
	}
	return kindPost
}

// follow writes one reference, or says why it cannot be. target is the id here, 0 when what it leads to never came.
func (l intakeLink) follow(ctx context.Context, tx *database.Tx, target int64) (why string, err error) {
	switch l.Kind {
	case linkTerm:
		err := tx.Get(ctx, &target, `SELECT p.id FROM terms t JOIN terms p ON p.taxonomy = t.taxonomy AND p.slug = $2 WHERE t.id = $1`, l.Object, l.Target)
		if errors.Is(err, database.ErrNoRows) {
			return "its parent is not in the file", nil
		}
		if err != nil {
			return "", err
		}
		return setParent(ctx, tx, "terms", l.Object, target)
	case linkParent:
		if target == 0 {
			return "its parent is not in the file", nil
		}
		return setParent(ctx, tx, "posts", l.Object, target)
	}
	key := strings.TrimPrefix(l.Kind, kindTerm+":")
	if target == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM post_meta WHERE post_id = $1 AND key = $2 AND value = '0'`, l.Object, key)
		return "custom field " + key + " names something that is not in the file", err
	}
	_, err = tx.Exec(ctx, `UPDATE post_meta SET value = $3 WHERE post_id = $1 AND key = $2 AND value = '0'`, l.Object, key, strconv.FormatInt(target, 10))
	return "", err
}

// setParent gives an object a parent, unless it would be its own ancestor.
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
	_, err = tx.Exec(ctx, `UPDATE `+table+` SET parent = $2 WHERE id = $1`, object, parent)
	return "", err
}
