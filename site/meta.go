package site

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// The custom fields that the blog itself writes, with WordPress's names, so
// that exports contain them.
const (
	metaThumbnail   = "_thumbnail_id"
	metaEnclosure   = "enclosure"
	metaTemplate    = "_wp_page_template"
	metaAlt         = "_wp_attachment_image_alt"
	metaTrashStatus = "_wp_trash_meta_status"
	metaTrashTime   = "_wp_trash_meta_time"
	metaTrashSlug   = "_wp_desired_post_slug"
	// A published post has these two until the pages that it links to were
	// notified and files to enclose were looked for. They are the list of that
	// work, and are exported.
	MetaToPing    = "_pingme"
	metaToEnclose = "_encloseme"
	// The former slugs and dates of a published post.
	MetaOldSlug = "_wp_old_slug"
	metaOldDate = "_wp_old_date"
)

// CustomField is a custom field of a post or a term. A key may occur several
// times.
type CustomField struct {
	ID    int64  `db:"id"`
	Key   string `db:"key"`
	Value string `db:"value"`
}

// Protected reports whether the field is internal: its key begins with an
// underscore. Nobody can see or change such a field of a post through the
// custom fields.
func (f CustomField) Protected() bool { return protectedKey(f.Key) }

func protectedKey(key string) bool {
	// Control characters must not hide the underscore.
	key = strings.TrimLeftFunc(key, func(c rune) bool { return c < ' ' || c == 0x7F })
	return strings.HasPrefix(key, "_")
}

// FieldEdit is an edit of a post's custom fields, as in the member
// custom_fields of wp.editPost: without an ID it adds a field; with an ID and a
// Key it sets the value of that field, whose key must match; with only an ID it
// deletes the field. Edits that are not possible are ignored, including those
// of protected fields.
type FieldEdit struct {
	ID    int64
	HasID bool
	Key   string
	// HasKey distinguishes an empty key from a missing one.
	HasKey bool
	Value  string
}

// Enclosure is a file that belongs to a post, such as the recording of an
// episode.
type Enclosure struct {
	URL    string
	Length int64
	Type   string
}

// Enclosure returns the post's first enclosure. LoadFields.
func (p *FullPost) Enclosure() (Enclosure, bool) {
	for _, f := range p.CustomFields {
		if f.Key != metaEnclosure {
			continue
		}
		lines := append(strings.Split(f.Value, "\n"), "", "", "")
		length, _ := strconv.ParseInt(strings.TrimSpace(lines[1]), 10, 64)
		return Enclosure{URL: strings.TrimSpace(lines[0]), Length: length, Type: strings.TrimSpace(lines[2])}, true
	}
	return Enclosure{}, false
}

// Template returns the page template of the post, or "default" if it has none.
// LoadFields.
func (p *FullPost) Template() string {
	for _, f := range p.CustomFields {
		if f.Key == metaTemplate && f.Value != "" {
			return f.Value
		}
	}
	return "default"
}

// Alt returns the text that takes the place of an attached picture. LoadFields.
func (p *FullPost) Alt() string {
	for _, f := range p.CustomFields {
		if f.Key == metaAlt {
			return f.Value
		}
	}
	return ""
}

// addField adds a custom field with any key.
func addField(ctx context.Context, tx *database.Tx, post int64, key, value string) error {
	if err := tx.Later(ctx, `INSERT INTO post_meta (post_id, key, value) VALUES ($1, $2, $3)`, post, key, value); err != nil {
		return fmt.Errorf("add custom field %q to post %d: %w", key, post, err)
	}
	return nil
}

// setField makes value the only value of a key; "" removes the key.
func setField(ctx context.Context, tx *database.Tx, post int64, key, value string) error {
	query, args := `DELETE FROM post_meta WHERE post_id = $1 AND key = $2`, []any{post, key}
	if value != "" {
		query, args = `UPDATE post_meta SET value = $3 WHERE post_id = $1 AND key = $2`, append(args, value)
	}
	r, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("set custom field %q of post %d: %w", key, post, err)
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 || value == "" {
		return err
	}
	return addField(ctx, tx, post, key, value)
}

