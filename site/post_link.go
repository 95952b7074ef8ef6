package site

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
)

// Permalink returns the address of a post according to the option
// permalink_structure, or the plain ?p=ID if that is empty or the post is not
// public yet.
func (s *Site) Permalink(ctx context.Context, p *Post) (string, error) {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return "", err
	}
	link, err := s.PostLinks(ctx, opts, []Post{*p})
	if err != nil {
		return "", err
	}
	return link(p), nil
}

// PostLinks prepares the addresses of posts with few statements, and returns
// the function for each address.
func (s *Site) PostLinks(ctx context.Context, opts *options.Values, list []Post) (func(*Post) string, error) {
	l := s.linker(opts)
	return l.link, l.prepare(ctx, list)
}

// GUID returns the address that identifies a post for ever: its plain address,
// or a stored one.
func (s *Site) GUID(p *Post) string {
	if p.GUID != "" {
		return p.GUID
	}
	return s.plainLink(p)
}

func (s *Site) plainLink(p *Post) string {
	parameter := "p"
	switch p.Type {
	case TypePage:
		parameter = "page_id"
	case TypeAttachment:
		parameter = "attachment_id"
	}
	return s.baseURL + "/?" + parameter + "=" + strconv.FormatInt(p.ID, 10)
}

// linker builds the addresses of posts.
type linker struct {
	s         *Site
	structure string
	front     int64              // the page that is the home page, or 0
	pages     map[int64]pageName // ancestors of the pages
	// For posts, if the structure uses them: the path of the first category,
	// and the author's name in URLs.
	categories, authors map[int64]string
}

type pageName struct {
	ID     int64  `db:"id"`
	Name   string `db:"name"`
	Parent int64  `db:"parent"`
}

func (s *Site) linker(o *options.Values) *linker {
	structure := o.Text("permalink_structure")
	if !permalink.Supported(structure) {
		structure = ""
	}
	return &linker{s: s, structure: structure, front: o.FrontPage()}
}

// pageDepth is the largest number of a page's parents in its address.
const pageDepth = 20

// prepare reads what the addresses of the posts need: the parents of pages,
// with one statement for each level, and the categories and authors of posts if
// the structure uses them.
func (l *linker) prepare(ctx context.Context, list []Post) error {
	if l.structure == "" {
		return nil
	}
	if err := l.prepareNames(ctx, list); err != nil {
		return err
	}
	l.pages = make(map[int64]pageName)
	var wanted []int64
	for _, p := range list {
		if p.Type == TypePage && p.Parent != 0 {
			wanted = append(wanted, p.Parent)
		}
	}
	for range pageDepth {
		if len(wanted) == 0 {
			return nil
		}
		query, args, err := database.In(`SELECT id, name, parent FROM posts WHERE id IN (?)`, wanted)
		if err != nil {
			return err
		}
		var rows []pageName
		if err := l.s.db.Select(ctx, &rows, query, args...); err != nil {
			return fmt.Errorf("read the parents of pages: %w", err)
		}
		wanted = wanted[:0]
		for _, r := range rows {
			l.pages[r.ID] = r
			if _, known := l.pages[r.Parent]; r.Parent != 0 && !known {
				wanted = append(wanted, r.Parent)
			}
		}
	}
	return nil
}

func (l *linker) link(p *Post) string {
	pretty := l.structure != "" && p.Name != "" && (p.Status == StatusPublish || p.Status == StatusPrivate)
	switch {
	case p.ID == l.front && p.Type == TypePage && p.Status == StatusPublish:
		return l.s.baseURL + "/"
	case pretty && p.Type == TypePage:
		return l.s.baseURL + l.pagePath(p)
	case pretty && p.Type == TypePost:
		return l.s.baseURL + l.postPath(p)
	}
	return l.s.plainLink(p)
}

func (l *linker) postPath(p *Post) string {
	path := permalink.Fill(l.structure, func(tag string) string {
		switch tag {
		case "%postname%":
			return p.Name
		case "%post_id%":
			return strconv.FormatInt(p.ID, 10)
		case "%category%":
			return l.categories[p.ID]
		case "%author%":
			return l.authors[p.Author]
		}
		return permalink.Date(tag, p.Date)
	})
	return "/" + strings.TrimLeft(path, "/")
}

