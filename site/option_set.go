package site

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/quillgate/quillgate/auth"
)

// SetOptions sets options for a caller, who needs the right manage_options. It
// sets all of them, or none if one is refused; bad lists the refused ones,
// sorted by name. Titles are plain text.
func (s *Site) SetOptions(ctx context.Context, who auth.Identity, values map[string]string) (bad []*Invalid, err error) {
	if err := mayChangeOptions(who); err != nil {
		return nil, err
	}
	stored := make(map[string]string, len(values))
	for name, value := range values {
		entry, known := optionTable[name]
		if !known {
			bad = append(bad, &Invalid{Field: name, Why: "there is no such option"})
			continue
		}
		var invalid *Invalid
		if stored[name], err = entry.check(name, value); errors.As(err, &invalid) {
			bad = append(bad, invalid)
		} else if err != nil {
			return nil, err
		}
	}
	if len(bad) > 0 {
		slices.SortFunc(bad, func(a, b *Invalid) int { return cmp.Compare(a.Field, b.Field) })
		return bad, nil
	}
	_, err = s.storeOptions(ctx, who.Actor(), stored)
	return nil, err
}
