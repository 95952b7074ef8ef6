package site_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// category creates a category; a parent of 0 means none.
func (n *newsroom) category(t *testing.T, name, slug string, parent int64) site.Term {
	t.Helper()
	in := site.NewTerm{Taxonomy: site.Category, Name: name, Slug: slug}
	if parent != 0 {
		in.Parent = &parent
	}
	term, err := n.CreateTerm(t.Context(), n.admin, in)
	if err != nil {
		t.Fatalf("create category %q: %v", name, err)
	}
	return term
}

func (n *newsroom) tag(t *testing.T, name string) site.Term {
	t.Helper()
	term, err := n.CreateTerm(t.Context(), n.admin, site.NewTerm{Taxonomy: site.PostTag, Name: name})
	if err != nil {
		t.Fatalf("create tag %q: %v", name, err)
	}
	return term
}

func (n *newsroom) list(t *testing.T, f site.TermFilter) string {
	t.Helper()
	terms, err := whole(n.ListTerms(t.Context(), n.admin, f))
	if err != nil {
		t.Fatalf("list %+v: %v", f, err)
	}
	return slugs(terms)
}

func TestTermNames(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		for _, test := range []struct{ name, wantName, wantSlug string }{
			{"Plain", "Plain", "plain"},
			{"  two\n\t words ", "two words", "two-words"},
			{"R & D", "R &amp; D", "r-d"},
			{"R &amp; E", "R &amp; E", "r-e"},
			{"a < b", "a &lt; b", "a-b"},
			{"<b>bold</b> one", "bold one", "bold-one"},
			{"<script>alert(1)</script>left", "left", "left"},
			{"100%25 sure", "100 sure", "100-sure"},
			{"Ünïcödé", "Ünïcödé", "unicode"},
			{"octets%2%255 in octets", "octets in octets", "octets-in-octets"},
			{"broken \xff byte", "broken byte", "broken-byte"},
			{`it's "quoted"`, `it's "quoted"`, "its-quoted"},
		} {
			got := n.tag(t, test.name)
			if got.Name != test.wantName || got.Slug != test.wantSlug {
				t.Errorf("tag %q is %q with slug %q, want %q with %q", test.name, got.Name, got.Slug, test.wantName, test.wantSlug)
			}
		}
		if got := n.tag(t, "!!!"); got.Slug != fmt.Sprint(got.ID) {
			t.Errorf("a tag of signs has slug %q, want its id %d", got.Slug, got.ID)
		}
		if _, err := n.CreateTerm(t.Context(), n.admin, site.NewTerm{Taxonomy: site.PostTag, Name: strings.Repeat("x", 201)}); !errors.Is(err, site.ErrTermLength) {
			t.Errorf("a tag of 201 characters: %v, want ErrTermLength", err)
		}
		for _, name := range []string{"", "  \n ", "<b></b>"} {
			if _, err := n.CreateTerm(t.Context(), n.admin, site.NewTerm{Taxonomy: site.PostTag, Name: name}); !errors.Is(err, site.ErrTermName) {
				t.Errorf("tag %.20q: %v, want ErrTermName", name, err)
			}
		}
	})
}

