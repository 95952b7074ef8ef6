package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fill writes lines, one for each minute from noon.
func fill(t *testing.T, db *database.DB, n int) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *database.Tx) error {
		for i := range n {
			e := audit.Event{Kind: "test.done", UserID: int64(i % 3), At: noon.Add(time.Duration(i) * time.Minute), Detail: map[string]string{"n": fmt.Sprint(i)}}
			if err := audit.Append(t.Context(), tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// H11: the database itself refuses to change or remove a line.
func TestH11AppendOnly(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		fill(t, db, 3)
		for _, statement := range []string{
			`UPDATE audit SET event = 'other' WHERE id = $1`, `DELETE FROM audit WHERE id = $1`,
		} {
			if _, err := db.Exec(t.Context(), statement, 2); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if lines, _, err := audit.Verify(t.Context(), db, nil, nil); err != nil || lines != 3 {
			t.Errorf("%d lines, %v; want 3", lines, err)
		}
	})
}

// H11: whoever bypasses that is detected.
func TestH11VerifyFindsChanges(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db := databasetest.Open(t, url)
		fill(t, db, 6)
		if strings.HasPrefix(url, "postgres") {
			exec(t, db, `DROP TRIGGER audit_append_only ON audit`)
		} else {
			exec(t, db, `DROP TRIGGER audit_unchanged`)
			exec(t, db, `DROP TRIGGER audit_kept`)
		}
		undone := errors.New("undone")
		for _, test := range []struct {
			name       string
			statements []string
			line       int64
		}{
			{"event", []string{`UPDATE audit SET event = 'other' WHERE id = 3`}, 3},
			{"detail", []string{`UPDATE audit SET detail = '{}' WHERE id = 1`}, 1},
			{"who", []string{`UPDATE audit SET actor = 9 WHERE id = 6`}, 6},
			{"hash", []string{`UPDATE audit SET hash = (SELECT hash FROM audit WHERE id = 1) WHERE id = 4`}, 4},
			{"deleted", []string{`DELETE FROM audit WHERE id = 3`}, 3},
			{"deleted first", []string{`DELETE FROM audit WHERE id = 1`}, 1},
			{"tail cut off", []string{`DELETE FROM audit WHERE id = 6`}, 6},
			{"all gone", []string{`DELETE FROM audit`}, 1},
			{"end put back", []string{`DELETE FROM audit WHERE id = 6`, `UPDATE audit_head SET id = 5`}, 5},
			{"deleted and moved up", []string{`DELETE FROM audit WHERE id = 3`, `UPDATE audit SET id = id - 1 WHERE id = 4`}, 3},
			{"order", []string{`UPDATE audit SET id = -2 WHERE id = 2`, `UPDATE audit SET id = 2 WHERE id = 3`, `UPDATE audit SET id = 3 WHERE id = -2`}, 2},
			{"put in behind the end", []string{`INSERT INTO audit (id, at, event, user_id, actor, via, app, address, agent, detail, hash) SELECT 7, at, event, user_id, actor, via, app, address, agent, detail, hash FROM audit WHERE id = 6`}, 7},
			{"pruned without a line", []string{`UPDATE audit_head SET pruned = 2, pruned_hash = (SELECT hash FROM audit WHERE id = 2)`, `DELETE FROM audit WHERE id <= 2`}, 2},
			{"no end", []string{`DELETE FROM audit_head`}, 0},
		} {
			err := db.Update(t.Context(), func(tx *database.Tx) error {
				for _, statement := range test.statements {
					if _, err := tx.Exec(t.Context(), statement); err != nil {
						return fmt.Errorf("%s: %w", statement, err)
					}
				}
				_, _, err := audit.Verify(t.Context(), tx, nil, nil)
				broken, ok := errors.AsType[*audit.Broken](err)
				if !ok || broken.ID != test.line {
					t.Errorf("%s: %v, want the trail broken at line %d", test.name, err, test.line)
				}
				return undone
			})
			if !errors.Is(err, undone) {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if lines, _, err := audit.Verify(t.Context(), db, nil, nil); err != nil || lines != 6 {
			t.Errorf("%d lines, %v; want 6, since all of that was undone", lines, err)
		}
	})
}

func exec(t *testing.T, db *database.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// H11: a head that was noted elsewhere reveals a rewritten trail.
func TestH11ExpectedHead(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		fill(t, db, 4)
		_, noted, err := audit.Verify(t.Context(), db, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := audit.ParseHead(noted.String())
		if err != nil || parsed.String() != noted.String() {
			t.Fatalf("%v, %v", parsed, err)
		}
		fill(t, db, 3)
		if _, _, err := audit.Verify(t.Context(), db, &parsed, nil); err != nil {
			t.Errorf("the head of before is still there: %v", err)
		}
		for _, other := range []audit.Head{{ID: 4, Hash: []byte("another")}, {ID: 99, Hash: noted.Hash}, {ID: 3, Hash: noted.Hash}} {
			var broken *audit.Broken
			if _, _, err := audit.Verify(t.Context(), db, &other, nil); !errors.As(err, &broken) {
				t.Errorf("%v passes: %v", other, err)
			}
		}
		for _, text := range []string{"", "4", "x:00", "4:zz", "-1:00"} {
			if _, err := audit.ParseHead(text); err == nil {
				t.Errorf("ParseHead takes %q", text)
			}
		}
	})
}

// H11: old lines are removed, and the rest can still be verified.
func TestH11Prune(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		fill(t, db, 10)
		for i, test := range []struct {
			before time.Time
			gone   int64
		}{{noon, 0}, {noon.Add(4 * time.Minute), 4}, {noon.Add(4 * time.Minute), 0}, {noon.Add(7*time.Minute + time.Second), 4}} {
			gone, err := audit.Prune(ctx, db, audit.Operator, test.before)
			if err != nil || gone != test.gone {
				t.Errorf("pruning %d removes %d lines, %v; want %d", i, gone, err, test.gone)
			}
			if _, _, err := audit.Verify(ctx, db, nil, nil); err != nil {
				t.Errorf("after pruning %d: %v", i, err)
			}
		}
		list, err := audit.List(ctx, db, audit.Filter{})
		if err != nil || len(list) != 4 || list[3].ID != 9 || list[0].Kind != audit.Pruned {
			t.Errorf("%d lines are left, %v", len(list), err)
		}
	})
}

