package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/desk"
	"github.com/quillgate/quillgate/notices"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// openBlogEntrance opens the parts of a blog: the WordPress API, the pages for
// visitors, the account pages, the files.
func openBlogEntrance(s *Server) (Entrance, error) {
	cfg, blog := s.cfg, s.cfg.Blog
	pings := pingback.New(pingback.Config{Site: blog.Site, Logger: cfg.Logger})
	api := wordpress.New(wordpress.Config{Site: blog.Site, Users: blog.Users, Apps: blog.Apps, Pings: pings, Clock: cfg.Clock, Logger: cfg.Logger})
	calls, err := s.Endpoint(Calls{Methods: api.Methods(), Fault: api.Fault})
	if err != nil {
		return Entrance{}, err
	}
	contents, err := desk.New(desk.Config{Site: blog.Site, Users: blog.Users})
	if err != nil {
		return Entrance{}, err
	}
	run := []func(context.Context){blog.Site.Run, blog.Media.Run, pings.Run}
	var links *profiles.Mail
	if cfg.Mail != nil {
		told := notices.New(notices.Config{DB: blog.DB, Users: blog.Users, Site: blog.Site, Send: cfg.Mail.Send, Clock: cfg.Clock, Logger: cfg.Logger})
		links = &profiles.Mail{Reset: told.AskReset, Invite: told.Invite}
		blog.Site.OnComment(told.Comment)
		run = append(run, told.Run)
		s.metrics.mail(told.Outbox())
	}
	account, rows, err := s.Profiles(Pages{Surroundings: blog.surroundings, Settings: blog.settings(), Section: contents, DeleteUser: blog.DeleteUser, Mail: links})
	if err != nil {
		return Entrance{}, err
	}
	pages, err := public.New(public.Config{
		Site: blog.Site, Logger: cfg.Logger, Off: cfg.EndpointOnly, Theme: cfg.Theme, Icon: profiles.IconPath,
		Unavailable: database.Outage,
		ClientAddr:  func(r *http.Request) netip.Addr { return ClientOf(r.Context()).Addr },
		Visitor:     account.Visitor,
	})
	if err != nil {
		return Entrance{}, err
	}
	e := blogEntrance{home: blog.Site.BaseURL(), api: api, pages: pages, calls: calls, uploads: blog.Media.Handler(site.UploadsPath, blog.redirect)}
	return Entrance{Routes: append(e.routes(), rows...), Run: run}, nil
}

// blogEntrance serves a blog.
type blogEntrance struct {
	home    string // its address
	api     *wordpress.API
	pages   *public.Pages
	calls   *xmlrpc.Handler[*auth.Request]
	uploads http.Handler
}

// routes returns the routes of a blog, without the account pages.
func (e blogEntrance) routes() []Route {
	rows := []struct {
		name, path string
		handler    http.HandlerFunc
	}{
		{"xmlrpc", site.EndpointPath, e.endpoint},
		{"uploads", site.UploadsPath, e.uploads.ServeHTTP},
		{"manifest", "/wp-includes/wlwmanifest.xml", e.pages.Manifest},
		{"manifest", "/wlwmanifest.xml", e.pages.Manifest}, // where Open Live Writer looks first
		{"keys", "/.well-known/quillgate", e.api.WellKnown},
		{"rest", "/wp-json", e.pages.NoREST},
		{"rest", "/wp-json/", e.pages.NoREST},
		{"sign-in", "/wp-login.php", e.toPage},
		{"sign-in", "/wp-admin/", e.toPage},
		{"sign-in", "/wp-admin", e.toPage},
		{"sign-in", "/.well-known/change-password", e.toPage},
		{"style", "/style.css", e.pages.Style},
		{"theme", "/theme/", e.pages.ThemeFile},
		{"icon", "/favicon.ico", e.pages.Favicon},
		{"comment", "/wp-comments-post.php", e.pages.Comment},
		{"unlock", "/wp-pass.php", e.pages.Unlock},
		{"robots", "/robots.txt", e.pages.Robots},
		{"sitemap", "/wp-sitemap.xml", e.pages.Sitemap},
		{"sitemap", "/sitemap.xml", e.pages.Sitemap},
		{"pages", "/", e.visitors},
	}
	var out []Route
	for _, row := range rows {
		out = append(out, Route{row.name, row.path, row.handler})
	}
	return out
}

// endpoint serves XML-RPC. It also serves the discovery document on request,
// whatever the method and the body.
func (e blogEntrance) endpoint(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery == "rsd" || r.URL.Query().Has("rsd") {
		e.pages.RSD(w, r)
		return
	}
	e.calls.ServeHTTP(w, r)
}

// visitors serves the pages of the blog, and answers requests for WordPress's
// REST interface at any of their addresses.
func (e blogEntrance) visitors(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("rest_route") {
		recordOf(r.Context()).route = "rest"
		e.pages.NoREST(w, r)
		return
	}
	e.pages.Home(w, r)
}