func TestTermsThatAreThere(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		news := n.category(t, "News", "", 0)
		sport := n.category(t, "Sport", "", 0)
		tag := n.tag(t, "alpha")
		for _, test := range []struct {
			name string
			in   site.NewTerm
			slug string // of the new term
			is   int64  // id of the existing term
			err  error
		}{
			{"same name", site.NewTerm{Taxonomy: site.Category, Name: "News"}, "", news.ID, nil},
			{"same name, other case", site.NewTerm{Taxonomy: site.Category, Name: "NEWS"}, "", news.ID, nil},
			{"same name, own slug", site.NewTerm{Taxonomy: site.Category, Name: "News", Slug: "fresh news"}, "fresh-news", 0, nil},
			{"same name under another", site.NewTerm{Taxonomy: site.Category, Name: "News", Parent: &sport.ID}, "news-sport", 0, nil},
			{"same again", site.NewTerm{Taxonomy: site.Category, Name: "News", Parent: &sport.ID}, "", -1, nil},
			{"same slug", site.NewTerm{Taxonomy: site.Category, Name: "Other", Slug: "news"}, "news-2", 0, nil},
			{"same slug again", site.NewTerm{Taxonomy: site.Category, Name: "Another", Slug: "news"}, "news-3", 0, nil},
			{"same name in another taxonomy", site.NewTerm{Taxonomy: site.PostTag, Name: "News"}, "news", 0, nil},
			{"same tag", site.NewTerm{Taxonomy: site.PostTag, Name: "Alpha"}, "", tag.ID, nil},
			{"same tag, own slug", site.NewTerm{Taxonomy: site.PostTag, Name: "alpha", Slug: "beta"}, "beta", 0, nil},
			{"accents make another name", site.NewTerm{Taxonomy: site.PostTag, Name: "älpha"}, "alpha-2", 0, nil},
			{"parent of a tag", site.NewTerm{Taxonomy: site.PostTag, Name: "y", Parent: &tag.ID}, "", 0, errors.New("invalid")},
			{"parent that is a tag", site.NewTerm{Taxonomy: site.Category, Name: "y", Parent: &tag.ID}, "", 0, site.ErrNoParent},
			{"parent 0", site.NewTerm{Taxonomy: site.Category, Name: "y", Parent: new(int64(0))}, "", 0, site.ErrNoTermID},
		} {
			got, err := n.CreateTerm(t.Context(), n.admin, test.in)
			var there *site.TermExists
			switch {
			case test.err != nil:
				if !errors.Is(err, test.err) && kind(err) != test.err.Error() {
					t.Errorf("%s: %v, want %v", test.name, err, test.err)
				}
			case test.is != 0:
				if !errors.As(err, &there) || test.is > 0 && there.ID != test.is || !errors.Is(err, site.ErrTermExists) {
					t.Errorf("%s: %v, want the error that term %d exists", test.name, err, test.is)
				}
			case err != nil || got.Slug != test.slug:
				t.Errorf("%s: slug %q, %v, want %q", test.name, got.Slug, err, test.slug)
			}
		}
	})
}

func TestEditTerm(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		top := n.category(t, "Top", "", 0)
		middle := n.category(t, "Middle", "", top.ID)
		bottom := n.category(t, "Bottom", "", middle.ID)
		tag := n.tag(t, "tag")
		for _, test := range []struct {
			name     string
			taxonomy string
			id       int64
			edit     site.TermEdit
			want     string // name, slug, parent, description; or the error
		}{
			{"nothing", site.Category, middle.ID, site.TermEdit{}, "Middle middle Top "},
			{"name leaves the slug", site.Category, middle.ID, site.TermEdit{Name: new("Centre")}, "Centre middle Top "},
			{"empty slug", site.Category, middle.ID, site.TermEdit{Slug: new("")}, "Centre centre Top "},
			{"slug and description", site.Category, middle.ID, site.TermEdit{Slug: new("The Slug"), Description: new("D <b>x</b><script>y</script>")}, "Centre the-slug Top D <b>x</b>y"},
			{"under itself", site.Category, middle.ID, site.TermEdit{Parent: &middle.ID}, "Centre the-slug  D <b>x</b>y"},
			{"back", site.Category, middle.ID, site.TermEdit{Parent: &top.ID}, "Centre the-slug Top D <b>x</b>y"},
			{"in a circle", site.Category, top.ID, site.TermEdit{Parent: &bottom.ID}, "Top top  "},
			{"another parent", site.Category, bottom.ID, site.TermEdit{Parent: &top.ID}, "Bottom bottom Top "},
			{"no parent", site.Category, bottom.ID, site.TermEdit{Parent: new(int64(0))}, site.ErrNoTermID.Error()},
			{"unknown parent", site.Category, bottom.ID, site.TermEdit{Parent: new(int64(9999))}, site.ErrNoParent.Error()},
			{"parent of a tag", site.PostTag, tag.ID, site.TermEdit{Parent: &tag.ID}, "parent: terms of this taxonomy have no parents"},
			{"empty name", site.Category, bottom.ID, site.TermEdit{Name: new(" ")}, site.ErrTermName.Error()},
			{"taken slug", site.Category, bottom.ID, site.TermEdit{Slug: new("top")}, site.ErrTermSlug.Error()},
			{"taken slug under a new parent", site.Category, bottom.ID, site.TermEdit{Slug: new("top"), Parent: &middle.ID}, "Bottom top-the-slug Centre "},
			{"of another taxonomy", site.PostTag, bottom.ID, site.TermEdit{Name: new("x")}, site.ErrNoTerm.Error()},
			{"unknown", site.Category, 9999, site.TermEdit{Name: new("x")}, site.ErrNoTerm.Error()},
			{"none", site.Category, 0, site.TermEdit{Name: new("x")}, site.ErrNoTermID.Error()},
			{"unknown taxonomy", "nonsense", bottom.ID, site.TermEdit{Name: new("x")}, "taxonomy: there is none of this name"},
		} {
			err := n.EditTerm(t.Context(), n.admin, test.taxonomy, test.id, test.edit)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				term, err := n.GetTerm(t.Context(), n.admin, test.taxonomy, test.id)
				if err != nil {
					t.Fatal(err)
				}
				parent := ""
				if term.Parent != 0 {
					above, err := n.GetTerm(t.Context(), n.admin, test.taxonomy, term.Parent)
					if err != nil {
						t.Fatal(err)
					}
					parent = above.Name
				}
				got = strings.Join([]string{term.Name, term.Slug, parent, term.Description}, " ")
			}
			if got != test.want {
				t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			}
		}
	})
}