// A client's name for itself is stored as text that PostgreSQL accepts.
func TestAgentIsText(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, agent := range []string{"a\x00b", "a\xffb", strings.Repeat("é", 150), strings.Repeat("x", 199) + "é"} {
			err := db.Update(t.Context(), func(tx *database.Tx) error {
				return audit.Append(t.Context(), tx, audit.Event{Kind: "test.done", By: audit.Actor{Agent: agent}})
			})
			if err != nil {
				t.Errorf("%.20q: %v", agent, err)
			}
		}
		if _, _, err := audit.Verify(t.Context(), db, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestEachHandsOutAll(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		fill(t, db, 2500)
		count := func(f audit.Filter) (n int) {
			var last int64
			err := audit.Each(context.Background(), db, f, func(l audit.Line) error {
				if l.ID <= last {
					t.Errorf("line %d after %d", l.ID, last)
				}
				last = l.ID
				n++
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			return n
		}
		if n := count(audit.Filter{}); n != 2500 {
			t.Errorf("%d lines, want 2500", n)
		}
		if n := count(audit.Filter{UserID: 1}); n != 833 {
			t.Errorf("%d lines of user 1, want 833", n)
		}
		if n := count(audit.Filter{Since: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)}); n != 60 {
			t.Errorf("%d lines of an hour, want 60", n)
		}
		if n := count(audit.Filter{Kind: "other"}); n != 0 {
			t.Errorf("%d lines of another kind, want 0", n)
		}
	})
}
