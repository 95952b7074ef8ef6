package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
)

// Texts refer to pictures and other media by their addresses in the source. If
// a file was imported, its address in texts is replaced, as WordPress's
// importer does (backfill_attachment_urls), and so are the addresses of its
// smaller versions. The rest of the text does not change. Files and texts may
// come in either order, and in different files.

// maxMediaAddress bounds an address that is looked up, in bytes.
const maxMediaAddress = 1000

// mediaKey returns an address in the form for comparisons: without scheme and
// query, with its host in lower case and without www. It returns "" for text
// that cannot be the address of a file.
func mediaKey(address string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	_, rest, found := strings.Cut(address, "//")
	if !found {
		return ""
	}
	host, file, _ := strings.Cut(rest, "/")
	host = strings.ToLower(host)
	if len(host) == len("i0.wp.com") && host[0] == 'i' && strings.HasSuffix(host, ".wp.com") { // hosts that serve pictures in other sizes
		host, file, _ = strings.Cut(file, "/")
		host = strings.ToLower(host)
	}
	if plain, err := url.PathUnescape(file); err == nil {
		file = plain
	}
	if host == "" || path.Ext(file) == "" || len(host)+len(file) > maxMediaAddress {
		return ""
	}
	return database.CleanText(norm.NFC.String(strings.TrimPrefix(host, "www.") + "/" + file))
}

// otherMediaKey returns the second address that files on wordpress.com have, or
// "" for others.
func otherMediaKey(key string) string {
	host, file, _ := strings.Cut(key, "/")
	if blog, ok := strings.CutSuffix(host, ".files.wordpress.com"); ok {
		return blog + ".wordpress.com" + site.UploadsPath + file
	}
	if blog, ok := strings.CutSuffix(host, ".wordpress.com"); ok {
		if file, ok := strings.CutPrefix("/"+file, site.UploadsPath); ok {
			return blog + ".files.wordpress.com/" + file
		}
	}
	return ""
}

// sizedName matches the name of a smaller version of a picture.
var sizedName = regexp.MustCompile(`^(.+)-([0-9]{1,5})x([0-9]{1,5})(\.[A-Za-z0-9]+)$`)

// mediaKeys returns the keys under which the file of an address may be known,
// and the width that the address asks for. The keys are the address itself,
// that of the picture whose version it is, and the copies that replace a large
// picture in WordPress.
func mediaKeys(key string) (keys []string, width int) {
	keys = []string{key}
	if m := sizedName.FindStringSubmatch(key); m != nil {
		keys = append(keys, m[1]+m[4])
		width, _ = strconv.Atoi(m[2])
	}
	whole := keys[len(keys)-1]
	extension := path.Ext(whole)
	for _, copied := range []string{"-scaled", "-rotated"} {
		keys = append(keys, strings.TrimSuffix(whole, extension)+copied+extension)
	}
	return keys, width
}

// eachAddress passes on the positions of absolute addresses in a text, up to
// their query. It takes time linear in the length of the text.
func eachAddress(text string, found func(start, end int)) {
	for at := 0; ; {
		i := strings.Index(text[at:], "//")
		if i < 0 {
			return
		}
		start := at + i
		end := len(text)
		if n := strings.IndexAny(text[start:], " \t\r\n\"'<>()[]{}\\`|,?#&"); n >= 0 {
			end = start + n
		}
		for _, scheme := range []string{"https:", "http:"} {
			if from := start - len(scheme); from >= at && strings.EqualFold(text[from:start], scheme) {
				start = from
				break
			}
		}
		if end-start <= maxMediaAddress && (text[start] != '/' || start == 0 || strings.IndexByte(" \t\r\n\"'(=,", text[start-1]) >= 0) {
			found(start, end)
		}
		at = max(end, start+2)
	}
}

// mediaFile is an imported file with its versions.
type mediaFile struct {
	Key   string `db:"address"`
	Width int    `db:"width"`
	File  string `db:"file"`
	Sizes string `db:"sizes"`
}

// mediaNames finds the files in this blog for addresses in the source.
type mediaNames struct {
	base  string               // of the blog, as texts have it
	files map[string]mediaFile // by key
}

// address returns the address of a file in this blog, or "" if it was not
// imported.
func (m *mediaNames) address(there string) string {
	keys, width := mediaKeys(mediaKey(there))
	for i, key := range keys {
		f, known := m.files[key]
		if !known {
			continue
		}
		name := f.File
		if i > 0 && width > 0 {
			name = f.version(width)
		}
		return m.base + (&url.URL{Path: site.UploadsPath + name}).EscapedPath()
	}
	return ""
}

// version returns the smallest version that is wide enough, otherwise the file
// itself.
func (f *mediaFile) version(width int) string {
	sizes := map[string]struct {
		File  string `json:"file"`
		Width int    `json:"width"`
	}{}
	if json.Unmarshal([]byte(f.Sizes), &sizes) != nil {
		return f.File
	}
	name, best := f.File, f.Width
	for _, v := range sizes {
		if v.File != "" && v.Width >= width && (best == 0 || v.Width < best) {
			name, best = path.Join(path.Dir(f.File), v.File), v.Width
		}
	}
	return name
}

