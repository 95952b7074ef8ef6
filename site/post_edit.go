package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/options"
)

// PostEdit is the desired state of a post. Fields that are nil stay as they are
// or, in a new post, get their defaults.
type PostEdit struct {
	// Type is post or page; the default is post. The type of an existing post
	// cannot change.
	Type *string
	// Status is the status; the default for a new post is draft. An unknown
	// status counts as draft. A published post with a date in the future
	// becomes a scheduled one.
	Status *string

	Title, Content, Excerpt *string
	// Name is the desired slug. If it is "", or nil for a post without one, it
	// is made from the title.
	Name *string
	// Author is another user; 0 is the caller.
	Author *int64
	Parent *int64
	// MenuOrder sorts pages.
	MenuOrder *int64
	// Password is the password for visitors. A private post has none.
	Password *string
	// CommentStatus and PingStatus are open or closed; anything else is
	// ignored. A new post without them gets the blog's default for its type.
	CommentStatus, PingStatus *string
	Date                      *PostDate
	// FromMoment derives the wall clock of a post without a Date from its
	// instant, in the current time zone of the blog (wp.editPost).
	FromMoment bool
	// Sticky keeps a post at the top of the home page. It is not allowed for
	// private posts and those with a password.
	Sticky *bool
	// Format is a post format; "", "standard" and unknown ones mean none.
	Format *string
	// Thumbnail is the attachment that illustrates the post, or 0 for none.
	Thumbnail *int64
	// Alt is the text that takes the place of an attached picture.
	Alt *string
	// Template is the page template, "default" or "" for none.
	Template *string

	// Terms replaces the terms of the taxonomies that it names, by the rules of
	// wp.newPost.
	Terms []TermChoice
	// Categories replaces the categories, by the rules of metaWeblog and
	// Blogger: unknown ids are ignored, and an empty list means the default
	// category.
	Categories *[]int64
	// Tags replaces the tags by name, by the rules of metaWeblog: new ones are
	// created whatever the caller's role, unless the scope of the key does not
	// allow creating terms (*Denied).
	Tags *[]string

	CustomFields []FieldEdit
	Enclosure    *Enclosure

	// IfNotModifiedSince refuses the edit with ErrConflict if the post was
	// changed after this time.
	IfNotModifiedSince *time.Time
	// FirstRevision gives a new post a revision at once. Posts of wp.newPost,
	// wp.newPage and metaWeblog.newPost have one, those of blogger.newPost do
	// not.
	FirstRevision bool
}

// Errors of posts in addition to Denied, Invalid and ErrNotFound.
var (
	// ErrEmptyPost means that a post would have no title, text or excerpt.
	ErrEmptyPost = errors.New("empty post")
	// ErrNoAuthor means that the desired author does not exist. It is an
	// ErrNotFound.
	ErrNoAuthor = fmt.Errorf("author: %w", ErrNotFound)
	// ErrNoThumbnail means that the desired thumbnail does not exist. It is an
	// ErrNotFound.
	ErrNoThumbnail = fmt.Errorf("thumbnail: %w", ErrNotFound)
)

// CreatePost creates a post and returns its id. Denied, Invalid (an unknown
// type or term), ErrEmptyPost, ErrNoAuthor and ErrNoThumbnail refuse the whole
// post. For a repeated request the error is *Repeated.
func (s *Site) CreatePost(ctx context.Context, who auth.Identity, e PostEdit) (int64, error) {
	return s.save(ctx, who, 0, e)
}

// EditPost changes a post, page or attachment. Its errors are those of
// CreatePost, ErrNotFound and ErrConflict.
func (s *Site) EditPost(ctx context.Context, who auth.Identity, id int64, e PostEdit) error {
	if id <= 0 {
		return ErrNotFound
	}
	_, err := s.save(ctx, who, id, e)
	return err
}

// edit is one write of a post: the existing post, the desired changes, and the
// result.
type edit struct {
	PostEdit
	s      *Site
	tx     *database.Tx
	who    auth.Identity
	opts   *options.Values
	now    time.Time
	author bool // the desired author exists

	old   *Post // nil for a new post; its large texts are not read, and empty here and in post
	whole bool  // old has no large texts
	begun Post  // the automatic draft of a new post, if its caller may create it
	post  Post  // as it will be
	terms map[string][]int64
}

