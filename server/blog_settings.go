package server

import (
	"context"
	"errors"
	"html"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/site"
)

// openOrClosed, commenters and fronts are the values of options, in words.
var (
	openOrClosed = []profiles.Choice{{Value: "open", Label: "Open"}, {Value: "closed", Label: "Closed"}}
	commenters   = []profiles.Choice{
		{Value: options.CommentersNobody, Label: "No one"},
		{Value: options.CommentersUsers, Label: "Users who are signed in"},
		{Value: options.CommentersAnybody, Label: "Anyone"},
	}
	fronts = []profiles.Choice{{Value: options.FrontPosts, Label: "The newest posts"}, {Value: options.FrontOnePage, Label: "A page, chosen below"}}
)

// settingFields returns the options on the settings page, in its order. All
// others can be set on the command line.
func (b *Blog) settingFields() []profiles.Field {
	return []profiles.Field{
		{Name: "blog_title", Label: "Blog title", Kind: "text"},
		{Name: "blog_tagline", Label: "Tagline, a few words", Kind: "text"},
		{Name: options.SiteIcon, Label: "Icon of the blog", Kind: "list", List: b.icons, Hint: "Browsers show it next to the title. A square picture is best."},
		{Name: options.Language, Label: "Language of the posts", Kind: "list", List: languages, Hint: "For browsers, screen readers and feed readers. The texts of the theme stay English."},
		{Name: "timezone_string", Label: "Time zone", Kind: "zone"},
		b.addressField(),
		{Name: "blog_public", Label: "Let search engines list the blog", Kind: "flag"},

		{Name: options.ShowOnFront, Section: "What visitors read", Label: "The home page shows", Kind: "one", Of: fronts},
		{Name: options.PageOnFront, Label: "Page that is the home page", Kind: "list", List: b.pages},
		{Name: options.PageForPosts, Label: "Page that shows the posts", Kind: "list", List: b.pages, Hint: "These two apply only if the home page shows a page."},
		{Name: options.PostsPerPage, Label: "Posts on a page", Kind: "number"},
		{Name: options.PostsPerFeed, Label: "Posts in a feed", Kind: "number"},
		{
			Name: "permalink_structure", Label: "Addresses of posts", Kind: "choice", Choices: permalinks, Other: "/",
			Hint: "After a change, former addresses of these shapes still lead to their posts, and so do others that have the name of the post.",
		},

		{Name: "default_comment_status", Section: "Comments", Label: "Comments on new posts", Kind: "one", Of: openOrClosed},
		{Name: options.WhoMayComment, Label: "Who may comment", Kind: "one", Of: commenters},
		{Name: "require_name_email", Label: "Visitors must give a name and an e-mail address", Kind: "flag"},
		{Name: "comment_moderation", Label: "Hold every comment for review", Kind: "flag"},
		{Name: "comment_previously_approved", Label: "Hold a comment for review unless one by its author was approved before", Kind: "flag"},
		{Name: "comment_max_links", Label: "Hold a comment for review if it has this many links or more", Kind: "number"},
		{Name: "moderation_keys", Label: "Hold a comment for review if it contains one of these", Kind: "lines", Hint: "Words or parts of words, addresses or names, one on each line."},
		{Name: "disallowed_keys", Label: "Move a comment to the trash if it contains one of these", Kind: "lines", Hint: "One on each line, as above."},
		{Name: "thread_comments", Label: "Let visitors reply to comments", Kind: "flag"},
		{Name: "thread_comments_depth", Label: "Levels of replies", Kind: "number"},
		{Name: "comments_notify", Label: "E-mail authors about new comments on their posts", Kind: "flag"},
		{Name: "moderation_notify", Label: "E-mail moderators about comments held for review", Kind: "flag"},
		{Name: "admin_email", Label: "Moderators' e-mail address (empty: all administrators)", Kind: "email"},
		{Name: "pingback", Label: "Accept pingbacks from pages that link here", Kind: "flag"},
		{Name: "pingback_send", Label: "Send pingbacks to the pages that a post links to", Kind: "flag"},

		{
			Name: "thumbnail_size_w", Section: "Sizes of pictures", Label: "Thumbnails: width in pixels", Kind: "number",
			Hint: "Sizes apply to pictures that are uploaded from now on. 0 means no limit; a size without limits is not made.",
		},
		{Name: "thumbnail_size_h", Label: "Thumbnails: height in pixels", Kind: "number"},
		{Name: "thumbnail_crop", Label: "Crop thumbnails to exactly this size", Kind: "flag"},
		{Name: "medium_size_w", Label: "Medium pictures: largest width in pixels", Kind: "number"},
		{Name: "medium_size_h", Label: "Medium pictures: largest height in pixels", Kind: "number"},
		{Name: "large_size_w", Label: "Large pictures: largest width in pixels", Kind: "number"},
		{Name: "large_size_h", Label: "Large pictures: largest height in pixels", Kind: "number"},
	}
}

