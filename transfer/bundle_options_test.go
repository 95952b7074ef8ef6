package transfer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/transfer"
)

// A bundle may hold the two options that who_may_comment has replaced. They set
// it as well.
func TestBundleWithFormerOptions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		if err := b.Options().Set(t.Context(), options.WhoMayComment, options.CommentersNobody); err != nil {
			t.Fatal(err)
		}
		b.mustImport(t, `{"options": {"anonymous_comments": true, "comment_registration": false}}`)
		o, err := b.Options().Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{o.Commenters(), o.Text("who_may_comment"), o.Text("anonymous_comments"), o.Text("comment_registration")}
		if want := []string{"anybody", "anybody", "1", "0"}; !slices.Equal(got, want) {
			t.Errorf("after the import: %q, want %q", got, want)
		}
	})
}

// A bundle moves everything that visitors see: options of another server are
// accepted in their usual forms, and an export writes those of wp.getOptions.
func TestBundleWithOptionsOfPages(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		first := openBlog(t, db, nil)
		first.mustImport(t, readBundle(t))
		first.mustImport(t, `{"options": {
			"posts_per_page": -1, "posts_per_rss": "25", "show_on_front": "page", "page_on_front": "6", "page_for_posts": 12345,
			"WPLANG": "pt_BR", "site_icon": 8,
			"who_may_comment": "nobody", "comment_moderation": true, "comment_previously_approved": false, "comment_max_links": 7,
			"require_name_email": "0", "thread_comments": "", "thread_comments_depth": "3",
			"moderation_keys": "tide\nwave", "disallowed_keys": "pills"}}`)
		want := map[string]any{
			"posts_per_page": 100., "posts_per_rss": 25., "show_on_front": "page", "page_on_front": 6., "page_for_posts": 12345.,
			"WPLANG": "pt-BR", "site_icon": 8.,
			"who_may_comment": "nobody", "comment_moderation": 1., "comment_previously_approved": 0., "comment_max_links": 7.,
			"require_name_email": 0., "thread_comments": 0., "thread_comments_depth": 3.,
			"moderation_keys": "tide\nwave", "disallowed_keys": "pills",
		}
		check := func(text string) {
			t.Helper()
			all, got := parse(t, text)["options"].(map[string]any), map[string]any{}
			for name := range want {
				got[name] = all[name]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("options of the export (-want +got):\n%s", diff)
			}
		}
		text := first.export(t, transfer.ExportOptions{})
		check(text)

		second := openBlog(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
		second.mustImport(t, text)
		check(second.export(t, transfer.ExportOptions{}))
		o, err := second.Options().Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := []any{o.FrontPage(), o.PostsPage(), o.Count(options.PostsPerPage), o.Language(), o.Commenters()}
		if diff := cmp.Diff([]any{int64(6), int64(12345), 100, "pt-BR", "nobody"}, got); diff != "" {
			t.Errorf("after the import (-want +got):\n%s", diff)
		}
	})
}

// The address of the blog belongs to its server: no bundle brings it or takes
// it along.
func TestBundleWithoutAddress(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		const own = "https://blog.example"
		if err := b.Options().Set(t.Context(), options.Address, own); err != nil {
			t.Fatal(err)
		}
		report := b.mustImport(t, `{"options": {"blog_title": "Quay", "blog_address": "https://elsewhere.example"}}`)
		o, err := b.Options().Current(t.Context())
		if err != nil || o.Text(options.Address) != own || o.Title() != "Quay" {
			t.Errorf("after the import the address is %q and the title %q (%v)", o.Text(options.Address), o.Title(), err)
		}
		if note := "options: the address \"https://elsewhere.example\" was not taken over; this blog keeps its own"; !slices.Contains(report.Notes, note) {
			t.Errorf("the notes are %q, want %q", report.Notes, note)
		}
		if address, there := parse(t, b.export(t, transfer.ExportOptions{}))["options"].(map[string]any)[options.Address]; there {
			t.Errorf("the export has the address %v", address)
		}
	})
}

// A bundle with an option that cannot be changes nothing.
func TestBundleRefusesOptionsOfPages(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		before := b.dump(t, tables)
		for _, option := range []string{
			`"show_on_front": "both"`, `"page_on_front": "harbour"`, `"page_for_posts": -6`, `"site_icon": 1.5`,
			`"posts_per_page": "many"`, `"who_may_comment": "me"`, `"comment_moderation": "maybe"`, `"comment_max_links": -1`,
		} {
			_, err := b.Import(t.Context(), strings.NewReader(`{"options": {"blog_title": "Not this", `+option+`}}`))
			var refused *transfer.BundleError
			if !errors.As(err, &refused) || refused.Object != "options" || !strings.Contains(option, `"`+refused.Field+`"`) {
				t.Errorf("%s: %v", option, err)
			}
		}
		if diff := cmp.Diff(before, b.dump(t, tables)); diff != "" {
			t.Errorf("a refused bundle changed something:\n%s", diff)
		}
	})
}