func (s *Site) save(ctx context.Context, who auth.Identity, id int64, e PostEdit) (int64, error) {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return 0, err
	}
	author, err := s.authorExists(ctx, e.Author)
	if err != nil {
		return 0, err
	}
	e.filterTexts(who)
	var saved, begun Post
	write := func(tx *database.Tx) (int64, error) {
		var w *edit
		err := withTerms(ctx, tx, func() error {
			w = &edit{PostEdit: e, s: s, tx: tx, who: who, opts: opts, now: s.now(), author: author}
			return w.run(ctx, id)
		})
		saved, begun = w.post, w.begun
		return w.post.ID, err
	}
	if id == 0 {
		err = s.create(ctx, who, e.locks(), write)
	} else {
		err = s.db.Write(ctx, []database.Lock{postLock(id)}, func(tx *database.Tx) error {
			_, err := write(tx)
			return err
		})
	}
	if err != nil {
		if begun.Status == StatusAutoDraft && refused(err) {
			err = errors.Join(err, s.leaveAutoDraft(ctx, begun))
		}
		return 0, fmt.Errorf("save a post: %w", err)
	}
	if saved.Status == StatusFuture {
		s.scheduler.wake()
	}
	return saved.ID, nil
}

// locks returns the locks that a new post foreseeably needs. Waiting for them
// at the beginning costs nothing.
func (e *PostEdit) locks() []database.Lock {
	slug := ""
	switch {
	case e.Status == nil || Floating(*e.Status):
	case e.Name != nil && *e.Name != "":
		slug = givenSlug(*e.Name)
	case e.Title != nil:
		slug = markup.Slug(*e.Title)
	}
	if slug == "" {
		return nil
	}
	return []database.Lock{slugLock(slug)}
}

func (w *edit) run(ctx context.Context, id int64) error {
	if id != 0 {
		old, err := readPost(ctx, w.tx, id)
		if err != nil {
			return err
		}
		w.old, w.whole = &old.Post, old.whole()
	}
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.merge(); err != nil {
		return err
	}
	if err := w.nameTags(ctx); err != nil { // before the automatic draft: WordPress has no such refusal
		return err
	}
	if w.old == nil && w.FirstRevision {
		w.begun = w.autoDraft()
	}
	if err := w.checkSticky(); err != nil {
		return err
	}
	if err := w.checkThumbnail(ctx); err != nil {
		return err
	}
	if err := w.chooseTerms(ctx); err != nil {
		return err
	}
	if err := w.checkParent(ctx); err != nil {
		return err
	}
	if err := w.checkEmpty(ctx); err != nil {
		return err
	}
	return w.write(ctx)
}

// begin checks that the caller may write this post, and starts from its current
// state.
func (w *edit) begin() error {
	if w.old == nil {
		w.post = Post{Type: TypePost, Status: StatusDraft, Author: w.who.User.ID}
		if w.Type != nil {
			w.post.Type = *w.Type
		}
		t, known := postTypeNamed(w.post.Type)
		if !known || w.post.Type != TypePost && w.post.Type != TypePage {
			return errPostType
		}
		if !may(w.who, t.rights.create) || !may(w.who, t.rights.edit.own) {
			return &Denied{Action: "create posts of this type"}
		}
		return nil
	}
	w.post = *w.old
	if w.Type != nil {
		if _, known := postTypeNamed(*w.Type); !known {
			return errPostType
		}
	}
	switch {
	case !w.s.CanEdit(w.who, w.old):
		return &Denied{Action: "edit this post"}
	case w.old.Type == TypeRevision:
		return &Denied{Action: "edit a revision"}
	// WordPress's wp.editPost reports a conflict before it checks rights, even
	// for drafts of others.
	case w.IfNotModifiedSince != nil && w.s.ModifiedMoment(w.old).After(*w.IfNotModifiedSince):
		return ErrConflict
	case w.Type != nil && *w.Type != w.old.Type:
		return &Denied{Action: "change the type of a post"}
	}
	return nil
}

// merge applies the desired changes, as far as the caller's rights allow.
func (w *edit) merge() error {
	p := &w.post
	if w.Status != nil {
		p.Status = knownStatus(p.Type, *w.Status)
	}
	publish := w.s.CanPublish(w.who, p.Type)
	if !publish && (p.Status == StatusPublish || p.Status == StatusFuture || p.Status == StatusPrivate) {
		return &Denied{Action: "publish posts of this type"}
	}
	if w.old != nil && w.old.Status == StatusPrivate {
		p.Password = "" // an earlier version may have stored one
	}
	set(&p.Password, w.Password)
	if p.Password != "" && !publish {
		return &Denied{Action: "protect posts of this type by a password"}
	}
	p.DropPrivatePassword()
	if err := w.mergeAuthor(); err != nil {
		return err
	}
	set(&p.Title, w.Title)
	set(&p.Content, w.Content)
	set(&p.Excerpt, w.Excerpt)
	set(&p.Parent, w.Parent)
	set(&p.MenuOrder, w.MenuOrder)
	if w.old == nil {
		p.CommentStatus, p.PingStatus = Discussion(w.opts, p.Type)
	}
	set(&p.CommentStatus, openOrClosed(w.CommentStatus))
	set(&p.PingStatus, openOrClosed(w.PingStatus))
	if w.FromMoment && w.Date == nil && w.old != nil && w.old.DateGMT != nil {
		w.Date = &PostDate{Time: *w.old.DateGMT}
	}
	p.setDate(w.Date, w.old, w.opts, w.now)
	w.stampModified()
	return nil
}

