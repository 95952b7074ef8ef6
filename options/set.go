package options

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// Set sets an option for the operator of the server, who needs no role. The
// error for an invalid name or value is *Invalid. Titles are plain text.
func (s *Store) Set(ctx context.Context, name, value string) error {
	stored, err := checked(name, value)
	if err != nil {
		return err
	}
	_, err = s.store(ctx, audit.Operator, map[string]string{name: stored})
	return err
}

// SetAll sets options for a caller, who needs the right manage_options. It sets
// all of them, or none if one is refused; bad lists the refused ones, sorted by
// name. Titles are plain text. Errors: ErrDenied.
func (s *Store) SetAll(ctx context.Context, who auth.Identity, values map[string]string) (bad []*Invalid, err error) {
	if !who.Can(auth.ManageOptions) {
		return nil, ErrDenied
	}
	stored := make(map[string]string, len(values))
	for name, value := range values {
		var invalid *Invalid
		if stored[name], err = checked(name, value); errors.As(err, &invalid) {
			bad = append(bad, invalid)
		} else if err != nil {
			return nil, err
		}
	}
	if len(bad) > 0 {
		slices.SortFunc(bad, func(a, b *Invalid) int { return cmp.Compare(a.Name, b.Name) })
		return bad, nil
	}
	_, err = s.store(ctx, who.Actor(), stored)
	if invalid := refused(err); invalid != nil {
		return []*Invalid{invalid}, nil
	}
	return nil, err
}

// checked returns a value that someone sets in stored form, or an *Invalid.
func checked(name, value string) (string, error) {
	e, known := table[name]
	if !known {
		return "", &Invalid{Name: name, Why: "there is no such option"}
	}
	return e.check(name, value)
}

// Changed is the audit event for options that were set, with their values.
const Changed audit.Kind = "options.changed"

// shownOption is how many bytes of a value the audit trail stores.
const shownOption = 200

// store writes the options that differ, and returns their names.
func (s *Store) store(ctx context.Context, by audit.Actor, values map[string]string) ([]string, error) {
	var changed []string
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		now, err := Read(ctx, tx)
		if err != nil {
			return err
		}
		values := now.WithCommenters(values)
		if err := s.checkReferents(ctx, tx, now, values); err != nil {
			return err
		}
		changed, err = Write(ctx, tx, values)
		if err != nil || len(changed) == 0 {
			return err
		}
		detail := make(map[string]string, len(changed))
		for _, name := range changed {
			detail[name] = values[name]
			if len(detail[name]) > shownOption {
				detail[name] = strings.ToValidUTF8(detail[name][:shownOption], "") + "…"
			}
		}
		return audit.Append(ctx, tx, audit.Event{Kind: Changed, By: by, At: s.clock().UTC().Truncate(time.Second), Detail: detail})
	})
	if invalid := refused(err); invalid != nil {
		return nil, invalid
	}
	if err != nil {
		return nil, fmt.Errorf("store options: %w", err)
	}
	return changed, nil
}

// Write writes the options that differ from those in tx, and returns their
// sorted names.
func Write(ctx context.Context, tx *database.Tx, values map[string]string) ([]string, error) {
	now, err := Read(ctx, tx)
	if err != nil {
		return nil, err
	}
	var changed []string
	for name, value := range values {
		if old, there := now.stored[name]; !there || old != value {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	for _, name := range changed {
		err := tx.Later(ctx, `INSERT INTO options (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, values[name])
		if err != nil {
			return nil, fmt.Errorf("write option %s: %w", name, err)
		}
	}
	return changed, nil
}
