package wordpress_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// probe is a call that only the holders of one capability may make.
type probe struct {
	capability auth.Capability
	roles      string // a letter for each role from administrator to subscriber: y may, n may not
	preset     preset
	method     string
	args       func(id int64) list
	took       func(t *testing.T, b *blog, answer string) bool // nil if a fault 401 or 403 is the only form of refusal
}

// preset is what exists before the call: a post of the caller or of another
// user, or another user.
type preset struct {
	kind, status string
	others       bool
}

// matrix has at least one probe for each capability that a method checks.
var matrix = []probe{
	{auth.Read, "yyyyy", preset{}, "wp.getProfile", nothing, nil},
	{auth.EditPosts, "yyyyn", preset{}, "wp.newPost", newOf("post", "draft"), nil},
	{auth.DeletePosts, "yyyyn", preset{"post", "draft", false}, "wp.deletePost", one, nil},
	{auth.UploadFiles, "yyynn", preset{}, "wp.uploadFile", func(int64) list {
		return list{1, "", "", dict{"name": "a.txt", "type": "text/plain", "bits": "text"}}
	}, nil},
	{auth.EditPublishedPosts, "yyynn", preset{"post", "publish", false}, "wp.editPost", edit, nil},
	{auth.PublishPosts, "yyynn", preset{}, "wp.newPost", newOf("post", "publish"), nil},
	{auth.DeletePublishedPosts, "yyynn", preset{"post", "publish", false}, "wp.deletePost", one, nil},

	{auth.ModerateComments, "yynnn", preset{}, "wp.getComments", nothing, nil},
	{auth.ManageCategories, "yynnn", preset{}, "wp.newCategory", func(int64) list {
		return list{1, "", "", dict{"name": "C"}}
	}, nil},
	{auth.UnfilteredHTML, "yynnn", preset{}, "wp.newPost", func(int64) list {
		return list{1, "", "", dict{"post_title": "T", "post_content": "<script>x</script>"}}
	}, keptScript},
	{auth.EditOthersPosts, "yynnn", preset{"post", "draft", true}, "wp.editPost", edit, nil},
	{auth.EditPrivatePosts, "yynnn", preset{"post", "private", true}, "wp.editPost", edit, nil},
	{auth.ReadPrivatePosts, "yynnn", preset{"post", "private", true}, "wp.newComment", comment, nil},
	{auth.DeleteOthersPosts, "yynnn", preset{"post", "draft", true}, "wp.deletePost", one, nil},
	{auth.DeletePrivatePosts, "yynnn", preset{"post", "private", true}, "wp.deletePost", one, nil},
	{auth.EditPages, "yynnn", preset{}, "wp.newPost", newOf("page", "draft"), nil},
	{auth.EditOthersPages, "yynnn", preset{"page", "draft", true}, "wp.editPost", edit, nil},
	{auth.EditPublishedPages, "yynnn", preset{"page", "publish", false}, "wp.editPost", edit, nil},
	{auth.EditPrivatePages, "yynnn", preset{"page", "private", true}, "wp.editPost", edit, nil},
	{auth.ReadPrivatePages, "yynnn", preset{"page", "private", true}, "wp.newComment", comment, nil},
	{auth.PublishPages, "yynnn", preset{}, "wp.newPage", func(int64) list {
		return list{1, "", "", dict{"title": "T"}, true}
	}, nil},
	{auth.DeletePages, "yynnn", preset{"page", "draft", false}, "wp.deletePage", one, nil},
	{auth.DeleteOthersPages, "yynnn", preset{"page", "draft", true}, "wp.deletePage", one, nil},
	{auth.DeletePublishedPages, "yynnn", preset{"page", "publish", false}, "wp.deletePage", one, nil},
	{auth.DeletePrivatePages, "yynnn", preset{"page", "private", true}, "wp.deletePage", one, nil},

	{auth.ManageOptions, "ynnnn", preset{}, "wp.setOptions", func(int64) list {
		return list{1, "", "", dict{"blog_tagline": "T"}}
	}, nil},
	{auth.ListUsers, "ynnnn", preset{}, "wp.getUsers", nothing, nil},
	{auth.EditUsers, "ynnnn", preset{"user", "", true}, "wp.getUser", one, nil},
	{auth.EditThemeOptions, "ynnnn", preset{}, "wp.getPosts", func(int64) list {
		return list{1, "", "", dict{"post_type": "wp_template"}}
	}, nil},
}

// unasked lists capabilities that WordPress's roles have and no method checks.
var unasked = []auth.Capability{
	auth.ManageLinks, auth.EditDashboard, auth.EditFiles, auth.UnfilteredUpload, auth.Import, auth.Export,
	auth.CreateUsers, auth.DeleteUsers, auth.RemoveUsers, auth.PromoteUsers,
	auth.SwitchThemes, auth.EditThemes, auth.InstallThemes, auth.UpdateThemes, auth.DeleteThemes,
	auth.ActivatePlugins, auth.EditPlugins, auth.InstallPlugins, auth.UpdatePlugins, auth.DeletePlugins, auth.UpdateCore,
}

