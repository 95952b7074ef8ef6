package transfer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/site"
)

// Settled is the result of Settle.
type Settled struct {
	Home      string        // the address of the blog there, "" when the file has none
	Structure string        // by which the addresses there were made, "" when none was found
	Kept      int           // of Posts, how many keep their address by it
	Posts     int           // that were looked at, with an address there
	Plain     bool          // the addresses there were plain ones, such as ?p=12
	Set       bool          // the structure was set, or was set already
	Title     string        // that was taken over, "" for none
	Tagline   string        // that was taken over, "" for none
	NotFound  int           // files of attachments that are missing
	Alone     int           // users without a password
	Offset    time.Duration // offset from UTC of the source when its newest post was written
	Zoned     bool          // the clock here is another than UTC
}

// Settle gives a blog that was empty before the import the title, the tagline
// and the permalink structure of the source, unless they were set here. In any
// other blog it only determines the structure. It may run again, and then finds
// what it has done.
//
// The structure is derived from the newest posts that came with addresses. It
// must give more than half of them the address that they had in the source, and
// more of them than any other structure does.
func (m *Imported) Settle(ctx context.Context) (Settled, error) {
	in := m.intakes[0]
	b := in.blog
	var s Settled
	if len(in.cfg.Addresses) > 0 {
		s.Home = in.cfg.Addresses[0]
	}
	if err := in.readStructure(ctx, &s); err != nil {
		return s, fmt.Errorf("find the structure of addresses: %w", err)
	}
	opts, err := b.Options().Current(ctx)
	if err != nil {
		return s, err
	}
	stored := opts.Stored()
	strangers, err := in.strangers(ctx)
	if err != nil {
		return s, err
	}
	wishes := []struct{ name, value string }{{"permalink_structure", s.Structure}, {"blog_title", in.cfg.Title}, {"blog_tagline", in.cfg.Tagline}}
	for _, wish := range wishes {
		if _, set := stored[wish.name]; set || strangers || wish.value == "" {
			continue
		}
		if err := b.Options().Set(ctx, wish.name, database.CleanText(wish.value)); err != nil {
			return s, err
		}
		switch wish.name {
		case "blog_title":
			s.Title = wish.value
		case "blog_tagline":
			s.Tagline = wish.value
		}
	}
	if opts, err = b.Options().Current(ctx); err != nil {
		return s, err
	}
	s.Set = s.Structure != "" && opts.Text("permalink_structure") == s.Structure
	hours, named := opts.GMTOffset()
	s.Zoned = hours != 0 || named
	return s, in.count(ctx, &s)
}

// strangers reports whether the blog has content that is not from the source.
func (in *Intake) strangers(ctx context.Context) (bool, error) {
	var list []int64
	err := in.blog.db.Select(ctx, &list, `SELECT p.id FROM posts p WHERE p.type IN ('post', 'page', 'attachment') AND p.status <> 'auto-draft'
		AND NOT EXISTS (SELECT 1 FROM import_ids i WHERE i.new_id = p.id AND i.kind = 'post' AND i.source = $1) LIMIT 1`, in.cfg.Source)
	if err != nil {
		return false, fmt.Errorf("look for what was here before: %w", err)
	}
	return len(list) > 0, nil
}

// count counts what the operator needs to look after.
func (in *Intake) count(ctx context.Context, s *Settled) error {
	err := in.blog.db.Get(ctx, &s.NotFound, `SELECT COUNT(*) FROM attachments WHERE size = 0`)
	if err != nil {
		return fmt.Errorf("count the files that are missing: %w", err)
	}
	s.Alone, err = in.blog.users.Count(ctx, auth.Filter{NoPassword: true})
	return err
}

// structurePosts is how many posts the structure is derived from.
const structurePosts = 300

// structureTries is how many structures are tried on them.
const structureTries = 12

// readStructure finds the structure that gave the posts of the source their
// addresses.
func (in *Intake) readStructure(ctx context.Context, s *Settled) error {
	type row struct {
		site.Post
		Address string `db:"address"`
	}
	var rows []row
	err := in.blog.db.Select(ctx, &rows, `SELECT p.id, p.type, p.status, p.name, p.author, p.date, p.date_gmt, a.address
		FROM (SELECT id, type, status, name, author, date, date_gmt FROM posts WHERE type = 'post' AND status = 'publish' AND name <> ''
			AND EXISTS (SELECT 1 FROM import_ids i WHERE i.new_id = posts.id AND i.kind = 'post' AND i.source = $1) ORDER BY date DESC, id DESC LIMIT $2) p
		JOIN old_addresses a ON a.post_id = p.id ORDER BY p.date DESC, p.id DESC`, in.cfg.Source, structurePosts)
	if err != nil {
		return err
	}
	had := map[int64][]string{}
	var posts []site.Post
	votes := map[string]int{}
	plain := 0
	for _, r := range rows {
		if len(had[r.ID]) == 0 {
			posts = append(posts, r.Post)
		}
		had[r.ID] = append(had[r.ID], r.Address)
		if strings.HasPrefix(r.Address, "/?p=") {
			plain++
		}
		for _, guess := range permalink.Guess(r.Address, permalink.Post{ID: r.ID, Name: r.Name, Date: r.Date}) {
			votes[guess]++
		}
	}
	s.Posts = len(posts)
	if len(posts) > 0 && posts[0].DateGMT != nil {
		s.Offset = posts[0].Date.Sub(*posts[0].DateGMT)
	}
	s.Plain = 2*plain > s.Posts
	best := slices.SortedFunc(maps.Keys(votes), func(a, b string) int {
		// If two structures explain as many addresses, the one with more tags
		// is more specific.
		return cmp.Or(votes[b]-votes[a], len(permalink.Tags(b))-len(permalink.Tags(a)), strings.Compare(a, b))
	})
	for _, structure := range best[:min(len(best), structureTries)] {
		kept, err := in.kept(ctx, structure, posts, had)
		if err != nil {
			return err
		}
		if kept > s.Kept && 2*kept > len(posts) {
			s.Structure, s.Kept = structure, kept
		}
	}
	return nil
}

// kept counts the posts to which a structure gives an address that they had.
func (in *Intake) kept(ctx context.Context, structure string, posts []site.Post, had map[int64][]string) (n int, err error) {
	opts, err := in.blog.Options().Current(ctx)
	if err != nil {
		return 0, err
	}
	link, err := in.blog.PostLinks(ctx, opts.With(map[string]string{"permalink_structure": structure}), posts)
	if err != nil {
		return 0, err
	}
	for i := range posts {
		path, _ := strings.CutPrefix(link(&posts[i]), in.blog.BaseURL())
		if slices.Contains(had[posts[i].ID], permalink.Old(path)) {
			n++
		}
	}
	return n, nil
}