// addressField returns the field for the address of the blog, and where the
// present one comes from.
func (b *Blog) addressField() profiles.Field {
	f := profiles.Field{Name: options.Address, Label: "Address of the blog", Kind: "url", Present: b.Site.BaseURL()}
	switch b.addressFrom {
	case fromOperator:
		f.Kind, f.Hint = "fixed", "It was given when the server was started: as --base-url, as QUILLGATE_BASE_URL or in the settings file."
	case fromOption:
		f.Hint = "Another one takes effect when the server is restarted. If that is on another host, run “quillgate relocate --moved” before. An https:// address needs TLS or a trusted proxy: without them, nobody can sign in."
	default:
		f.Hint = "It follows from the address that the server listens on. Enter the one that visitors use; it takes effect when the server is restarted. An https:// address needs TLS or a trusted proxy: without them, nobody can sign in."
	}
	return f
}

// permalinks returns the usual structures of addresses, with the address that a
// post of that moment has.
func permalinks(at time.Time) []profiles.Choice {
	var list []profiles.Choice
	for _, shape := range permalink.Shapes {
		list = append(list, profiles.Choice{Value: shape.Structure, Label: shape.Name, Example: permalink.Example(shape.Structure, at)})
	}
	return list
}

// settings returns the options of the blog for the settings page.
func (b *Blog) settings() *profiles.Settings {
	fields := b.settingFields()
	asked := options.Address
	if b.addressFrom == fromOperator {
		asked = ""
	}
	return &profiles.Settings{
		AddressField: asked, AddressProblem: options.AddressProblem,
		Title: "The blog", Fields: fields, TitleField: "blog_title", ZoneField: "timezone_string",
		Fresh: func(ctx context.Context) (bool, error) {
			opts, err := b.Site.Options().Current(ctx)
			return err == nil && !opts.Has("blog_title") && !opts.Has("timezone_string"), err
		},
		Values: func(ctx context.Context) (map[string]string, error) {
			opts, err := b.Site.Options().Current(ctx)
			if err != nil {
				return nil, err
			}
			values := make(map[string]string)
			for _, f := range fields {
				values[f.Name] = opts.Text(f.Name)
				if f.Kind == "flag" && !opts.Bool(f.Name) {
					values[f.Name] = ""
				}
			}
			if !permalink.Supported(values["permalink_structure"]) {
				values["permalink_structure"] = "" // posts have plain addresses then
			}
			values["blog_title"], values["blog_tagline"] = opts.Title(), opts.Tagline() // plain text
			return values, nil
		},
		Set: func(ctx context.Context, who auth.Identity, values map[string]string) ([]profiles.Invalid, error) {
			refused, err := b.Site.Options().SetAll(ctx, who, values)
			if errors.Is(err, options.ErrDenied) {
				return nil, profiles.ErrForbidden
			}
			var bad []profiles.Invalid
			for _, r := range refused {
				bad = append(bad, profiles.Invalid{Field: r.Name, Why: r.Why})
			}
			return bad, err
		},
	}
}

// listed bounds the pages and pictures that a field offers.
const listed = 200

// offered returns the choice of no page or picture, and those of a list.
func offered[T any](none string, found iter.Seq2[[]T, error], label func(T) (id int64, text string)) ([]profiles.Choice, error) {
	list := []profiles.Choice{{Value: "0", Label: none}}
	for page, err := range found {
		if err != nil {
			return nil, err
		}
		for _, one := range page {
			id, text := label(one)
			list = append(list, profiles.Choice{Value: strconv.FormatInt(id, 10), Label: text})
		}
	}
	return list, nil
}