// textBase is the prefix of the paths of uploads in texts. While the address of
// the blog works on this machine only, texts omit it: it would be wrong when
// the blog goes public.
func (s *Blog) textBase() string {
	base := s.BaseURL()
	if !s.IsLocal() {
		return base
	}
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

// follow returns a text with addresses of this blog.
func (m *mediaNames) follow(text string) string {
	var b strings.Builder
	done := 0
	eachAddress(text, func(start, end int) {
		if here := m.address(text[start:end]); here != "" {
			b.WriteString(text[done:start])
			b.WriteString(here)
			done = end
		}
	})
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// rememberAddresses stores the addresses that the files of attachments had in
// the source.
func (b *intakeBatch) rememberAddresses(ctx context.Context) error {
	list, seen := []mediaAddress{}, map[string]bool{}
	for i := range b.posts {
		p := &b.posts[i]
		if p.Type != site.TypeAttachment || !b.complete[p.row.ID] && !b.used[p.index] {
			continue
		}
		for _, address := range []string{p.AttachmentURL, p.GUID} {
			key := mediaKey(address)
			for _, key := range []string{key, otherMediaKey(key)} {
				if key != "" && !seen[key] {
					seen[key] = true
					list = append(list, mediaAddress{key, p.row.ID})
				}
			}
		}
	}
	keys := make([]string, len(list))
	for i, a := range list {
		keys[i] = a.Key
	}
	there := map[string]int64{}
	err := database.SelectIn(ctx, b.tx, `SELECT address, post_id FROM import_files WHERE source = ? AND address IN (?)`, keys, func(a mediaAddress) { there[a.Key] = a.Post }, b.in.cfg.Source)
	if err != nil {
		return fmt.Errorf("look for the addresses of files: %w", err)
	}
	fresh := database.NewRows("import_files", "source, address, post_id")
	for _, a := range list {
		switch old, known := there[a.Key]; {
		case !known:
			fresh.Add(b.in.cfg.Source, a.Key, a.Post)
			b.addresses = true
		case old != a.Post:
			_, err := b.tx.Exec(ctx, `UPDATE import_files SET post_id = $3 WHERE source = $1 AND address = $2`, b.in.cfg.Source, a.Key, a.Post)
			if err != nil {
				return fmt.Errorf("remember the address of a file: %w", err)
			}
		}
	}
	return fresh.Insert(ctx, b.tx)
}

// mediaAddress returns the address that the file of an attachment had in the
// source.
type mediaAddress struct {
	Key  string `db:"address"`
	Post int64  `db:"post_id"`
}

// intakeText is a text that may refer to files.
type intakeText struct {
	ID      int64  `db:"id"`
	Content string `db:"content"`
	Excerpt string `db:"excerpt"`
}

// textPage is how many texts one transaction reads.
const textPage = 50

// followTexts replaces addresses of imported files in the texts of this source,
// if there may be new ones to replace.
func (in *Intake) followTexts(ctx context.Context) error {
	if !in.addresses && in.report.Posts.Added+in.report.Posts.Changed == 0 {
		return nil
	}
	for after := int64(0); ; {
		var list []intakeText
		err := in.blog.db.Update(ctx, func(tx *database.Tx) error {
			list = nil
			err := tx.Select(ctx, &list, `SELECT id, content, excerpt FROM posts WHERE id > $1 AND type NOT IN ('attachment', 'revision', 'nav_menu_item')
				AND EXISTS (SELECT 1 FROM import_ids i WHERE i.new_id = posts.id AND i.kind = 'post' AND i.source = $2) ORDER BY id LIMIT $3`, after, in.cfg.Source, textPage)
			if err != nil {
				return err
			}
			return in.followPage(ctx, tx, list)
		})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		after = list[len(list)-1].ID
	}
}

func (in *Intake) followPage(ctx context.Context, tx *database.Tx, list []intakeText) error {
	fields := map[int64][]textField{}
	err := database.SelectIn(ctx, tx, `SELECT id, post_id, value FROM post_meta WHERE key = 'enclosure' AND post_id IN (?)`, idsOf(list, func(t *intakeText) int64 { return t.ID }),
		func(f textField) { fields[f.Post] = append(fields[f.Post], f) })
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	want := func(text string) {
		eachAddress(text, func(start, end int) {
			keys, _ := mediaKeys(mediaKey(text[start:end]))
			for _, key := range keys {
				wanted[key] = true
			}
		})
	}
	for _, t := range list {
		want(t.Content)
		want(t.Excerpt)
		for _, f := range fields[t.ID] {
			want(f.Value)
		}
	}
	delete(wanted, "")
	if len(wanted) == 0 {
		return nil
	}
	keys := make([]string, 0, len(wanted))
	for key := range wanted {
		keys = append(keys, key)
	}
	names := mediaNames{base: in.blog.textBase(), files: map[string]mediaFile{}}
	err = database.SelectIn(ctx, tx, `SELECT f.address, a.file, a.width, a.sizes FROM import_files f JOIN attachments a ON a.post_id = f.post_id
		WHERE f.source = ? AND a.size > 0 AND f.address IN (?)`, keys, func(f mediaFile) { names.files[f.Key] = f }, in.cfg.Source)
	if err != nil {
		return err
	}
	for _, t := range list {
		content, excerpt := names.follow(t.Content), names.follow(t.Excerpt)
		if content != t.Content || excerpt != t.Excerpt {
			if _, err := tx.Exec(ctx, `UPDATE posts SET content = $2, excerpt = $3 WHERE id = $1`, t.ID, content, excerpt); err != nil {
				return err
			}
		}
		for _, f := range fields[t.ID] {
			if value := names.follow(f.Value); value != f.Value {
				if _, err := tx.Exec(ctx, `UPDATE post_meta SET value = $2 WHERE id = $1`, f.ID, value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// textField is a custom field that refers to a file.
type textField struct {
	ID    int64  `db:"id"`
	Post  int64  `db:"post_id"`
	Value string `db:"value"`
}
