package server

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/desk"
	"github.com/quillgate/quillgate/notices"
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
