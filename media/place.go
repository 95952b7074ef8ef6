package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/quillgate/quillgate/database"
)

// Elsewhere means that the files of the blog are in another store.
type Elsewhere struct {
	Here  string // the store of this process
	There string // where the files were last
	// Missing is how many of the Looked files that were checked are not here.
	Missing, Looked int
	// Foreign means that the store has the mark of another blog.
	Foreign bool
}

func (e *Elsewhere) Error() string {
	if e.Foreign {
		return fmt.Sprintf("the uploads of another blog are in %s", e.Here)
	}
	if e.Looked == 0 {
		return fmt.Sprintf("the uploads are in %s, and this server uses %s", e.There, e.Here)
	}
	return fmt.Sprintf("the uploads are in %s, and this server uses %s, where %d of %d files that were looked for are missing", e.There, e.Here, e.Missing, e.Looked)
}

// sampleSize is the number of files that are checked in an unknown store.
const sampleSize = 20

// Arrive must be called before the library is used. A store is recognized by
// its mark, a random word in the store and in the database. Servers that should
// share a folder but do not have different marks. Arrive marks the first store
// of a blog. It accepts an unknown store if the files of the blog are in it,
// since a folder restored from a backup may have no mark; otherwise it returns
// *Elsewhere. moved is the address of another store to which the files were
// moved since, if any.
func (l *Library) Arrive(ctx context.Context) (moved string, err error) {
	mark, err := l.store.Mark(ctx)
	if err != nil {
		return "", err
	}
	places, err := l.places(ctx)
	if err != nil {
		return "", err
	}
	for i, p := range places {
		if p.Mark != mark || mark == "" {
			continue
		}
		if i < len(places)-1 {
			moved = places[len(places)-1].Address
		}
		return moved, nil
	}
	_, bucket := l.store.(*Bucket)
	if len(places) == 0 && mark != "" && bucket {
		return "", &Elsewhere{Here: l.store.Address(), Foreign: true}
	}
	if len(places) > 0 {
		e := &Elsewhere{Here: l.store.Address(), There: places[len(places)-1].Address}
		if e.Missing, e.Looked, err = l.sample(ctx); err != nil {
			return "", err
		}
		if e.Missing > 0 || e.Looked == 0 {
			return "", e
		}
	}
	return "", l.Accept(ctx)
}

// Accept makes the store that of the blog, whatever is in it, and marks it.
func (l *Library) Accept(ctx context.Context) error {
	mark, err := l.store.Mark(ctx)
	if err != nil {
		return err
	}
	if mark == "" || l.ledger.db == nil {
		mark = rand.Text()
		if err := l.store.SetMark(ctx, mark); err != nil {
			return err
		}
		// If two processes start at once, the store has the mark of the one
		// that wrote last.
		if mark, err = l.store.Mark(ctx); err != nil {
			return err
		}
	}
	_, err = l.ledger.db.Exec(ctx, `INSERT INTO media_places (mark, address, since) VALUES ($1, $2, $3) ON CONFLICT (mark) DO UPDATE SET address = excluded.address, since = excluded.since`,
		mark, l.store.Address(), l.now())
	if err != nil {
		return fmt.Errorf("remember where the uploads are: %w", err)
	}
	return nil
}

