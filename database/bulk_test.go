package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// More rows than one statement can insert, and more values than one statement
// can name.
func TestBulk(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const n = 1203
		rows := database.NewRows("posts", "id, type, status, title, date, modified")
		now := time.Date(2024, 1, 31, 10, 0, 0, 0, time.UTC)
		var ids []int64
		for id := int64(1); id <= n; id++ {
			rows.Add(id, "post", "draft", "Post", now, now)
			ids = append(ids, id)
		}
		if err := db.Update(t.Context(), func(tx *database.Tx) error { return rows.Insert(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		var found []int64
		query := `SELECT id FROM posts WHERE type = ? AND id IN (?) ORDER BY id`
		err := database.SelectIn(t.Context(), db, query, ids, func(id int64) { found = append(found, id) }, "post")
		if diff := cmp.Diff(ids, found); err != nil || diff != "" {
			t.Errorf("SelectIn: %v, ids (-want +got):\n%s", err, diff)
		}
		err = db.Update(t.Context(), func(tx *database.Tx) error {
			return database.ExecIn(t.Context(), tx, `UPDATE posts SET status = ? WHERE id IN (?)`, ids[1:], "publish")
		})
		var drafts []int64
		if err == nil {
			err = db.Select(t.Context(), &drafts, `SELECT id FROM posts WHERE status = 'draft'`)
		}
		if diff := cmp.Diff([]int64{1}, drafts); err != nil || diff != "" {
			t.Errorf("ExecIn leaves: %v (-want +got):\n%s", err, diff)
		}
	})
}

// Requested ids that are free are assigned, other rows get new ids, and rows
// that are created later get others again.
func TestIDs(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		insert := `INSERT INTO terms (taxonomy, name, slug, name_key) VALUES ('post_tag', $1, $1, $1) RETURNING id`
		add := func(ctx context.Context, q database.Queryer, name string) (id int64) {
			if err := q.Get(ctx, &id, insert, name); err != nil {
				t.Fatal(err)
			}
			return id
		}
		var first, later int64
		err := db.Update(t.Context(), func(tx *database.Tx) error { first = add(t.Context(), tx, "a"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		wishes := []int64{first, first + 5, 0, first + 5, 1 << 50, -3}
		err = db.Update(t.Context(), func(tx *database.Tx) error {
			got = nil
			if err := database.LockTables(t.Context(), tx, "terms"); err != nil {
				return err
			}
			ids, err := database.NewIDs(t.Context(), tx, "terms", wishes, database.TakenIn("terms"))
			if err != nil {
				return err
			}
			for _, wish := range wishes {
				got = append(got, ids.Give(wish))
			}
			later = add(t.Context(), tx, "b")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []int64{first + 6, first + 5, first + 7, first + 8, first + 9, first + 10}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the wishes %d get (-want +got):\n%s", wishes, diff)
		}
		if later <= first+10 {
			t.Errorf("a row that is made later gets id %d", later)
		}
	})
}

func TestCleanText(t *testing.T) {
	for _, test := range []struct{ in, want string }{{"plain ü", "plain ü"}, {"a\x00b", "ab"}, {"a\xffb\xc3", "ab"}, {"\xc3\x00\xbc", ""}} {
		if got := database.CleanText(test.in); got != test.want {
			t.Errorf("CleanText(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}