func (l *linker) pagePath(p *Post) string {
	path := p.Name
	for at, depth := p.Parent, 0; at != 0 && depth < pageDepth; depth++ {
		parent, ok := l.pages[at]
		if !ok {
			break
		}
		path, at = parent.Name+"/"+path, parent.Parent
	}
	if strings.HasSuffix(l.structure, "/") {
		path += "/"
	}
	return "/" + path
}

// FindPost returns the post that an address of the blog shows to the caller,
// possibly anonymous. Plain addresses always work, pretty ones according to the
// option permalink_structure. address may be a whole URL or begin at the path.
// The error is ErrNotFound if there is no such post, or the caller may not read
// it. The caller must check the password of the post.
func (s *Site) FindPost(ctx context.Context, who auth.Identity, address string, load Load) (*FullPost, error) {
	ids, err := s.postsAt(ctx, address)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		p, err := s.readable(ctx, who, id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list, err := s.full(ctx, []Post{*p}, load.allowed(who))
		if err != nil {
			return nil, err
		}
		return &list[0], nil
	}
	return nil, ErrNotFound
}

// readable returns a post that the caller may see at its own address. Error:
// ErrNotFound.
func (s *Site) readable(ctx context.Context, who auth.Identity, id int64) (*Post, error) {
	row, err := readPost(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	p, parent := &row.Post, ""
	if p.Status == StatusInherit && p.Parent != 0 {
		if parent, err = s.statusOf(ctx, p.Parent); err != nil {
			return nil, err
		}
	}
	// Menu entries and the like have no page of their own, and neither have
	// revisions.
	if t, known := postTypeNamed(p.Type); !known || !t.Public || !s.CanRead(who, p, parent) {
		return nil, ErrNotFound
	}
	return p, row.complete(ctx, s.db)
}

// statusOf returns the status of a post, or "" if there is none.
func (s *Site) statusOf(ctx context.Context, id int64) (string, error) {
	var status string
	err := s.db.Get(ctx, &status, `SELECT status FROM posts WHERE id = $1`, id)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return "", fmt.Errorf("read the status of post %d: %w", id, err)
	}
	return status, nil
}

// PostAt returns the id of the post at an address of the blog, without checking
// rights: plain addresses always, pretty ones according to the option
// permalink_structure. It does not check that an id in the address exists.
// Error: ErrNotFound.
func (s *Site) PostAt(ctx context.Context, address string) (int64, error) {
	ids, err := s.postsAt(ctx, address)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// postsAt returns the ids of the posts that an address may mean, at least one:
// a post and a page may have the same one. Error: ErrNotFound.
func (s *Site) postsAt(ctx context.Context, address string) ([]int64, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, ErrNotFound
	}
	base, err := url.Parse(s.baseURL)
	if err != nil {
		return nil, fmt.Errorf("read the base URL: %w", err)
	}
	if at.Host != "" && !strings.EqualFold(at.Host, base.Host) {
		return nil, ErrNotFound
	}
	query := at.Query()
	for _, parameter := range []string{"p", "page_id", "attachment_id"} {
		if id, err := strconv.ParseInt(query.Get(parameter), 10, 64); err == nil && id > 0 {
			return []int64{id}, nil
		}
	}
	path, below := strings.CutPrefix(at.EscapedPath(), base.EscapedPath())
	if !below || strings.Trim(path, "/") == "" {
		return nil, ErrNotFound
	}
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	l := s.linker(opts)
	if l.structure == "" {
		return nil, ErrNotFound
	}
	var ids []int64
	for _, find := range []func(context.Context, string) (int64, error){l.postByPath, l.pageByPath, l.attachmentByPath} {
		id, err := find(ctx, path)
		if err == nil {
			ids = append(ids, id)
		} else if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	if len(ids) == 0 {
		return nil, ErrNotFound
	}
	return ids, nil
}

// byStatus puts published posts before private ones. Posts with another status
// have no pretty address yet, but may already have its name.
const byStatus = ` ORDER BY CASE p.status WHEN 'publish' THEN 0 WHEN 'private' THEN 1 ELSE 2 END, p.id`

// postByPath finds a post by the structure: by its name or id, and by the parts
// of its date in the address.
func (l *linker) postByPath(ctx context.Context, path string) (int64, error) {
	tags, values, ok := permalink.Match(l.structure, path)
	if !ok {
		return 0, ErrNotFound
	}
	a := &arguments{}
	where := `p.type = 'post' AND p.status IN ('publish', 'private')`
	var candidates []Post
	for i, tag := range tags {
		switch value := values[i]; tag {
		case "%postname%":
			where += ` AND p.name = ` + a.add(strings.ToLower(value))
		case "%post_id%":
			id, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return 0, ErrNotFound
			}
			where += ` AND p.id = ` + a.add(id)
		}
	}
	if err := l.s.db.Select(ctx, &candidates, `SELECT `+postHeadColumns+` FROM posts p WHERE `+where+byStatus+` LIMIT 100`, a.list...); err != nil {
		return 0, fmt.Errorf("find a post by its address: %w", err)
	}
	if err := l.prepareNames(ctx, candidates); err != nil {
		return 0, err
	}
	for _, p := range candidates {
		if sameDate(p.Date, tags, values) && l.sameCategory(&p, tags, values) {
			return p.ID, nil
		}
	}
	return 0, ErrNotFound
}