// pagesHere maps addresses of WordPress to the pages that do the same here:
// those in the answer to wp.getOptions (login_url, admin_url), those that
// people have as bookmarks, and the one of
// https://www.w3.org/TR/change-password-url/.
var pagesHere = map[string]string{
	"/wp-login.php": "/signin", "/wp-admin": "/profile", "/wp-admin/": "/profile", "/wp-admin/index.php": "/profile",
	"/wp-admin/edit-comments.php": "/admin/comments", "/wp-admin/edit.php": "/admin/posts", "/wp-admin/upload.php": "/admin/media",
	"/wp-admin/users.php": "/admin/users", "/wp-admin/options-general.php": "/admin/settings", "/wp-admin/profile.php": "/profile/account",
	"/wp-admin/options-permalink.php": "/admin/settings", "/wp-admin/options-media.php": "/admin/settings", "/wp-admin/options-discussion.php": "/admin/settings",
	"/.well-known/change-password": "/profile/security",
}

// toPage redirects from an address of WordPress to the corresponding page.
func (e blogEntrance) toPage(w http.ResponseWriter, r *http.Request) {
	to, known := pagesHere[r.URL.Path]
	if !known || r.Method != http.MethodGet && r.Method != http.MethodHead {
		e.visitors(w, r)
		return
	}
	if to == "/admin/posts" && r.URL.Query().Get("post_type") == "page" {
		to = "/admin/pages"
	}
	http.Redirect(w, r, e.home+to, http.StatusSeeOther)
}

// surroundings returns the description of the blog for the account pages.
func (b *Blog) surroundings(ctx context.Context) (profiles.Surroundings, error) {
	opts, err := b.Site.Options().Current(ctx)
	if err != nil {
		return profiles.Surroundings{}, err
	}
	return profiles.Surroundings{Title: opts.Title(), Zone: opts.Location()}, nil
}

// openOrClosed and commenters are the values of options, in words.
var (
	openOrClosed = []profiles.Choice{{Value: "open", Label: "Open"}, {Value: "closed", Label: "Closed"}}
	commenters   = []profiles.Choice{
		{Value: options.CommentersNobody, Label: "No one"},
		{Value: options.CommentersUsers, Label: "Users who are signed in"},
		{Value: options.CommentersAnybody, Label: "Anyone"},
	}
)

// blogSettings are the options on the settings page, in its order. All others
// can be set on the command line.
var blogSettings = []profiles.Field{
	{Name: "blog_title", Label: "Blog title", Kind: "text"},
	{Name: "blog_tagline", Label: "Tagline, a few words", Kind: "text"},
	{Name: "timezone_string", Label: "Time zone", Kind: "zone"},
	{
		Name: "permalink_structure", Label: "Addresses of posts", Kind: "choice", Choices: permalinks, Other: "/",
		Hint: "After a change, former addresses of these shapes still lead to their posts, and so do others that have the name of the post.",
	},
	{Name: "default_comment_status", Label: "Comments on new posts", Kind: "one", Of: openOrClosed},
	{Name: options.WhoMayComment, Label: "Who may comment", Kind: "one", Of: commenters},
	{Name: "comment_moderation", Label: "Hold every comment for review", Kind: "flag"},
	{Name: "comment_max_links", Label: "Hold a comment for review if it has this many links or more", Kind: "number"},
	{Name: "comments_notify", Label: "E-mail authors about new comments on their posts", Kind: "flag"},
	{Name: "moderation_notify", Label: "E-mail moderators about comments held for review", Kind: "flag"},
	{Name: "admin_email", Label: "Moderators' e-mail address (empty: all administrators)", Kind: "text"},
	{Name: "pingback", Label: "Accept pingbacks from pages that link here", Kind: "flag"},
	{Name: "pingback_send", Label: "Send pingbacks to the pages that a post links to", Kind: "flag"},
	{Name: "thumbnail_size_w", Label: "Thumbnails: width in pixels", Kind: "number", Hint: "Sizes apply to pictures that are uploaded from now on. 0 means no limit; a size without limits is not made."},
	{Name: "thumbnail_size_h", Label: "Thumbnails: height in pixels", Kind: "number"},
	{Name: "thumbnail_crop", Label: "Crop thumbnails to exactly this size", Kind: "flag"},
	{Name: "medium_size_w", Label: "Medium pictures: largest width in pixels", Kind: "number"},
	{Name: "medium_size_h", Label: "Medium pictures: largest height in pixels", Kind: "number"},
	{Name: "large_size_w", Label: "Large pictures: largest width in pixels", Kind: "number"},
	{Name: "large_size_h", Label: "Large pictures: largest height in pixels", Kind: "number"},
	{Name: "blog_public", Label: "Let search engines list the blog", Kind: "flag"},
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
	return &profiles.Settings{
		Title: "The blog", Fields: blogSettings, TitleField: "blog_title", ZoneField: "timezone_string",
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
			for _, f := range blogSettings {
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
