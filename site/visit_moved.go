package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/permalink"
)

// MaxOldAddresses is how many former addresses of a post at another blog are
// stored.
const MaxOldAddresses = 8

// OldAddress returns the current address of the post that had an address at
// another blog before it moved here. paths are the escaped paths that the
// address may have had, queries the queries in the form of permalink.OldQuery,
// each the most likely first; "" means none. The error is ErrNotFound if
// nothing is stored, or visitors may not see the post.
func (s *Site) OldAddress(ctx context.Context, paths, queries []string) (string, error) {
	var forms []string
	for _, path := range paths {
		forms = append(forms, permalink.OldForms(path, queries...)...)
	}
	if len(forms) == 0 {
		return "", ErrNotFound
	}
	type row struct {
		Address string `db:"address"`
		Post    int64  `db:"post_id"`
	}
	query, args, err := database.In(`SELECT address, post_id FROM old_addresses WHERE address IN (?)`, forms)
	if err != nil {
		return "", err
	}
	var rows []row
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return "", fmt.Errorf("look for an old address: %w", err)
	}
	slices.SortFunc(rows, func(a, b row) int { return slices.Index(forms, a.Address) - slices.Index(forms, b.Address) })
	for _, r := range rows {
		post, err := s.FindPost(ctx, auth.Identity{}, s.baseURL+"/?p="+strconv.FormatInt(r.Post, 10), 0)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		return post.Link, nil
	}
	return "", ErrNotFound
}