// chosen adds the current value to a list that lacks it.
func chosen(list []profiles.Choice, is, label string) []profiles.Choice {
	for _, c := range list {
		if c.Value == is {
			return list
		}
	}
	return append(list, profiles.Choice{Value: is, Label: label})
}

// pages lists the published pages.
func (b *Blog) pages(ctx context.Context, who auth.Identity, is string) ([]profiles.Choice, error) {
	found, err := b.Site.ListPosts(ctx, who, site.PostFilter{Type: site.TypePage, Statuses: []string{site.StatusPublish}, Limit: listed}, site.WithoutTexts)
	if err != nil {
		return nil, err
	}
	list, err := offered("None", found, func(p site.FullPost) (int64, string) { return p.ID, headed(p.Title, p.ID) })
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(is, 10, 64)
	if err != nil {
		return list, nil // Set refuses such a value
	}
	label := "Page " + is
	switch p, err := b.Site.GetPost(ctx, who, id, site.WithoutTexts); {
	case errors.Is(err, site.ErrNotFound):
		label += ", which was deleted (the home page shows the posts)"
	case err != nil:
		return nil, err
	default:
		label = headed(p.Title, p.ID)
		if p.Status != site.StatusPublish {
			label += " (not published, so the home page shows the posts)"
		}
	}
	return chosen(list, is, label), nil
}

// icons lists the newest pictures.
func (b *Blog) icons(ctx context.Context, who auth.Identity, is string) ([]profiles.Choice, error) {
	found, err := b.Site.ListAttachments(ctx, who, site.AttachmentFilter{MimeType: "image", Limit: listed})
	if err != nil {
		return nil, err
	}
	list, err := offered("The built-in icon", found, func(a site.Attachment) (int64, string) {
		return a.ID, headed(a.Title, a.ID) + " (" + a.File + ")"
	})
	if err != nil {
		return nil, err
	}
	return chosen(list, is, "Picture "+is), nil
}

// headed returns a title as readers see it, or a number if there is none.
func headed(title string, id int64) string {
	if text := strings.TrimSpace(html.UnescapeString(markup.WithoutElements(title))); text != "" {
		return text
	}
	return "Number " + strconv.FormatInt(id, 10)
}

// languages lists the languages that most blogs are written in, by their own
// names. Any other one can be set on the command line.
func languages(_ context.Context, _ auth.Identity, is string) ([]profiles.Choice, error) {
	list := []profiles.Choice{{Value: "", Label: "English"}}
	for _, l := range [][2]string{
		{"id", "Bahasa Indonesia"},
		{"ca", "Català"},
		{"cs", "Čeština"},
		{"da", "Dansk"},
		{"de", "Deutsch"},
		{"et", "Eesti"},
		{"en-AU", "English (Australia)"},
		{"en-CA", "English (Canada)"},
		{"en-GB", "English (United Kingdom)"},
		{"en-US", "English (United States)"},
		{"es", "Español"},
		{"eo", "Esperanto"},
		{"eu", "Euskara"},
		{"fr", "Français"},
		{"gl", "Galego"},
		{"hr", "Hrvatski"},
		{"is", "Íslenska"},
		{"it", "Italiano"},
		{"lv", "Latviešu"},
		{"lt", "Lietuvių"},
		{"hu", "Magyar"},
		{"nl", "Nederlands"},
		{"nb", "Norsk bokmål"},
		{"pl", "Polski"},
		{"pt", "Português"},
		{"pt-BR", "Português (Brasil)"},
		{"ro", "Română"},
		{"sk", "Slovenčina"},
		{"sl", "Slovenščina"},
		{"fi", "Suomi"},
		{"sv", "Svenska"},
		{"vi", "Tiếng Việt"},
		{"tr", "Türkçe"},
		{"el", "Ελληνικά"},
		{"bg", "Български"},
		{"ru", "Русский"},
		{"sr", "Српски"},
		{"uk", "Українська"},
		{"he", "עברית"},
		{"ar", "العربية"},
		{"fa", "فارسی"},
		{"hi", "हिन्दी"},
		{"bn", "বাংলা"},
		{"ta", "தமிழ்"},
		{"th", "ไทย"},
		{"ko", "한국어"},
		{"ja", "日本語"},
		{"zh-CN", "简体中文"},
		{"zh-TW", "繁體中文"},
	} {
		list = append(list, profiles.Choice{Value: l[0], Label: l[1]})
	}
	return chosen(list, is, is), nil
}
