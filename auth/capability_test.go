package auth_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
)

// The built-in roles as WordPress installs them, without the old levels.
var wordPressRoles = map[auth.Role]string{
	auth.Administrator: `switch_themes edit_themes activate_plugins edit_plugins edit_users edit_files manage_options moderate_comments
		manage_categories manage_links upload_files import unfiltered_html edit_posts edit_others_posts edit_published_posts publish_posts
		edit_pages read edit_others_pages edit_published_pages publish_pages delete_pages delete_others_pages delete_published_pages
		delete_posts delete_others_posts delete_published_posts delete_private_posts edit_private_posts read_private_posts
		delete_private_pages edit_private_pages read_private_pages delete_users create_users unfiltered_upload edit_dashboard
		update_plugins delete_plugins install_plugins update_themes install_themes update_core list_users remove_users promote_users
		edit_theme_options delete_themes export`,
	auth.Editor: `moderate_comments manage_categories manage_links upload_files unfiltered_html edit_posts edit_others_posts
		edit_published_posts publish_posts edit_pages read edit_others_pages edit_published_pages publish_pages delete_pages
		delete_others_pages delete_published_pages delete_posts delete_others_posts delete_published_posts delete_private_posts
		edit_private_posts read_private_posts delete_private_pages edit_private_pages read_private_pages`,
	auth.Author:      `upload_files edit_posts edit_published_posts publish_posts read delete_posts delete_published_posts`,
	auth.Contributor: `edit_posts read delete_posts`,
	auth.Subscriber:  `read`,
}

func TestRoles(t *testing.T) {
	all := strings.Fields(wordPressRoles[auth.Administrator])
	if len(all) != 50 {
		t.Fatalf("%d capabilities in the list, want 50", len(all))
	}
	for _, role := range auth.Roles() {
		want := make(map[string]bool)
		for _, c := range strings.Fields(wordPressRoles[role]) {
			want[c] = true
		}
		got := make(map[string]bool)
		for _, c := range all {
			if role.Can(auth.Capability(c)) {
				got[c] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", role, diff)
		}
		if !role.Valid() || role.Label() == "" {
			t.Errorf("%s is not valid or has no label", role)
		}
	}
	if len(auth.Roles()) != len(wordPressRoles) {
		t.Errorf("the roles are %v", auth.Roles())
	}
}

func TestNobodyCanNothing(t *testing.T) {
	for _, who := range []auth.Identity{{}, {User: auth.User{Role: auth.Administrator}}, {User: auth.User{ID: 1, Role: "root"}}, {User: auth.User{ID: 1}}} {
		for _, c := range strings.Fields(wordPressRoles[auth.Administrator]) {
			if who.Can(auth.Capability(c)) {
				t.Errorf("%+v can %s", who.User, c)
			}
		}
	}
	if (auth.Identity{}).LoggedIn() || auth.Role("").Valid() || auth.Role("root").Valid() {
		t.Error("nobody is logged in, or no role is a role")
	}
}
