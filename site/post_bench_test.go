package site_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
)

// BenchmarkListPosts compares a list of ten posts in a small and in a large blog: the two are to cost the same.
func BenchmarkListPosts(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		db, err := database.Open(b.Context(), database.Config{URL: filepath.Join(b.TempDir(), "blog.db")})
		if err != nil {
			b.Fatal(err)
		}
		s, err := site.Open(b.Context(), site.Config{DB: db, Users: auth.NewUsers(auth.UsersConfig{DB: db}), BaseURL: "https://blog.example"})
		if err != nil {
			b.Fatal(err)
		}
		date := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		err = db.Update(b.Context(), func(tx *database.Tx) error {
			for i := range size {
				at := date.Add(-time.Duration(i) * time.Minute)
				status := "publish"
				if i%1000 == 500 {
					status = "draft"
				}
				_, err := tx.Exec(b.Context(), `INSERT INTO posts (type, status, title, name, author, content, date, date_gmt, modified, modified_gmt)
					VALUES ('post', $1, $2, $2, 1, 'text', $3, $3, $3, $3)`, status, fmt.Sprint("post-", i), at)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		who := auth.Identity{User: auth.User{ID: 1, Role: auth.Administrator}}
		for name, f := range map[string]site.PostFilter{
			"newest": {}, "page 10": {Offset: 100}, "drafts": {Statuses: []string{"draft", "pending"}},
		} {
			b.Run(fmt.Sprintf("%s of %d", name, size), func(b *testing.B) {
				for b.Loop() {
					if _, err := s.ListPosts(b.Context(), who, f, site.LoadTerms|site.LoadFields); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
