package wordpress_test

import (
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// The post of an upload is a number, or missing. Anything else names a post
// that does not exist.
func TestUploadsOfPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		post := b.must(t, "editor", "wp.newPost", 1, "", "", dict{"post_title": "Harbour"}).Text()
		for name, test := range map[string]struct {
			post any
			want string
		}{
			"number":    {post, ""},
			"nothing":   {"", ""},
			"zero":      {"0", ""},
			"no number": {"harbour", "fault 401"},
			"negative":  {-1, "fault 401"},
		} {
			got := b.answer(t, "editor", "wp.uploadFile", 1, "", "", dict{"name": name + ".txt", "type": "text/plain", "bits": "x", "post_id": test.post})
			if test.want == "" && strings.HasPrefix(got, "fault") || test.want != "" && got != test.want {
				t.Errorf("post %v: %s, want %q", test.post, got, test.want)
			}
		}
		if got := b.answer(t, "author", "wp.uploadFile", 1, "", "", dict{"name": "x.php", "type": "text/plain", "bits": "x", "post_id": post}); got != "fault 500" {
			t.Errorf("a program for the post of another user: %s, want the fault of its type", got)
		}
		for _, test := range []struct {
			name   string
			filter dict
			want   int
		}{
			{"all", dict{}, 3},
			{"of the post", dict{"parent_id": post}, 1},
			{"of no post", dict{"parent_id": ""}, 2},
			{"of several types", dict{"mime_type": list{"image/png", "text/plain"}}, 3},
			{"of one type", dict{"mime_type": list{"image/png"}}, 0},
		} {
			if got := b.must(t, "editor", "wp.getMediaLibrary", 1, "", "", test.filter).Len(); got != test.want {
				t.Errorf("%s: %d files, want %d", test.name, got, test.want)
			}
		}
	})
}