// editFields applies edits to the custom fields of a post. If a client sends
// all fields back, unchanged ones cost no statement.
func editFields(ctx context.Context, tx *database.Tx, post int64, edits []FieldEdit) error {
	var existing map[int64]CustomField
	var added []FieldEdit
	var deleted []int64
	for _, e := range edits {
		if !e.HasID {
			if e.Key != "" && !protectedKey(e.Key) {
				added = append(added, e)
			}
			continue
		}
		if existing == nil {
			var err error
			if existing, err = fieldsByID(ctx, tx, post); err != nil {
				return err
			}
		}
		f, found := existing[e.ID]
		switch {
		case !found || f.Protected() || e.HasKey && e.Key != f.Key:
		case !e.HasKey:
			deleted = append(deleted, e.ID)
			delete(existing, e.ID)
		case e.Value != f.Value:
			if err := tx.Later(ctx, `UPDATE post_meta SET value = $2 WHERE id = $1`, e.ID, e.Value); err != nil {
				return fmt.Errorf("change custom field %d of post %d: %w", e.ID, post, err)
			}
			f.Value = e.Value
			existing[e.ID] = f
		}
	}
	if err := database.ExecIn(ctx, tx, `DELETE FROM post_meta WHERE id IN (?)`, deleted); err != nil {
		return fmt.Errorf("delete custom fields of post %d: %w", post, err)
	}
	return addFields(ctx, tx, post, added)
}

func addFields(ctx context.Context, tx *database.Tx, post int64, fields []FieldEdit) error {
	rows := database.NewRows("post_meta", "post_id, key, value")
	for _, f := range fields {
		rows.Add(post, f.Key, f.Value)
	}
	if err := rows.Insert(ctx, tx); err != nil {
		return fmt.Errorf("add custom fields to post %d: %w", post, err)
	}
	return nil
}

// markPublished adds the marks for the work that follows publication to
// published posts without them.
func markPublished(ctx context.Context, tx *database.Tx, posts []int64) error {
	err := database.ExecIn(ctx, tx, `INSERT INTO post_meta (post_id, key, value) SELECT p.id, m.key, '1'
		FROM posts p CROSS JOIN (SELECT '`+MetaToPing+`' AS key, 1 AS place UNION ALL SELECT '`+metaToEnclose+`', 2) AS m
		WHERE p.id IN (?) AND p.type = 'post' AND NOT EXISTS (SELECT 1 FROM post_meta x WHERE x.post_id = p.id AND x.key = m.key)
		ORDER BY p.id, m.place`, posts)
	if err != nil {
		return fmt.Errorf("mark published posts: %w", err)
	}
	return nil
}

// rememberOld stores a former part of a published post's address, once, and
// forgets one that is current again.
func rememberOld(ctx context.Context, tx *database.Tx, post int64, key, was, is string) error {
	if was == is || was == "" {
		return nil
	}
	err := tx.Later(ctx, `INSERT INTO post_meta (post_id, key, value) SELECT id, $2, $3 FROM posts WHERE id = $1
		AND NOT EXISTS (SELECT 1 FROM post_meta WHERE post_id = $1 AND key = $2 AND value = $3)`, post, key, was)
	if err == nil {
		err = tx.Later(ctx, `DELETE FROM post_meta WHERE post_id = $1 AND key = $2 AND value = $3`, post, key, is)
	}
	if err != nil {
		return fmt.Errorf("remember the old address of post %d: %w", post, err)
	}
	return nil
}

func fieldsByID(ctx context.Context, tx *database.Tx, post int64) (map[int64]CustomField, error) {
	var list []CustomField
	if err := tx.Select(ctx, &list, `SELECT id, key, value FROM post_meta WHERE post_id = $1`, post); err != nil {
		return nil, fmt.Errorf("read the custom fields of post %d: %w", post, err)
	}
	byID := make(map[int64]CustomField, len(list))
	for _, f := range list {
		byID[f.ID] = f
	}
	return byID, nil
}

// addEnclosure adds an enclosure, unless the post has it.
func addEnclosure(ctx context.Context, tx *database.Tx, post int64, e Enclosure) error {
	value := e.URL + "\n" + strconv.FormatInt(e.Length, 10) + "\n" + e.Type
	var n int
	err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM post_meta WHERE post_id = $1 AND key = $2 AND value IN ($3, $4)`, post, metaEnclosure, value, value+"\n")
	if err != nil {
		return fmt.Errorf("look for an enclosure of post %d: %w", post, err)
	}
	if n > 0 {
		return nil
	}
	return addField(ctx, tx, post, metaEnclosure, value+"\n")
}

// sortFields sorts custom fields by key, like WordPress's databases, and by id.
func sortFields(list []CustomField) {
	slices.SortFunc(list, func(a, b CustomField) int {
		if a.Key != b.Key {
			if c := strings.Compare(TermKey(a.Key), TermKey(b.Key)); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.ID, b.ID)
	})
}
