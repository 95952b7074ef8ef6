package transfer_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/transfer"
)

func (b blog) export(t *testing.T, opts transfer.ExportOptions) string {
	t.Helper()
	var out bytes.Buffer
	if err := b.Export(t.Context(), &out, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return v
}

// Export writes everything that Import has read, except what it leaves out on
// purpose: comments on the bundle, passwords and keys.
func TestExport(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		b.mustImport(t, readBundle(t))
		text := b.export(t, transfer.ExportOptions{NoFiles: true})
		for _, secret := range []string{"harbour-master-1", "qwer", "ffeeddccbbaa99887766554433221100", "$argon2id$", "password_hash"} {
			if strings.Contains(text, secret) {
				t.Errorf("the export holds %q", secret)
			}
		}
		want := parse(t, readBundle(t))
		delete(want, "about")
		for _, u := range want["users"].([]any) {
			for _, m := range []string{"password", "secure_xmlrpc_keys", "application_passwords"} {
				delete(u.(map[string]any), m)
			}
		}
		for _, p := range want["posts"].([]any) {
			delete(p.(map[string]any), "data_base64")
		}
		if diff := cmp.Diff(want, parse(t, text)); diff != "" {
			t.Errorf("export (-want +got):\n%s", diff)
		}
	})
}

// An export makes the same blog elsewhere, also on the other database. With
// hashes, its passwords still work.
func TestExportImport(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		first := openBlog(t, db, nil)
		first.mustImport(t, readBundle(t))
		text := first.export(t, transfer.ExportOptions{Hashes: true})
		second := openBlog(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
		second.mustImport(t, text)
		if diff := cmp.Diff(text, second.export(t, transfer.ExportOptions{Hashes: true})); diff != "" {
			t.Errorf("export of an import of an export:\n%s", diff)
		}
		if diff := cmp.Diff(first.dump(t, map[string]string{"users": "id login password"}), second.dump(t, map[string]string{"users": "id login password"})); diff != "" {
			t.Errorf("hashes:\n%s", diff)
		}
		if diff := cmp.Diff(first.uploads(t), second.uploads(t)); diff != "" {
			t.Errorf("uploads:\n%s", diff)
		}
		if report := second.mustImport(t, text); !report.Unchanged() {
			t.Errorf("a second import of an export changes something: %+v", report)
		}
	})
}