// Part makes a copied database forget, within tx, where the uploads are, since
// they belong to the original.
func (l *Library) Part(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM media_places`); err != nil {
		return fmt.Errorf("forget where the uploads of the original are: %w", err)
	}
	return nil
}

type knownPlace struct {
	Mark    string `db:"mark"`
	Address string `db:"address"`
}

// places returns the stores of the blog, the current one last.
func (l *Library) places(ctx context.Context) (list []knownPlace, err error) {
	if err := l.ledger.db.Select(ctx, &list, `SELECT mark, address FROM media_places ORDER BY since, mark`); err != nil {
		return nil, fmt.Errorf("read where the uploads are: %w", err)
	}
	return list, nil
}

// sample checks whether some files of the blog are in the store.
func (l *Library) sample(ctx context.Context) (missing, looked int, err error) {
	rows, err := l.ledger.read(ctx, l.ledger.db, `SELECT `+ledgerColumns+` FROM media_files WHERE pending IS NULL ORDER BY name LIMIT $1`, sampleSize)
	if err != nil {
		return 0, 0, err
	}
	for _, row := range rows {
		if _, err := l.store.Stat(ctx, row.Name); errors.Is(err, fs.ErrNotExist) {
			missing++
		} else if err != nil {
			return 0, 0, err
		}
	}
	return missing, len(rows), nil
}

// Problem is a problem found by Verify or Move.
type Problem struct {
	Name string
	What string // description
}

// Check is the progress of Verify or Move.
type Check struct {
	Done, All   int64 // bytes
	Files       int   // files checked
	Copied      int   // files that were copied
	Pending     int   // files of uploads that are in progress or were not finished
	Unknown     int   // files in the store without a row
	UnknownSize int64 // their bytes
}

// pageOfRows is the number of rows that are read at once.
const pageOfRows = 500

// eachRow calls fn with the rows of the ledger, ordered by name. It may miss
// rows that are added meanwhile.
func (l *Library) eachRow(ctx context.Context, fn func([]ledgerRow) error) error {
	for after := ""; ; {
		rows, err := l.ledger.read(ctx, l.ledger.db, `SELECT `+ledgerColumns+` FROM media_files WHERE name > $1 ORDER BY name LIMIT $2`, after, pageOfRows)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := fn(rows); err != nil {
			return err
		}
		after = rows[len(rows)-1].Name
	}
}

// total returns the number of bytes of all files.
func (l *Library) total(ctx context.Context) (all int64, err error) {
	err = l.ledger.db.Get(ctx, &all, `SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM media_files WHERE pending IS NULL AND size > 0`)
	if err != nil {
		return 0, fmt.Errorf("count the uploads: %w", err)
	}
	return all, nil
}

// Verify compares the ledger with the store while servers run. Every file of
// the ledger must be in the store with the same size, and with read also with
// the same content; every file of the store must be in the ledger. recorded
// yields the files of the blog's attachments, each once, which must be in the
// ledger. Verify calls found with problems, and progress with its progress.
func (l *Library) Verify(ctx context.Context, read bool, recorded func(func(name string) error) error, found func(Problem), progress func(Check)) (Check, error) {
	var c Check
	all, err := l.total(ctx)
	if err != nil {
		return c, err
	}
	c.All = all
	err = l.eachRow(ctx, func(rows []ledgerRow) error {
		problems, err := inParallel(rows, func(row ledgerRow) (Problem, error) { return l.verifyRow(ctx, row, read) })
		if err != nil {
			return err
		}
		for i, row := range rows {
			if row.pending {
				c.Pending++
				continue
			}
			c.Files++
			c.Done += max(row.Size, 0)
			if problems[i].What != "" {
				found(problems[i])
			}
		}
		progress(c)
		return nil
	})
	if err != nil {
		return c, err
	}
	if err := l.verifyRecorded(ctx, recorded, found); err != nil {
		return c, err
	}
	return c, l.eachUnknown(ctx, func(info Info) error {
		c.Unknown++
		c.UnknownSize += info.Size
		found(Problem{info.Name, "nobody has this file"})
		return nil
	})
}

// verifyRow checks the file of a row.
func (l *Library) verifyRow(ctx context.Context, row ledgerRow, read bool) (Problem, error) {
	if row.pending {
		return Problem{}, nil
	}
	wrong := func(format string, args ...any) (Problem, error) {
		// It may have been removed since the row was read.
		now, err := l.ledger.find(ctx, row.Name)
		if err != nil || now == nil || now.upload != row.upload || now.pending {
			return Problem{}, err
		}
		return Problem{row.Name, fmt.Sprintf(format, args...)}, nil
	}
	info, err := l.Stat(ctx, row.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wrong("is missing")
	case err != nil:
		return Problem{}, err
	case row.Size >= 0 && info.Size != row.Size:
		return wrong("has %d bytes, not %d", info.Size, row.Size)
	case !read || row.ETag == "":
		return Problem{}, nil
	}
	f, _, err := l.Open(ctx, row.Name)
	if err != nil {
		return Problem{}, err
	}
	defer f.Close()
	tag, err := etagOf(ctx, f)
	if err == nil && tag != row.ETag {
		return wrong("has other content than when it was stored")
	}
	return Problem{}, err
}

// verifyRecorded checks that the files of attachments have rows.
func (l *Library) verifyRecorded(ctx context.Context, recorded func(func(name string) error) error, found func(Problem)) error {
	var names []string
	look := func() error {
		there := map[string]bool{}
		err := database.SelectIn(ctx, l.ledger.db, `SELECT name FROM media_files WHERE pending IS NULL AND name IN (?)`, names, func(name string) { there[name] = true })
		for _, name := range names {
			if err == nil && !there[name] {
				found(Problem{name, "is the file of an attachment, and was never stored"})
			}
		}
		names = names[:0]
		return err
	}
	err := recorded(func(name string) error {
		if names = append(names, name); len(names) < pageOfRows {
			return nil
		}
		return look()
	})
	if err != nil {
		return err
	}
	return look()
}

// eachUnknown calls fn for every file of the store without a row.
func (l *Library) eachUnknown(ctx context.Context, fn func(Info) error) error {
	var page []Info
	look := func() error {
		names := make([]string, len(page))
		for i, info := range page {
			names[i] = info.Name
		}
		known := map[string]bool{}
		err := database.SelectIn(ctx, l.ledger.db, `SELECT name FROM media_files WHERE name IN (?)`, names, func(name string) { known[name] = true })
		if err != nil {
			return fmt.Errorf("look for files in the ledger: %w", err)
		}
		for _, info := range page {
			if known[info.Name] {
				continue
			}
			// A file that was removed since it was listed had a row until then.
			if _, err := l.store.Stat(ctx, info.Name); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := fn(info); err != nil {
				return err
			}
		}
		page = page[:0]
		return nil
	}
	for info, err := range l.store.List(ctx) {
		if err != nil {
			return err
		}
		if page = append(page, info); len(page) == pageOfRows {
			if err := look(); err != nil {
				return err
			}
		}
	}
	return look()
}

// ErrDiffers means that the store to move to has a different file of the same
// name.
var ErrDiffers = errors.New("another file of this name is there")

// Move copies every file of the library to another store, which becomes the
// place of the blog's files, while servers run on this one. It skips files that
// are already there, so it can be run again after an interruption, and once
// more after the servers have changed to the other store, for files that
// arrived meanwhile. With unknown, it also copies files without a row. It
// removes nothing here. It calls found with files that cannot be copied, and
// continues.
func (l *Library) Move(ctx context.Context, to Store, unknown bool, found func(Problem), progress func(Check)) (Check, error) {
	var c Check
	target := &Library{store: to, ledger: l.ledger, clock: l.clock, logger: l.logger}
	if err := target.begin(ctx); err != nil {
		return c, err
	}
	all, err := l.total(ctx)
	if err != nil {
		return c, err
	}
	c.All = all
	for pass := 0; ; pass++ {
		copied := c.Copied
		err := l.eachRow(ctx, func(rows []ledgerRow) error {
			rows = slices.DeleteFunc(rows, func(row ledgerRow) bool { return row.pending })
			return l.moveAll(ctx, to, rows, &c, pass == 0, found, progress)
		})
		if err != nil {
			return c, err
		}
		if c.Copied == copied || pass == maxPasses {
			break // nothing arrived during this pass
		}
	}
	if err := target.removeGone(ctx, l.store); err != nil {
		return c, err
	}
	return c, l.eachUnknown(ctx, func(info Info) error {
		c.Unknown++
		c.UnknownSize += info.Size
		if !unknown {
			return nil
		}
		_, err := l.moveFile(ctx, to, ledgerRow{Info: info}, false)
		if errors.Is(err, ErrDiffers) {
			found(Problem{info.Name, err.Error()})
			return nil
		}
		return err
	})
}

// removeGone removes copies of files that were removed from the other store
// after they had been copied. Objects that somebody else put into a bucket do
// not look like copies, and stay.
func (l *Library) removeGone(ctx context.Context, from Store) error {
	return l.eachUnknown(ctx, func(info Info) error {
		there, err := l.store.Stat(ctx, info.Name)
		if err != nil || there.ETag == "" {
			return err
		}
		if _, err := from.Stat(ctx, info.Name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return l.store.Remove(ctx, info.Name)
	})
}

// maxPasses limits how often Move looks for files that arrived meanwhile.
const maxPasses = 10

// begin makes the store of the library the place of the files, unless it
// belongs to another blog.
func (l *Library) begin(ctx context.Context) error {
	mark, err := l.store.Mark(ctx)
	if err != nil {
		return err
	}
	places, err := l.places(ctx)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(places, func(p knownPlace) bool { return p.Mark == mark })
	if mark != "" && !known {
		return &Elsewhere{Here: l.store.Address(), Foreign: true}
	}
	return l.Accept(ctx)
}

// moveAll copies the files of some rows.
func (l *Library) moveAll(ctx context.Context, to Store, rows []ledgerRow, c *Check, first bool, found func(Problem), progress func(Check)) error {
	type moved struct {
		copied bool
		wrong  string
	}
	for part := range slices.Chunk(rows, 4*parallel) {
		done, err := inParallel(part, func(row ledgerRow) (moved, error) {
			copied, err := l.moveFile(ctx, to, row, true)
			switch {
			case errors.Is(err, ErrDiffers):
				return moved{false, err.Error()}, nil
			case errors.Is(err, fs.ErrNotExist):
				now, err := l.ledger.find(ctx, row.Name)
				if err == nil && now != nil && !now.pending && first {
					return moved{false, "is missing"}, nil
				}
				return moved{}, err
			}
			return moved{copied: copied}, err
		})
		for i, m := range done {
			if m.copied {
				c.Copied++
			}
			if first {
				c.Files++
				c.Done += max(part[i].Size, 0)
				if m.wrong != "" {
					found(Problem{part[i].Name, m.wrong})
				}
			}
		}
		progress(*c)
		if err != nil {
			return err
		}
	}
	return nil
}

// moveFile copies one file. It returns false if the file is already there.
// recorded means that it has a row.
func (l *Library) moveFile(ctx context.Context, to Store, row ledgerRow, recorded bool) (bool, error) {
	there, err := to.Stat(ctx, row.Name)
	switch {
	case err == nil && (there.ETag != "" && there.ETag == row.ETag || row.ETag == "" && (row.Size < 0 || there.Size == row.Size)):
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	f, _, openErr := l.store.Open(ctx, row.Name, nil)
	if openErr != nil {
		if err == nil && errors.Is(openErr, fs.ErrNotExist) {
			return false, nil // it arrived after the servers had changed to the other store
		}
		return false, openErr
	}
	defer f.Close()
	p, openErr := to.Spool(ctx, f)
	if openErr != nil {
		return false, openErr
	}
	facts := p.facts(row.Name)
	if err == nil { // a file of the same name, whose content is unknown
		tag, err := l.tagOf(ctx, to, row.Name)
		if err = errors.Join(err, p.discard()); err != nil || tag == facts.ETag {
			return false, err
		}
		return false, fmt.Errorf("%s: %w", row.Name, ErrDiffers)
	}
	err = to.Put(ctx, row.Name, p, facts)
	if err = errors.Join(err, p.discard()); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s: %w", row.Name, ErrDiffers)
		}
		return false, err
	}
	if !recorded {
		return true, nil
	}
	return true, l.settle(ctx, to, row, facts)
}

// settle stores the facts about a file. If the file was removed while it was
// copied, it removes the copy.
func (l *Library) settle(ctx context.Context, to Store, row ledgerRow, facts Facts) error {
	result, err := l.ledger.db.Exec(ctx, `UPDATE media_files SET type = $1, download = $2, size = $3, etag = $4 WHERE name = $5 AND upload = $6 AND pending IS NULL`,
		facts.Type, facts.Download, facts.Size, facts.ETag, row.Name, row.upload)
	if err != nil {
		return fmt.Errorf("write down what %q is: %w", row.Name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return to.Remove(ctx, row.Name)
}

// tagOf reads a file of a store and returns its entity tag.
func (l *Library) tagOf(ctx context.Context, s Store, name string) (string, error) {
	f, _, err := s.Open(ctx, name, nil)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return etagOf(ctx, f)
}