func TestListTerms(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		news := n.category(t, "News", "", 0)
		world := n.category(t, "World", "", news.ID)
		n.category(t, "Ärger", "aerger", 0)
		n.category(t, "émigré", "", world.ID)
		n.category(t, "10 of 50%", "", 0)
		n.category(t, "_hidden", "", 0)
		n.tag(t, "alpha")
		n.create(t, n.admin, site.PostEdit{Title: new("T"), Status: new("publish"), Categories: &[]int64{world.ID}})
		for _, test := range []struct {
			name string
			f    site.TermFilter
			want string
		}{
			{"by name", site.TermFilter{}, "_hidden 10-of-50 aerger emigre news uncategorized world"},
			{"limit", site.TermFilter{Limit: 2}, "_hidden 10-of-50"},
			{"offset", site.TermFilter{Limit: 2, Offset: 3}, "emigre news"},
			{"offset alone", site.TermFilter{Offset: 5}, "uncategorized world"},
			{"backwards", site.TermFilter{OrderBy: site.TermsBySlug, Desc: true, Limit: 2}, "world uncategorized"},
			{"by count", site.TermFilter{OrderBy: site.TermsByCount, Desc: true, Limit: 1}, "world"},
			{"by id", site.TermFilter{OrderBy: site.TermsByID, Limit: 2}, "uncategorized news"},
			{"by what is no order", site.TermFilter{OrderBy: "1; DROP TABLE terms", Limit: 2}, "_hidden 10-of-50"},
			{"by taxonomy, which is one", site.TermFilter{OrderBy: "taxonomy", Limit: 2}, "uncategorized news"},
			{"used ones, and above them", site.TermFilter{HideEmpty: true}, "news world"},
			{"used ones, second page", site.TermFilter{HideEmpty: true, Limit: 1, Offset: 1}, "world"},
			{"search without case and accents", site.TermFilter{Search: "EMIGRE"}, "emigre"},
			{"search with accents", site.TermFilter{Search: "ä"}, "aerger uncategorized"},
			{"search in slugs", site.TermFilter{Search: "aerg"}, "aerger"},
			{"per cent is a letter", site.TermFilter{Search: "%"}, "10-of-50"},
			{"underscore is a letter", site.TermFilter{Search: "_"}, "_hidden"},
			{"search in names alone", site.TermFilter{NameLike: "aerg"}, ""},
			{"very long search", site.TermFilter{Search: strings.Repeat("ä%", 100_000)}, ""},
			{"anywhere in the name", site.TermFilter{NameLike: "w"}, "news world"},
		} {
			test.f.Taxonomy = site.Category
			if got := n.list(t, test.f); got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		}
	})
}

// A cycle of parents, which old databases may contain, ends every walk.
func TestCircleOfParents(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		a := n.category(t, "A", "", 0)
		b := n.category(t, "B", "", a.ID)
		if _, err := db.Exec(t.Context(), `UPDATE terms SET parent = $1 WHERE id = $2`, b.ID, a.ID); err != nil {
			t.Fatal(err)
		}
		n.create(t, n.admin, site.PostEdit{Title: new("T"), Status: new("publish"), Categories: &[]int64{b.ID}})
		if got, want := n.list(t, site.TermFilter{Taxonomy: site.Category, HideEmpty: true}), "a b"; got != want {
			t.Errorf("used categories are %q, want %q", got, want)
		}
		if got := n.category(t, "C", "b", b.ID); got.Slug != "b-b" {
			t.Errorf("a slug made of a circle of parents is %q", got.Slug)
		}
	})
}