// sameDate reports whether the parts of a date in an address are those of the
// post.
func sameDate(date time.Time, tags, values []string) bool {
	parts := map[string]int{
		"%year%": date.Year(), "%monthnum%": int(date.Month()), "%day%": date.Day(),
		"%hour%": date.Hour(), "%minute%": date.Minute(), "%second%": date.Second(),
	}
	for i, tag := range tags {
		want, is := parts[tag]
		if got, err := strconv.Atoi(values[i]); is && (err != nil || got != want) {
			return false
		}
	}
	return true
}

// pageByPath follows the names of pages from the top.
func (l *linker) pageByPath(ctx context.Context, path string) (int64, error) {
	names := strings.Split(strings.ToLower(strings.Trim(path, "/")), "/")
	if len(names) > pageDepth {
		return 0, ErrNotFound
	}
	var at int64
	for i, name := range names {
		status := `` // a page that is not published may be the parent of one that is
		if i == len(names)-1 {
			status = ` AND p.status IN ('publish', 'private')`
		}
		err := l.s.db.Get(ctx, &at, `SELECT p.id FROM posts p WHERE p.name = $1 AND p.type = 'page' AND p.parent = $2`+status+byStatus+` LIMIT 1`, name, at)
		if errors.Is(err, database.ErrNoRows) {
			return 0, ErrNotFound
		}
		if err != nil {
			return 0, fmt.Errorf("find a page by its address: %w", err)
		}
	}
	return at, nil
}

// attachmentByPath finds an attachment below the address of its post, with or
// without the word attachment in between, or one without a post by its name
// alone (get_attachment_link).
func (l *linker) attachmentByPath(ctx context.Context, path string) (int64, error) {
	path = strings.Trim(path, "/")
	above, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		above, name = path[:i], path[i+1:]
	}
	above = strings.TrimSuffix(above, "/attachment")
	var parents []int64
	if above == "" {
		parents = append(parents, 0)
	}
	for _, find := range []func(context.Context, string) (int64, error){l.postByPath, l.pageByPath} {
		if above == "" {
			break
		}
		id, err := find(ctx, above)
		if err == nil {
			parents = append(parents, id)
		} else if !errors.Is(err, ErrNotFound) {
			return 0, err
		}
	}
	for _, parent := range parents {
		var id int64
		err := l.s.db.Get(ctx, &id, `SELECT id FROM posts WHERE name = $1 AND type = 'attachment' AND parent = $2 ORDER BY id LIMIT 1`, strings.ToLower(name), parent)
		if !errors.Is(err, database.ErrNoRows) {
			return id, err
		}
	}
	return 0, ErrNotFound
}