func (w *edit) mergeAuthor() error {
	if w.Author == nil {
		return nil
	}
	if *w.Author == 0 || *w.Author == w.who.User.ID {
		w.post.Author = w.who.User.ID
		return nil
	}
	if w.old != nil && *w.Author == w.old.Author {
		return nil
	}
	if !w.s.CanEditOthers(w.who, w.post.Type) {
		return &Denied{Action: "create posts as this user"}
	}
	if !w.author {
		return ErrNoAuthor
	}
	w.post.Author = *w.Author
	return nil
}

// stampModified sets the time of the last change. As in WordPress, for a post
// without an automatic draft it is that of its date.
func (w *edit) stampModified() {
	p := &w.post
	if w.old == nil && !w.FirstRevision {
		p.Modified, p.ModifiedGMT = p.Date, p.DateGMT
		return
	}
	p.Modified, p.ModifiedGMT = w.opts.Local(w.now), &w.now
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func openOrClosed(s *string) *string {
	if s != nil && (*s == "open" || *s == "closed") {
		return s
	}
	return nil
}

// Discussion returns whether comments and pings are open for a new post of the
// type.
func Discussion(o *options.Values, postType string) (comments, pings string) {
	if postType != TypePost {
		return "closed", "closed"
	}
	return o.Text("default_comment_status"), o.Text("default_ping_status")
}

// knownStatus returns the status, or draft if such a post cannot have it.
func knownStatus(postType, status string) string {
	if postType == TypeAttachment {
		if status == StatusPrivate || status == StatusTrash {
			return status
		}
		return StatusInherit
	}
	switch status {
	case StatusPublish, StatusFuture, StatusDraft, StatusPending, StatusPrivate, StatusTrash:
		return status
	}
	return StatusDraft
}

// empty reports whether there is nothing to read; "0" counts as nothing. Pages
// have no excerpt in WordPress, and may be empty there.
func (p *Post) empty() bool {
	blank := func(s string) bool { return s == "" || s == "0" }
	return p.Type == TypePost && blank(p.Title) && blank(p.Content) && blank(p.Excerpt)
}

// checkEmpty refuses a post without anything to read. A large text that the
// edit does not change was not read, but counts.
func (w *edit) checkEmpty(ctx context.Context) error {
	if !w.post.empty() {
		return nil
	}
	kept := false
	if w.old != nil && !w.whole {
		err := w.tx.Get(ctx, &kept, `SELECT $2 AND octet_length(title) > 1 OR $3 AND octet_length(content) > 1 OR $4 AND octet_length(excerpt) > 1
			FROM posts WHERE id = $1`, w.old.ID, w.Title == nil, w.Content == nil, w.Excerpt == nil)
		if err != nil {
			return fmt.Errorf("look for the texts of post %d: %w", w.old.ID, err)
		}
	}
	if !kept {
		return ErrEmptyPost
	}
	return nil
}

func (w *edit) checkSticky() error {
	p := &w.post
	if p.Type != TypePost {
		return nil
	}
	switch {
	case p.Status == StatusPrivate || p.Password != "":
		if w.Sticky != nil && *w.Sticky {
			return &Denied{Action: "stick a private post"}
		}
		p.Sticky = false
	case w.Sticky != nil:
		if !w.s.CanEditOthers(w.who, TypePost) {
			return &Denied{Action: "make posts sticky"}
		}
		p.Sticky = *w.Sticky
	}
	if p.Status == StatusTrash {
		p.Sticky = false
	}
	return nil
}

// checkThumbnail sets Thumbnail to the id of an image, or 0.
func (w *edit) checkThumbnail(ctx context.Context) error {
	if w.Thumbnail == nil || *w.Thumbnail == 0 {
		return nil
	}
	var mime string
	err := w.tx.Get(ctx, &mime, `SELECT CASE type WHEN 'attachment' THEN mime_type ELSE '' END FROM posts WHERE id = $1`, *w.Thumbnail)
	if errors.Is(err, database.ErrNoRows) {
		return ErrNoThumbnail
	}
	if err != nil {
		return fmt.Errorf("look for the thumbnail: %w", err)
	}
	if len(mime) < 6 || mime[:6] != "image/" {
		w.Thumbnail = new(int64(0)) // as in WordPress, a file that is not an image removes the current one
	}
	return nil
}

// checkParent breaks a loop of parents by removing the parent of the post.
func (w *edit) checkParent(ctx context.Context) error {
	p := &w.post
	if p.Parent < 0 || w.old == nil || p.Parent == 0 || w.old.Parent == p.Parent {
		p.Parent = max(p.Parent, 0)
		return nil
	}
	seen := []int64{p.ID}
	for at := p.Parent; at != 0; {
		if slices.Contains(seen, at) {
			p.Parent = 0
			return nil
		}
		seen = append(seen, at)
		err := w.tx.Get(ctx, &at, `SELECT parent FROM posts WHERE id = $1`, at)
		if errors.Is(err, database.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow the parents of post %d: %w", p.ID, err)
		}
	}
	return nil
}

// nameTags finds or creates the desired tags by name.
func (w *edit) nameTags(ctx context.Context) error {
	w.terms = make(map[string][]int64)
	if w.Tags == nil {
		return nil
	}
	ids, err := tagsNamed(ctx, w.tx, w.who, *w.Tags)
	w.terms[PostTag] = ids
	return err
}

// chooseTerms determines the terms of the post in those taxonomies that change.
func (w *edit) chooseTerms(ctx context.Context) error {
	if w.Categories != nil {
		w.terms[Category] = *w.Categories
	}
	chosen, err := w.s.chooseTerms(ctx, w.tx, w.who, w.post.Type, w.Terms)
	if err != nil {
		return err
	}
	for taxonomy, ids := range chosen {
		w.terms[taxonomy] = ids
	}
	if w.post.Type != TypePost {
		clear(w.terms)
		return nil
	}
	return w.chooseDefaults(ctx, chosen)
}

// chooseDefaults gives the default category to a post without categories,
// unless the client has chosen by id or sent the status auto-draft: such posts
// have none in WordPress, and stay drafts here.
func (w *edit) chooseDefaults(ctx context.Context, chosen map[string][]int64) error {
	automatic := w.Status != nil && *w.Status == StatusAutoDraft
	if _, ok := chosen[Category]; !ok && !automatic && w.post.Status != StatusAutoDraft {
		had := 0
		if w.Categories != nil {
			had = len(*w.Categories)
		} else if w.old != nil {
			err := w.tx.Get(ctx, &had, `SELECT COUNT(*) FROM post_terms pt JOIN terms t ON t.id = pt.term_id WHERE pt.post_id = $1 AND t.taxonomy = 'category'`, w.old.ID)
			if err != nil {
				return fmt.Errorf("count the categories of post %d: %w", w.old.ID, err)
			}
		}
		if had == 0 {
			w.terms[Category] = []int64{w.opts.Int("default_category")}
		}
	}
	if w.Format != nil {
		id, err := formatTerm(ctx, w.tx, *w.Format)
		if err != nil {
			return err
		}
		w.terms[PostFormat] = id
	}
	return nil
}

// formatTerm finds or creates the term of a post format; the standard format
// and unknown ones have none.
func formatTerm(ctx context.Context, tx *database.Tx, format string) ([]int64, error) {
	if !slices.Contains(options.PostFormats, format) {
		return nil, nil
	}
	slug := formatPrefix + format
	bySlug, err := termsOfSlugs(ctx, tx, PostFormat, []string{slug})
	if err != nil {
		return nil, err
	}
	if id, ok := bySlug[slug]; ok {
		return []int64{id}, nil
	}
	tax, err := taxonomyNamed(PostFormat)
	if err != nil {
		return nil, err
	}
	t, err := createTerm(ctx, tx, tax, NewTerm{Taxonomy: PostFormat, Name: slug})
	if err != nil {
		return nil, err
	}
	return []int64{t.ID}, nil
}

// authorExists reports whether the desired author is a user.
func (s *Site) authorExists(ctx context.Context, author *int64) (bool, error) {
	if author == nil || *author <= 0 {
		return false, nil
	}
	_, err := s.users.Get(ctx, *author)
	if errors.Is(err, auth.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for user %s: %w", strconv.FormatInt(*author, 10), err)
	}
	return true, nil
}