func TestDeleteTerm(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		top := n.category(t, "Top", "", 0)
		middle := n.category(t, "Middle", "", top.ID)
		bottom := n.category(t, "Bottom", "", middle.ID)
		publish := func(status string, ids ...int64) int64 {
			return n.create(t, n.admin, site.PostEdit{Title: new("T"), Status: &status, Categories: &ids, Tags: &[]string{"kept"}})
		}
		alone, draft, both := publish("publish", middle.ID), publish("draft", middle.ID), publish("publish", middle.ID, top.ID)
		if err := n.DeleteTerm(t.Context(), n.admin, site.Category, middle.ID); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[int64]string{alone: "kept uncategorized", draft: "kept uncategorized", both: "kept top"} {
			if got := slugs(n.get(t, id).Terms); got != want {
				t.Errorf("post %d has terms %q, want %q", id, got, want)
			}
		}
		if diff := cmp.Diff(map[string]int64{"uncategorized": 1, "top": 1, "bottom": 0, "kept": 2}, n.counts(t)); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
		child, err := n.GetTerm(t.Context(), n.admin, site.Category, bottom.ID)
		if err != nil || child.Parent != top.ID {
			t.Errorf("the term below has parent %d, %v, want %d", child.Parent, err, top.ID)
		}
		first, err := whole(n.ListTerms(t.Context(), n.admin, site.TermFilter{Taxonomy: site.Category, Search: "uncategorized"}))
		if err != nil || len(first) != 1 {
			t.Fatalf("the default category: %v, %v", first, err)
		}
		if err := n.DeleteTerm(t.Context(), n.admin, site.Category, first[0].ID); kind(err) != "denied" {
			t.Errorf("delete the default category: %v, want that it is denied", err)
		}
		for id, want := range map[int64]error{middle.ID: site.ErrNoTerm, 0: site.ErrNoTermID} {
			if err := n.DeleteTerm(t.Context(), n.admin, site.Category, id); !errors.Is(err, want) {
				t.Errorf("delete term %d: %v, want %v", id, err, want)
			}
		}
	})
}

func TestTermRoles(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		term := n.category(t, "News", "", 0)
		roles := []struct {
			who          auth.Identity
			edit, assign bool
		}{
			{n.admin, true, true},
			{n.editor, true, true},
			{n.author, false, true},
			{n.contributor, false, true},
			{n.subscriber, false, false},
			{auth.Identity{}, false, false},
		}
		for i, r := range roles {
			for _, taxonomy := range []string{site.Category, site.PostTag} {
				made, err := n.CreateTerm(t.Context(), r.who, site.NewTerm{Taxonomy: taxonomy, Name: fmt.Sprint("by role ", i)})
				if (err == nil) != r.edit || err != nil && kind(err) != "denied" {
					t.Errorf("role %d creates in %s: %v", i, taxonomy, err)
				}
				id := made.ID
				if err != nil {
					id = n.tagOrCategory(t, taxonomy, i).ID
				}
				if err := n.EditTerm(t.Context(), r.who, taxonomy, id, site.TermEdit{Description: new("d")}); (kind(err) == "") != r.edit || err != nil && kind(err) != "denied" {
					t.Errorf("role %d edits in %s: %v", i, taxonomy, err)
				}
				if err := n.DeleteTerm(t.Context(), r.who, taxonomy, id); (kind(err) == "") != r.edit || err != nil && kind(err) != "denied" {
					t.Errorf("role %d deletes in %s: %v", i, taxonomy, err)
				}
			}
			_, one := n.GetTerm(t.Context(), r.who, site.Category, term.ID)
			_, all := whole(n.ListTerms(t.Context(), r.who, site.TermFilter{Taxonomy: site.Category}))
			_, tax := n.Taxonomy(r.who, site.PostTag)
			for what, err := range map[string]error{"one term": one, "all terms": all, "a taxonomy": tax} {
				if (err == nil) != r.assign || err != nil && kind(err) != "denied" {
					t.Errorf("role %d reads %s: %v", i, what, err)
				}
			}
			var public []string
			for _, tax := range n.Taxonomies(r.who) {
				if tax.Public {
					public = append(public, tax.Name)
				}
			}
			if got := len(public); (got == 3) != r.assign || (got == 0) == r.assign {
				t.Errorf("role %d sees %v", i, public)
			}
		}
	})
}

