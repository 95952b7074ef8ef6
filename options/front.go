package options

import (
	"cmp"
	"context"
	"errors"

	"github.com/quillgate/quillgate/database"
)

// Options about what visitors see, with WordPress's names.
const (
	PostsPerPage = "posts_per_page" // of the home page, archives and searches
	PostsPerFeed = "posts_per_rss"
	ShowOnFront  = "show_on_front"  // FrontPosts or FrontOnePage
	PageOnFront  = "page_on_front"  // the page that is the home page
	PageForPosts = "page_for_posts" // the page whose address shows the posts then
	SiteIcon     = "site_icon"      // the picture that browsers show next to the title
	Language     = "WPLANG"         // of the posts
)

// The values of ShowOnFront.
const (
	FrontPosts   = "posts"
	FrontOnePage = "page"
)

// mostPosts is the largest number of posts on a page or in a feed.
const mostPosts = 100

// referred describes the object of options that hold an id.
var referred = map[kind]string{
	kindPage:     "0 or the number of a published page",
	kindPicture:  "0 or the number of an uploaded picture",
	kindCategory: "the number of a category",
}

// Referents finds out whether there is what an option refers to, in a
// transaction.
type Referents interface {
	PublishedPage(ctx context.Context, q database.Queryer, id int64) (bool, error)
	Picture(ctx context.Context, q database.Queryer, id int64) (bool, error)
	Category(ctx context.Context, q database.Queryer, id int64) (bool, error)
}

// errSamePage refuses a page for both purposes.
var errSamePage = &Invalid{PageForPosts, "must be another page than the front page"}

// checkReferents returns an *Invalid if one of the values refers to what is not
// there. Values that are stored already are not checked again: their page may
// have been deleted.
func (s *Store) checkReferents(ctx context.Context, q database.Queryer, now *Values, values map[string]string) error {
	after := now.With(values)
	for name, value := range values {
		id := after.Int(name)
		if s.Referents == nil || value == now.Text(name) || id == 0 && table[name].kind != kindCategory {
			continue
		}
		exists := s.Referents.Picture
		switch table[name].kind {
		case kindPage:
			exists = s.Referents.PublishedPage
		case kindPicture:
		case kindCategory:
			exists = s.Referents.Category
		default:
			continue
		}
		there, err := exists(ctx, q, id)
		if err != nil {
			return err
		}
		if !there {
			return &Invalid{name, "must be " + referred[table[name].kind]}
		}
	}
	if front := after.Int(PageOnFront); front != 0 && front == after.Int(PageForPosts) && now.Int(PageForPosts) != now.Int(PageOnFront) {
		return errSamePage
	}
	return nil
}

// refused returns the *Invalid of an error, nil for another one.
func refused(err error) *Invalid {
	var invalid *Invalid
	errors.As(err, &invalid)
	return invalid
}

// Count returns the value of an option for the number of posts on a page or in
// a feed.
func (o *Values) Count(name string) int { return int(min(max(o.Int(name), 1), mostPosts)) }

// FrontPage returns the id of the page that is the home page, 0 if the posts
// are. The page may have been deleted since.
func (o *Values) FrontPage() int64 {
	if o.Text(ShowOnFront) != FrontOnePage {
		return 0
	}
	return o.Int(PageOnFront)
}

// PostsPage returns the id of the page whose address shows the posts, 0 for
// none.
func (o *Values) PostsPage() int64 {
	if o.Text(ShowOnFront) != FrontOnePage {
		return 0
	}
	return o.Int(PageForPosts)
}

// Language returns the language tag of the posts.
func (o *Values) Language() string { return cmp.Or(o.Text(Language), "en") }
