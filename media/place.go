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

// Elsewhere says that the store is not the one in which the files of the blog are.
type Elsewhere struct {
	Here  string // where this process looks
	There string // where the files were last
	// Missing of the Looked files that were looked for are not here.
	Missing, Looked int
	// Foreign is set when the store has the mark of another blog.
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

// sampleSize is how many files are looked for in a store that nobody knows.
const sampleSize = 20

// Arrive is called before the library is used. A store is recognised by its mark, a random word that lies in it and is in the
// database: servers that do not share a folder, although they should, have different ones. The first store of a blog gets its
// mark here. One that nobody knows is taken when the files of the blog are in it, since a folder that comes from a
// backup may have no mark; otherwise Arrive returns *Elsewhere. Moved reports that the files were since moved to another store.
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

// Accept makes the store that of the blog, whatever is in it: it gets a mark of its own.
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
		// Of two that begin at once the one that wrote last has marked the store.
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

// Part makes a copied database forget, within tx, where the uploads are, since they are the original's.
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

// places are the stores of the blog, the present one last.
func (l *Library) places(ctx context.Context) (list []knownPlace, err error) {
	if err := l.ledger.db.Select(ctx, &list, `SELECT mark, address FROM media_places ORDER BY since, mark`); err != nil {
		return nil, fmt.Errorf("read where the uploads are: %w", err)
	}
	return list, nil
}

// sample looks for some files of the blog in the store.
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

// Problem is what Verify found.
type Problem struct {
	Name string
	What string // in words
}

// Check is what Verify and Move have done so far.
type Check struct {
	Done, All   int64 // bytes
	Files       int   // that were looked at
	Copied      int   // files that were copied
	Pending     int   // files of uploads that are under way, or were not finished
	Unknown     int   // files in the store that nobody has
	UnknownSize int64 // bytes of these
}

// pageOfRows is how many rows are read at once.
const pageOfRows = 500

// eachRow walks through the rows of the ledger in the order of names. Rows that come meanwhile may be left out.
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

// total is the number of bytes of all files.
func (l *Library) total(ctx context.Context) (all int64, err error) {
	err = l.ledger.db.Get(ctx, &all, `SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM media_files WHERE pending IS NULL AND size > 0`)
	if err != nil {
		return 0, fmt.Errorf("count the uploads: %w", err)
	}
	return all, nil
}

// Verify compares the ledger with the store while servers run: every file of the ledger is in the store and as large, and with its
// content as it was when read is set; and every file of the store is in the ledger. recorded gives the files that the
// attachments of the blog have, each once; they are in the ledger. found is told of what is wrong, progress of how far it is.
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

// verifyRow looks for the file of a row.
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

// verifyRecorded looks for rows of the files that attachments have.
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

// eachUnknown calls fn for every file of the store that has no row.
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
			// One that was removed since it was listed had a row until then.
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

// ErrDiffers says that the store to move to has another file of the same name.
var ErrDiffers = errors.New("another file of this name is there")

// Move copies every file of the library to another store, which becomes the place of the blog's files, while servers run on this
// one. What is there already is passed over, so it can be started again after an interruption, and once more after the servers
// use the other store, for what came meanwhile. With unknown the files that nobody has are copied as well. Nothing is
// removed here. Files that cannot be copied are told to found, and the others go on.
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
			break // nothing came while this pass ran
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

// removeGone removes the copies of files that were removed from the other store after they had been copied. What somebody
// else put into a bucket does not look like a copy, and stays.
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

// maxPasses bounds how often Move looks for what came meanwhile.
const maxPasses = 10

// begin makes the store of the library the place of the files, unless it is another blog's.
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

// moveFile copies one file, and reports false when it is there already. recorded says that it has a row.
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
			return false, nil // it came after the servers had changed to the other store
		}
		return false, openErr
	}
	defer f.Close()
	p, openErr := to.Spool(ctx, f)
	if openErr != nil {
		return false, openErr
	}
	facts := p.facts(row.Name)
	if err == nil { // a file of the same name, whose content is not known yet
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

// settle writes down what was found out about a file, and takes it away again when it was removed while it was copied.
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

// tagOf reads a file of a store for its entity tag.
func (l *Library) tagOf(ctx context.Context, s Store, name string) (string, error) {
	f, _, err := s.Open(ctx, name, nil)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return etagOf(ctx, f)
}