func nothing(int64) list { return list{1, "", ""} }
func one(id int64) list  { return list{1, "", "", id} }
func edit(id int64) list { return list{1, "", "", id, dict{"post_excerpt": "E"}} }
func comment(id int64) list {
	return list{1, "", "", id, dict{"content": fmt.Sprint("On ", id)}}
}

func newOf(kind, status string) func(int64) list {
	return func(int64) list {
		return list{1, "", "", dict{"post_type": kind, "post_status": status, "post_title": "T"}}
	}
}

// keptScript examines the post that was created: users who may not write
// scripts may still write posts.
func keptScript(t *testing.T, b *blog, answer string) bool {
	t.Helper()
	id, err := strconv.ParseInt(strings.Trim(answer, "'"), 10, 64)
	if err != nil {
		return false
	}
	return strings.Contains(b.must(t, "administrator", "wp.getPost", 1, "", "", id).Get("post_content").Text(), "<script>")
}

var everybody = []string{"administrator", "editor", "author", "contributor", "subscriber"}

func TestCapabilities(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for i, p := range matrix {
			t.Run(string(p.capability), func(t *testing.T) {
				for k, who := range everybody {
					if auth.Role(who).Can(p.capability) != (p.roles[k] == 'y') {
						t.Errorf("the role %s holds %s: %v, want %c", who, p.capability, auth.Role(who).Can(p.capability), p.roles[k])
					}
					if got := p.try(t, b, who, fmt.Sprintf("probe-%d-%d", i, k)); got != (p.roles[k] == 'y') {
						t.Errorf("%s %+v as %s: %v, want %c", p.method, p.preset, who, got, p.roles[k])
					}
				}
				if p.try(t, b, "nobody", fmt.Sprintf("probe-%d", i)) {
					t.Errorf("%s without a password: let through", p.method)
				}
			})
		}
	})
}

// try reports whether the call succeeds.
func (p probe) try(t *testing.T, b *blog, who, name string) bool {
	t.Helper()
	var id int64
	switch p.preset.kind {
	case "":
	case "user":
		if id = b.ids["author"]; who == "author" {
			id = b.ids["editor"]
		}
	default:
		id = b.insert(t, p.preset, who, name)
	}
	answer := b.answer(t, who, p.method, p.args(id)...)
	if p.took != nil {
		return p.took(t, b, answer)
	}
	refused := answer == "fault 401" || answer == "fault 403"
	if strings.HasPrefix(answer, "fault") && !refused {
		t.Errorf("%s as %s: %s", p.method, who, answer)
	}
	return !refused
}

// insert creates a post directly, without checks.
func (b *blog) insert(t *testing.T, p preset, who, name string) int64 {
	t.Helper()
	author := b.ids[who]
	if p.others {
		author = b.ids["administrator"]
		if who == "administrator" {
			author = b.ids["editor"]
		}
	}
	_, err := b.db.Exec(t.Context(), `INSERT INTO posts (type, status, title, name, author, content, comment_status, date, date_gmt, modified, modified_gmt)
		VALUES ($1, $2, $3, $3, $4, 'x', 'open', $5, $5, $5, $5)`, p.kind, p.status, name, author, b.clock.Now())
	must(t, err)
	var ids []int64
	must(t, b.db.Select(t.Context(), &ids, `SELECT id FROM posts WHERE name = $1`, name))
	return ids[0]
}

// Every capability has a probe, or is checked nowhere.
func TestEveryCapabilityHasAProbe(t *testing.T) {
	probed, idle := make(map[auth.Capability]bool), make(map[auth.Capability]bool)
	for _, p := range matrix {
		probed[p.capability] = true
	}
	for _, c := range unasked {
		idle[c] = true
	}
	asked := askedCapabilities(t)
	all := declaredCapabilities(t)
	if len(all) < 50 {
		t.Errorf("%d capabilities are declared, want WordPress's 50", len(all))
	}
	for name, c := range all {
		switch {
		case probed[c] && idle[c]:
			t.Errorf("%s has a probe and is said to need none", c)
		case !probed[c] && !idle[c]:
			t.Errorf("%s has no probe", c)
		case idle[c] && asked[name]:
			t.Errorf("%s is checked, but has no probe", c)
		}
	}
}

// declaredCapabilities returns the constants of package auth.
func declaredCapabilities(t *testing.T) map[string]auth.Capability {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../auth/capability.go", nil, 0)
	must(t, err)
	all := make(map[string]auth.Capability)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Capability" && len(spec.Values) == 1 {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			must(t, err)
			all[spec.Names[0].Name] = auth.Capability(text)
		}
		return true
	})
	return all
}

// askedCapabilities returns the names that the packages above auth use.
func askedCapabilities(t *testing.T) map[string]bool {
	t.Helper()
	asked, name := make(map[string]bool), regexp.MustCompile(`\bauth\.([A-Z]\w+)`)
	for _, folder := range []string{"../site", "../wordpress", "../server", "../public"} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range name.FindAllSubmatch(text, -1) {
				asked[string(m[1])] = true
			}
			return err
		})
		must(t, err)
	}
	return asked
}
