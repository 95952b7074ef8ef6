package site_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func TestCustomFields(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{Title: new("T"), CustomFields: []site.FieldEdit{
			{Key: "mood", HasKey: true, Value: "happy"},
			{Key: "rating", HasKey: true, Value: "5"},
			{Key: "mood", HasKey: true, Value: "calm"},
			{Key: "_hidden", HasKey: true, Value: "no"},
			{Key: "\x01_hidden", HasKey: true, Value: "no"},
			{Key: "", HasKey: true, Value: "no"},
		}})
		other := n.create(t, n.admin, site.PostEdit{Title: new("Other"), CustomFields: []site.FieldEdit{{Key: "mood", Value: "sad"}}})
		foreign := n.get(t, other).CustomFields[0].ID
		if _, err := db.Exec(t.Context(), `INSERT INTO post_meta (post_id, key, value) VALUES ($1, '_kept', 'x')`, id); err != nil {
			t.Fatal(err)
		}
		show := func() (out []string) {
			for _, f := range n.get(t, id).CustomFields {
				out = append(out, f.Key+"="+f.Value)
			}
			return out
		}
		ids := map[string]int64{}
		for _, f := range n.get(t, id).CustomFields {
			ids[f.Key+"="+f.Value] = f.ID
		}
		steps := []struct {
			name  string
			edits []site.FieldEdit
			want  []string
		}{
			{"nothing", nil, []string{"_kept=x", "mood=happy", "mood=calm", "rating=5"}},
			{"change", []site.FieldEdit{{ID: ids["rating=5"], HasID: true, Key: "rating", HasKey: true, Value: "4"}}, []string{"_kept=x", "mood=happy", "mood=calm", "rating=4"}},
			{"delete", []site.FieldEdit{{ID: ids["mood=happy"], HasID: true}}, []string{"_kept=x", "mood=calm", "rating=4"}},
			{
				"deleted and changed at once",
				[]site.FieldEdit{{ID: ids["mood=happy"], HasID: true}, {ID: ids["mood=happy"], HasID: true, Key: "mood", HasKey: true, Value: "x"}},
				[]string{"_kept=x", "mood=calm", "rating=4"},
			},
			{"another key", []site.FieldEdit{{ID: ids["mood=calm"], HasID: true, Key: "renamed", HasKey: true, Value: "x"}}, []string{"_kept=x", "mood=calm", "rating=4"}},
			{"of another post", []site.FieldEdit{{ID: foreign, HasID: true, Key: "mood", HasKey: true, Value: "x"}, {ID: foreign, HasID: true}}, []string{"_kept=x", "mood=calm", "rating=4"}},
			{
				"protected",
				[]site.FieldEdit{{ID: ids["_kept=x"], HasID: true, Key: "_kept", HasKey: true, Value: "y"}, {ID: ids["_kept=x"], HasID: true}, {Key: "_more", HasKey: true}},
				[]string{"_kept=x", "mood=calm", "rating=4"},
			},
			{"the same again", []site.FieldEdit{{Key: "mood", HasKey: true, Value: "calm"}}, []string{"_kept=x", "mood=calm", "mood=calm", "rating=4"}},
		}
		for _, step := range steps {
			n.edit(t, n.admin, id, site.PostEdit{CustomFields: step.edits})
			if diff := cmp.Diff(step.want, show()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		if got := n.get(t, other).CustomFields[0].Value; got != "sad" {
			t.Errorf("another post's field is %q now", got)
		}
	})
}

func TestEnclosure(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		episode := site.Enclosure{URL: "http://example.com/a.mp3", Length: 77, Type: "audio/mpeg"}
		id := n.create(t, n.admin, site.PostEdit{Title: new("T"), Enclosure: &episode})
		n.edit(t, n.admin, id, site.PostEdit{Enclosure: &episode})
		p := n.get(t, id)
		if len(p.CustomFields) != 1 {
			t.Errorf("custom fields %v, want the enclosure once", p.CustomFields)
		}
		if got, ok := p.Enclosure(); !ok || got != episode {
			t.Errorf("enclosure %v, want %v", got, episode)
		}
	})
}

// Upper case does not come before lower case.
func TestOrderOfFields(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{Title: new("T"), CustomFields: []site.FieldEdit{{Key: "Zeta"}, {Key: "beta"}, {Key: "Alpha"}, {Key: "_b"}, {Key: "alpha"}}})
		p, err := n.GetPost(t.Context(), n.admin, id, site.LoadFields)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, f := range p.CustomFields {
			keys = append(keys, f.Key)
		}
		if got, want := strings.Join(keys, " "), "Alpha alpha beta Zeta"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}
