package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// Import reads a bundle and changes the blog accordingly in one transaction: it
// imports the whole bundle, or changes nothing.
//
// Objects are identified by their ids. An object that does not exist is added.
// An existing one becomes what the bundle contains, with its terms and custom
// fields. Objects that are not in the bundle stay. A second import of the same
// bundle changes nothing. Counts of terms and comments are computed.
//
// The initial content of a new blog makes room. Its category is removed if the
// bundle has one with the same slug but another id, and no post uses it. The
// administrator of the first start becomes the bundle's user with the same id
// and name, including the password; if only one of the two is equal, the bundle
// is rejected.
//
// Only the operator of the server may call Import, since it checks no role. An
// invalid bundle is a *BundleError.
func (s *Blog) Import(ctx context.Context, r io.Reader) (Report, error) {
	var notes []string
	b, spool, err := readBundle(r, &notes)
	defer spool.discard()
	if err != nil {
		return Report{}, err
	}
	report, err := s.ImportBundle(ctx, b)
	if err != nil {
		return Report{}, err
	}
	report.Notes = append(notes, report.Notes...)
	return report, nil
}

// ImportBundle is Import for a bundle in memory.
func (s *Blog) ImportBundle(ctx context.Context, b *Bundle) (Report, error) {
	var notes []string
	if err := b.check(&notes); err != nil {
		return Report{}, err
	}
	values, err := b.optionValues(&notes)
	if err != nil {
		return Report{}, err
	}
	files, err := s.importFiles(ctx, b, values)
	if err != nil {
		return Report{}, err
	}
	var im *importer
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		// A transaction may run more than once, so all state is reset here.
		im = &importer{blog: s, tx: tx, bundle: b, options: values, files: files}
		return im.run(ctx)
	})
	if err != nil {
		files.undo(ctx)
		return Report{}, importError(err)
	}
	files.keep(ctx)
	im.report.Notes = append(notes, files.notes...)
	return im.report, nil
}

func importError(err error) error {
	var bad *BundleError
	if errors.As(err, &bad) {
		return bad
	}
	return fmt.Errorf("import a bundle: %w", err)
}

// importer is one import in its transaction.
type importer struct {
	blog    *Blog
	tx      *database.Tx
	bundle  *Bundle
	options map[string]string
	files   *importedFiles
	report  Report

	zone  *options.Values  // for dates that have only one of their two clocks
	terms map[int64]string // id → taxonomy of every term that the blog has now
}

func (im *importer) run(ctx context.Context) error {
	steps := []func(context.Context) error{
		im.importOptions, im.importUsers, im.importTerms, im.importPosts, im.importComments, im.count, im.reserve,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// importOptions runs first, because dates depend on the time zone.
func (im *importer) importOptions(ctx context.Context) error {
	before, err := options.Read(ctx, im.tx)
	if err != nil {
		return err
	}
	stored := before.Stored()
	changed, err := options.Write(ctx, im.tx, before.WithCommenters(im.options))
	if err != nil {
		return err
	}
	changed = slices.DeleteFunc(changed, func(name string) bool { _, given := im.options[name]; return !given })
	for _, name := range changed {
		if _, there := stored[name]; there {
			im.report.Options.Changed++
		} else {
			im.report.Options.Added++
		}
	}
	im.report.Options.Same = len(im.options) - len(changed)
	im.zone, err = options.Read(ctx, im.tx)
	return err
}

// clocks fills in the local or UTC form of a date if the bundle has only the
// other.
func (im *importer) clocks(local, gmt BundleTime) (time.Time, *time.Time) {
	if local.IsZero() {
		return im.zone.Local(gmt.Time), gmt.moment()
	}
	return local.Time, gmt.moment()
}

// count updates the counts that the database stores next to the objects.
func (im *importer) count(ctx context.Context) error {
	_, err := im.tx.Exec(ctx, `UPDATE posts SET comment_count = (SELECT COUNT(*) FROM comments c WHERE c.post_id = posts.id AND c.status = 'approve')
		WHERE comment_count <> (SELECT COUNT(*) FROM comments c WHERE c.post_id = posts.id AND c.status = 'approve')`)
	if err != nil {
		return fmt.Errorf("count the comments: %w", err)
	}
	return site.RecountTerms(ctx, im.tx)
}

// reserve makes the ids of new objects start at next_ids, since the bundle's
// blog may have used lower ids that are free here.
func (im *importer) reserve(ctx context.Context) error {
	next := BundleNextIDs{}
	if im.bundle.NextIDs != nil {
		next = *im.bundle.NextIDs
	}
	for _, t := range []struct {
		table string
		next  int64
	}{
		{"users", next.Users},
		{"terms", next.Terms},
		{"posts", next.Posts},
		{"comments", next.Comments},
		{"post_meta", next.PostMeta},
		{"term_meta", next.TermMeta},
		{"comment_meta", 1},
	} {
		if err := database.ReserveIDs(ctx, im.tx, t.table, max(t.next, 1)); err != nil {
			return err
		}
	}
	return nil
}

func idsOf[T any](list []T, id func(*T) int64) []int64 {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = id(&list[i])
	}
	return ids
}

// tally counts one object.
func (t *Tally) add(there, changed bool) {
	switch {
	case !there:
		t.Added++
	case changed:
		t.Changed++
	default:
		t.Same++
	}
}