func (n *newsroom) tagOrCategory(t *testing.T, taxonomy string, i int) site.Term {
	t.Helper()
	term, err := n.CreateTerm(t.Context(), n.admin, site.NewTerm{Taxonomy: taxonomy, Name: fmt.Sprint("for role ", i)})
	if err != nil {
		t.Fatal(err)
	}
	return term
}

func TestTermFields(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		field := func(key, value string) site.FieldEdit {
			return site.FieldEdit{Key: key, HasKey: true, Value: value}
		}
		term, err := n.CreateTerm(t.Context(), n.editor, site.NewTerm{
			Taxonomy: site.PostTag, Name: "a",
			CustomFields: []site.FieldEdit{field("color", "red"), field("_secret", "hush"), field("color", "blue"), field("", "lost")},
		})
		if err != nil {
			t.Fatal(err)
		}
		other, err := n.CreateTerm(t.Context(), n.editor, site.NewTerm{Taxonomy: site.PostTag, Name: "b", CustomFields: []site.FieldEdit{field("k", "v")}})
		if err != nil {
			t.Fatal(err)
		}
		read := func(who auth.Identity, id int64) (ids []int64, text string) {
			t.Helper()
			fields, err := n.TermFields(t.Context(), who, []int64{term.ID, other.ID})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range fields[id] {
				ids, text = append(ids, f.ID), text+f.Key+"="+f.Value+" "
			}
			return ids, text
		}
		ids, got := read(n.editor, term.ID)
		if want := "_secret=hush color=red color=blue "; got != want {
			t.Fatalf("fields are %q, want %q", got, want)
		}
		theirs, _ := read(n.editor, other.ID)
		if _, got := read(n.author, term.ID); got != "" {
			t.Errorf("an author sees %q, want nothing", got)
		}
		err = n.EditTerm(t.Context(), n.editor, site.PostTag, term.ID, site.TermEdit{CustomFields: []site.FieldEdit{
			{ID: ids[1], HasID: true, Key: "color", HasKey: true, Value: "green"},
			{ID: ids[2], HasID: true},
			{ID: ids[0], HasID: true, Key: "other key", HasKey: true, Value: "x"},
			{ID: theirs[0], HasID: true},
			{ID: theirs[0], HasID: true, Key: "k", HasKey: true, Value: "stolen"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, got := read(n.editor, term.ID); got != "_secret=hush color=green " {
			t.Errorf("after the edit the fields are %q", got)
		}
		if _, got := read(n.editor, other.ID); got != "k=v " {
			t.Errorf("the other term's fields are %q, want them untouched", got)
		}
	})
}

func TestCategoriesNamed(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		news := n.category(t, "News & Views", "", 0)
		sport := n.category(t, "Sport", "", 0)
		first := n.category(t, "Results", "", news.ID)
		n.category(t, "Results", "", sport.ID)
		ids, err := n.CategoriesNamed(t.Context(), []string{"news & views", "No such", "", "RESULTS", "News &amp; Views"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{news.ID, first.ID, news.ID}, ids); diff != "" {
			t.Errorf("ids (-want +got):\n%s", diff)
		}
	})
}

func TestNumberOfTerms(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		many := make([]string, 1001)
		ids := make([]int64, len(many))
		for i := range many {
			many[i], ids[i] = fmt.Sprint("tag ", i), int64(i+1)
		}
		post := n.create(t, n.admin, site.PostEdit{Title: new("T")})
		for name, edit := range map[string]site.PostEdit{
			"tags":           {Tags: &many},
			"categories":     {Categories: &ids},
			"ids of terms":   {Terms: []site.TermChoice{{Taxonomy: site.PostTag, IDs: ids}}},
			"names of terms": {Terms: []site.TermChoice{{Taxonomy: site.PostTag, Names: many}}},
		} {
			if err := n.EditPost(t.Context(), n.admin, post, edit); kind(err) != "invalid" {
				t.Errorf("1001 %s: %v, want that it is invalid", name, err)
			}
		}
		if err := n.SetCategories(t.Context(), n.admin, post, ids); kind(err) != "invalid" {
			t.Errorf("1001 categories by themselves: %v, want that it is invalid", err)
		}
		// A blog may have more terms than a statement can have
		// arguments.
		if _, err := db.Exec(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
			INSERT INTO terms (taxonomy, name, name_key, slug) SELECT 'post_tag', 'n', 'n', CAST(i AS TEXT) FROM n`); err != nil {
			t.Fatal(err)
		}
		terms, err := whole(n.ListTerms(t.Context(), n.admin, site.TermFilter{Taxonomy: site.PostTag}))
		if err != nil || len(terms) != 40000 {
			t.Fatalf("%d terms, %v", len(terms), err)
		}
		all := make([]int64, len(terms))
		for i, term := range terms {
			all[i] = term.ID
		}
		if _, err := n.TermFields(t.Context(), n.admin, all); err != nil {
			t.Errorf("custom fields of 40,000 terms: %v", err)
		}
	})
}

func TestSetCategories(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		a, b, tag := n.category(t, "A", "", 0), n.category(t, "B", "", 0), n.tag(t, "tag")
		post := n.create(t, n.author, site.PostEdit{Title: new("T"), Status: new("publish")})
		page := n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("P"), Status: new("publish")})
		before := n.get(t, post).ModifiedGMT
		n.clock.Add(1e9 * 60)
		for _, test := range []struct {
			name string
			ids  []int64
			want string
		}{
			{"two", []int64{b.ID, a.ID, b.ID}, "a b"},
			{"one, a tag and nothing", []int64{b.ID, tag.ID, 9999}, "b"},
			{"none", nil, "uncategorized"},
			{"only what is none", []int64{9999}, ""},
		} {
			if err := n.SetCategories(t.Context(), n.author, post, test.ids); err != nil {
				t.Fatal(err)
			}
			if got := slugs(n.get(t, post).Terms); got != test.want {
				t.Errorf("%s: the post has %q, want %q", test.name, got, test.want)
			}
			n.checkCounts(t)
		}
		if after := n.get(t, post).ModifiedGMT; !after.Equal(*before) {
			t.Errorf("the post was changed at %v, want its old %v", after, before)
		}
		if err := n.SetCategories(t.Context(), n.admin, page, []int64{a.ID}); err != nil || len(n.get(t, page).Terms) != 0 {
			t.Errorf("a page: %v and terms %v, want none of both", err, n.get(t, page).Terms)
		}
		if err := n.SetCategories(t.Context(), n.contributor, post, []int64{a.ID}); kind(err) != "denied" {
			t.Errorf("a contributor: %v, want denied", err)
		}
		if err := n.SetCategories(t.Context(), n.admin, 9999, []int64{a.ID}); !errors.Is(err, site.ErrNotFound) {
			t.Errorf("an unknown post: %v, want ErrNotFound", err)
		}
	})
}

func TestTermLinks(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		news := n.category(t, "News", "", 0)
		world := n.category(t, "World", "", news.ID)
		tag := n.tag(t, "alpha")
		for _, test := range []struct{ structure, world, feed, tag string }{
			{"", fmt.Sprintf("/?cat=%d", world.ID), fmt.Sprintf("/?feed=rss2&cat=%d", world.ID), "/?tag=alpha"},
			{"/%year%/%postname%/", "/category/news/world/", "/category/news/world/feed/", "/tag/alpha/"},
			{"/archives/%post_id%", "/archives/category/news/world", "/archives/category/news/world/feed", "/archives/tag/alpha"},
		} {
			if err := n.Options().Set(t.Context(), "permalink_structure", test.structure); err != nil {
				t.Fatal(err)
			}
			links, err := n.TermLinks(t.Context(), []site.Term{world, news, tag})
			if err != nil {
				t.Fatal(err)
			}
			page, feed := links(world)
			ofTag, _ := links(tag)
			got := strings.ReplaceAll(strings.Join([]string{page, feed, ofTag}, " "), n.BaseURL(), "")
			if want := test.world + " " + test.feed + " " + test.tag; got != want {
				t.Errorf("%q: %s, want %s", test.structure, got, want)
			}
		}
	})
}
