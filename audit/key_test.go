package audit_test

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// begin puts the trail under a key.
func begin(t *testing.T, db *database.DB, key []byte) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx *database.Tx) error { return audit.Begin(t.Context(), tx, key) }); err != nil {
		t.Fatal(err)
	}
	audit.UseKey(db, key)
}

// unguard removes what keeps the database from changing lines.
func unguard(t *testing.T, db *database.DB, url string) {
	t.Helper()
	if strings.HasPrefix(url, "postgres") {
		exec(t, db, `DROP TRIGGER audit_append_only ON audit`)
		return
	}
	exec(t, db, `DROP TRIGGER audit_unchanged`)
	exec(t, db, `DROP TRIGGER audit_kept`)
}

// rewrite forges a whole trail from the lines that match a condition, as
// someone who controls the database can.
func rewrite(t *testing.T, db *database.DB, keep string) {
	t.Helper()
	var rows []struct {
		ID      int64     `db:"id"`
		At      time.Time `db:"at"`
		Event   string    `db:"event"`
		UserID  int64     `db:"user_id"`
		Actor   int64     `db:"actor"`
		Via     string    `db:"via"`
		App     string    `db:"app"`
		Address string    `db:"address"`
		Agent   string    `db:"agent"`
		Detail  string    `db:"detail"`
	}
	err := db.Select(t.Context(), &rows, `SELECT id, at, event, user_id, actor, via, app, address, agent, detail FROM audit WHERE `+keep+` ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `DELETE FROM audit`)
	var before []byte
	for i, r := range rows {
		h := sha256.New()
		put := func(p []byte) {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
			h.Write(p)
		}
		put(before)
		for _, n := range []int64{int64(i + 1), r.At.UnixMicro()} {
			put(binary.BigEndian.AppendUint64(nil, uint64(n)))
		}
		put([]byte(r.Event))
		for _, n := range []int64{r.UserID, r.Actor} {
			put(binary.BigEndian.AppendUint64(nil, uint64(n)))
		}
		for _, s := range []string{r.Via, r.App, r.Address, r.Agent, r.Detail} {
			put([]byte(s))
		}
		before = h.Sum(nil)
		_, err := db.Exec(t.Context(), `INSERT INTO audit (id, at, event, user_id, actor, via, app, address, agent, detail, hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, i+1, r.At, r.Event, r.UserID, r.Actor, r.Via, r.App, r.Address, r.Agent, r.Detail, before)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(t.Context(), `UPDATE audit_head SET id = $1, hash = $2`, len(rows), before); err != nil {
		t.Fatal(err)
	}
}

func broken(t *testing.T, db *database.DB) bool {
	t.Helper()
	_, _, err := audit.Verify(t.Context(), db, nil, nil)
	return err != nil
}

// K17: someone who has the database but not the key cannot rewrite the trail,
// truncate it or empty it, and later lines of the server do not hide it.
func TestK17TheDatabaseAloneRewritesNothing(t *testing.T) {
	cut := []string{`DELETE FROM audit WHERE id > 4`, `UPDATE audit_head SET id = 4, hash = (SELECT hash FROM audit WHERE id = 4)`}
	for _, test := range []struct {
		name       string
		keep       string // of a rewritten trail
		statements []string
	}{
		{"rewritten", "TRUE", nil},
		{"rewritten without a line", "id <> 3", nil},
		{"rewritten, without the MAC", "id <> 3", []string{`UPDATE audit_head SET mac = ''`}},
		{"cut off", "", cut},
		{"cut off, without the MAC", "", append(cut[:2:2], `UPDATE audit_head SET mac = ''`)},
		{"emptied", "", []string{`DELETE FROM audit`, `UPDATE audit_head SET id = 0, hash = ''`}},
		{"emptied, without the MAC", "", []string{`DELETE FROM audit`, `UPDATE audit_head SET id = 0, hash = '', mac = ''`}},
		{"pruned", "", []string{`UPDATE audit_head SET pruned = 2, pruned_hash = (SELECT hash FROM audit WHERE id = 2)`, `DELETE FROM audit WHERE id <= 2`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			databasetest.EachURL(t, func(t *testing.T, url string) {
				db := databasetest.Open(t, url)
				begin(t, db, key)
				fill(t, db, 6)
				if broken(t, db) {
					t.Fatal("the trail is broken before anybody has touched it")
				}
				unguard(t, db, url)
				if test.keep != "" {
					rewrite(t, db, test.keep)
				}
				for _, statement := range test.statements {
					exec(t, db, statement)
				}
				if !broken(t, db) {
					t.Error("the trail counts as whole")
				}
				fill(t, db, 1)
				if !broken(t, db) {
					t.Error("once something was appended, the trail counts as whole")
				}
			})
		})
	}
}

// K17: a trail that is older than the key continues under one: a line covers
// everything before it.
func TestK17TrailsFromBefore(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db := databasetest.Open(t, url)
		fill(t, db, 3)
		begin(t, db, key)
		fill(t, db, 3)
		if lines, _, err := audit.Verify(t.Context(), db, nil, nil); err != nil || lines != 7 {
			t.Fatalf("%d lines, %v; want 7", lines, err)
		}
		// The key is lost, and another one begins.
		err := db.Update(t.Context(), func(tx *database.Tx) error { return audit.Unkey(t.Context(), tx) })
		if err != nil {
			t.Fatal(err)
		}
		begin(t, db, []byte("another key of 32 bytes ........"))
		fill(t, db, 2)
		if lines, _, err := audit.Verify(t.Context(), db, nil, nil); err != nil || lines != 10 {
			t.Fatalf("under another key: %d lines, %v; want 10", lines, err)
		}
		if gone, err := audit.Prune(t.Context(), db, audit.Operator, time.Now().Add(time.Hour)); err != nil || gone == 0 {
			t.Errorf("%d lines are pruned, %v", gone, err)
		}
		if broken(t, db) {
			t.Error("pruning has broken the trail")
		}
		unguard(t, db, url)
		exec(t, db, `UPDATE audit SET event = 'other' WHERE id = (SELECT MAX(id) FROM audit)`)
		if !broken(t, db) {
			t.Error("a changed line is not found")
		}
	})
}
