package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// LibraryConfig holds the parts of a Library.
type LibraryConfig struct {
	Store Store
	DB    *database.DB
	// Earlier is the store of the files before they were moved to Store, or
	// nil. A recorded file that is not in Store yet is read there.
	Earlier Store
	// Imager creates the smaller versions of pictures. The default has the
	// default memory budget.
	Imager *Imager
	Clock  func() time.Time // default time.Now
	Logger *slog.Logger     // default: discards
}

// Library holds the files of a blog: a Store and its ledger. Several processes
// can open the same library. It is safe for concurrent use.
type Library struct {
	store, earlier Store
	ledger         ledger
	imager         *Imager
	clock          func() time.Time
	logger         *slog.Logger
}

// New returns the library for a configuration.
func New(cfg LibraryConfig) *Library {
	l := &Library{store: cfg.Store, earlier: cfg.Earlier, imager: cfg.Imager, clock: cfg.Clock, logger: cfg.Logger}
	if l.imager == nil {
		l.imager = NewImager(0)
	}
	if l.clock == nil {
		l.clock = time.Now
	}
	if l.logger == nil {
		l.logger = slog.New(slog.DiscardHandler)
	}
	l.ledger = ledger{db: cfg.DB, clock: l.clock}
	return l
}

// Upload describes a file to store.
type Upload struct {
	// Name is the name of the file. If it is taken, the file gets the first
	// free one of name-1, name-2 and so on (red.png, red-1.png).
	Name string
	// Picture describes what to make of a picture. If it is nil, pictures are
	// stored like other files.
	Picture *Order
	// Writer names a writer that comes again if its process dies, such as an
	// import: the files that it left pending are found by it, see Forget. It
	// consists of letters and digits, or is empty.
	Writer string
}

// token returns the name of one upload in the ledger.
func (u Upload) token() string { return u.Writer + writerEnd + rand.Text() }

const writerEnd = "."

// Stored is a stored file with its smaller versions, which are pending until
// Keep.
type Stored struct {
	Info    Info     // of the uploaded bytes
	Picture *Picture // nil for a file that is not a picture, or was not inspected

	upload  string // the writer, in the ledger
	names   []string
	adopted *Info // a file that existed before
}

// Names lists the files that were stored.
func (s *Stored) Names() []string { return s.names }

// ErrSwept means that files waited so long to be recorded that they were taken
// for those of a process that had died.
var ErrSwept = errors.New("the files were removed before they could be recorded")

// maxNumber limits the search for a free name.
const maxNumber = 100_000

// storeWithin is the time limit for storing files, well below the time after
// which Run takes them for forgotten.
const storeWithin = 20 * time.Minute

// Store reads r to its end and stores it, with smaller versions if it is a
// picture. When it returns, bytes and names are durable and the files are
// complete; after an error nothing is left. A transaction must Keep the files,
// or the caller must Discard them.
func (l *Library) Store(ctx context.Context, u Upload, r io.Reader) (_ *Stored, err error) {
	if err := CheckName(u.Name); err != nil {
		return nil, fmt.Errorf("store %q: %w", u.Name, err)
	}
	p, err := l.store.Spool(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("store %q: %w", u.Name, err)
	}
	defer func() { err = errors.Join(err, p.discard()) }()
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	s := &Stored{upload: u.token()}
	if s.Info, err = l.placeFirst(ctx, s, u.Name, p); err == nil && u.Picture != nil {
		err = l.placeVersions(ctx, s, p, *u.Picture)
	}
	if err != nil {
		return nil, errors.Join(err, l.Discard(ctx, s))
	}
	return s, nil
}

// placeFirst gives a part its name or the first free one.
func (l *Library) placeFirst(ctx context.Context, s *Stored, name string, p *Part) (Info, error) {
	for n := 0; n < maxNumber; n++ {
		candidate := numbered(name, n)
		if len(path.Base(candidate)) > maxElement {
			return Info{}, fmt.Errorf("store %q: %w", name, ErrName)
		}
		info := Info{Name: candidate, Modified: l.now(), Facts: p.facts(candidate)}
		free, err := l.ledger.claim(ctx, s.upload, info)
		if err != nil {
			return Info{}, err
		}
		if !free {
			if n, err = l.ledger.nextFree(ctx, name, n); err != nil {
				return Info{}, err
			}
			continue
		}
		s.names = append(s.names, candidate)
		err = l.store.Put(ctx, candidate, p, info.Facts)
		if err == nil {
			return info, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return Info{}, err
		}
		// There is a file without a row: leave it as it is.
		if err := l.ledger.release(ctx, s.upload, candidate); err != nil {
			return Info{}, err
		}
		s.names = s.names[:len(s.names)-1]
	}
	return Info{}, fmt.Errorf("store %q: find a free name: %d are taken", name, maxNumber)
}

// numbered inserts -n before the extension, unless n is zero.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	ext := path.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext)
}

// placeVersions creates the smaller versions of a picture from the spooled
// bytes, and stores them.
func (l *Library) placeVersions(ctx context.Context, s *Stored, p *Part, order Order) error {
	b := &bench{library: l, stored: s, part: p}
	defer b.clear(ctx)
	picture, err := l.imager.Process(ctx, b, s.Info.Name, order)
	if err != nil || picture == nil {
		return err
	}
	s.Picture = picture
	return b.place(ctx)
}

// bench is where the versions of one picture are made: it reads the spooled
// bytes, and spools the versions.
type bench struct {
	library *Library
	stored  *Stored
	part    *Part
	made    []madeFile
}

type madeFile struct {
	info Info
	part *Part
}

// Open implements Files for the upload only.
func (b *bench) Open(context.Context, string) (io.ReadSeekCloser, Info, error) {
	file, err := b.part.open()
	return file, b.stored.Info, err
}

// Create implements Files.
func (b *bench) Create(ctx context.Context, name string, r io.Reader) (Info, error) {
	p, err := b.library.store.Spool(ctx, r)
	if err != nil {
		return Info{}, err
	}
	wanted := name
	for n := 1; b.has(name); n++ {
		name = numbered(wanted, n)
	}
	info := Info{Name: name, Modified: b.library.now(), Facts: p.facts(name)}
	b.made = append(b.made, madeFile{info, p})
	return info, nil
}

func (b *bench) has(name string) bool {
	for _, m := range b.made {
		if m.info.Name == name {
			return true
		}
	}
	return false
}

// Remove implements Files: versions are only spooled.
func (b *bench) Remove(context.Context, ...string) error { return nil }

// clear removes the spooled files.
func (b *bench) clear(ctx context.Context) {
	for _, m := range b.made {
		if err := m.part.discard(); err != nil {
			b.library.logger.WarnContext(ctx, "a temporary file was not removed", "error", err)
		}
	}
}

// place stores the versions. It claims all names at once; a version that does
// not get its name is given another number.
func (b *bench) place(ctx context.Context) error {
	if len(b.made) == 0 {
		return nil
	}
	l, s := b.library, b.stored
	infos := make([]Info, len(b.made))
	for i, m := range b.made {
		infos[i] = m.info
	}
	mine, err := l.ledger.claimAll(ctx, s.upload, infos)
	if err != nil {
		return err
	}
	for i := range b.made {
		if mine[infos[i].Name] {
			s.names = append(s.names, infos[i].Name)
		}
	}
	for i, m := range b.made {
		name := m.info.Name
		err := fs.ErrExist
		if mine[name] {
			err = l.store.Put(ctx, name, m.part, infos[i].Facts)
		}
		if errors.Is(err, fs.ErrExist) {
			if mine[name] {
				if err := l.ledger.release(ctx, s.upload, name); err != nil {
					return err
				}
				s.drop(name)
			}
			var info Info
			if info, err = l.placeFirst(ctx, s, numbered(name, 1), m.part); err == nil {
				s.Picture.rename(path.Base(name), path.Base(info.Name))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Stored) drop(name string) {
	for i, n := range s.names {
		if n == name {
			s.names = append(s.names[:i], s.names[i+1:]...)
			return
		}
	}
}

// rename records that a file of the picture got another name, both without
// their folder.
func (p *Picture) rename(old, name string) {
	if path.Base(p.File) == old {
		p.File = path.Join(path.Dir(p.File), name)
	}
	for i := range p.Versions {
		if p.Versions[i].File == old {
			p.Versions[i].File = name
		}
	}
}

// Adopt takes over a file that is in the store without a row, so that it can be
// kept, and stores the smaller versions of a picture. The file itself stays
// where it is, even if it is discarded. The error is fs.ErrNotExist for a
// missing file, and fs.ErrExist for one that somebody is writing or removing.
func (l *Library) Adopt(ctx context.Context, u Upload) (_ *Stored, err error) {
	name := u.Name
	if taken, err := l.ledger.find(ctx, name); err != nil {
		return nil, err
	} else if taken != nil && taken.pending {
		return nil, fmt.Errorf("adopt %q: %w", name, fs.ErrExist)
	}
	f, info, err := l.store.Open(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	p, err := l.store.Spool(ctx, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("adopt %q: %w", name, err)
	}
	defer func() { err = errors.Join(err, p.discard()) }()
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	info.Facts = p.facts(name)
	s := &Stored{upload: u.token(), Info: info, adopted: &info}
	if u.Picture == nil {
		return s, nil
	}
	if err := l.placeVersions(ctx, s, p, *u.Picture); err != nil {
		return nil, errors.Join(err, l.Discard(ctx, s))
	}
	return s, nil
}

// Keep records within tx that files are kept. It returns ErrSwept if they no
// longer exist: then the transaction must not commit.
func (l *Library) Keep(ctx context.Context, tx *database.Tx, stored ...*Stored) error {
	for _, s := range stored {
		if err := l.ledger.keep(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}

// Discard removes files that could not be recorded. Files that were kept after
// all, by a transaction whose commit was not confirmed, stay.
func (l *Library) Discard(ctx context.Context, s *Stored) error {
	ctx = context.WithoutCancel(ctx)
	if len(s.names) == 0 {
		return nil
	}
	token := removal()
	taken, err := l.ledger.take(ctx, token, s)
	if err != nil || !taken {
		return err
	}
	return l.remove(ctx, token, s.names)
}

// Condemned are files that are marked for removal.
type Condemned struct {
	token string
	names []string
}

// Condemn marks files for removal, within tx. Call Purge after the commit; if
// that does not happen, Run removes them.
func (l *Library) Condemn(ctx context.Context, tx *database.Tx, names ...string) (Condemned, error) {
	names = slices.Clone(names)
	slices.Sort(names) // in the same order everywhere, so that two processes do not wait for each other
	c := Condemned{removal(), slices.Compact(names)}
	return c, l.ledger.condemn(ctx, tx, c)
}

// Purge removes condemned files.
func (l *Library) Purge(ctx context.Context, c Condemned) error {
	if len(c.names) == 0 {
		return nil
	}
	return l.remove(context.WithoutCancel(ctx), c.token, c.names)
}

// Remove removes files, whatever their rows say. It ignores missing files.
func (l *Library) Remove(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return fmt.Errorf("remove %q: %w", name, err)
		}
	}
	var c Condemned
	err := l.ledger.db.Update(ctx, func(tx *database.Tx) (err error) {
		c, err = l.Condemn(ctx, tx, names...)
		return err
	})
	if err != nil {
		return err
	}
	return l.Purge(ctx, c)
}

// remove removes files whose rows have the token, and then the rows: a row
// without a file will be found again.
func (l *Library) remove(ctx context.Context, token string, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, removeWithin)
	defer cancel()
	err := l.store.Remove(ctx, names...)
	if l.earlier != nil {
		err = errors.Join(err, l.earlier.Remove(ctx, names...))
	}
	if err != nil {
		return err
	}
	return l.ledger.release(ctx, token, names...)
}

// removeWithin is how long a caller waits for the removal of files; Run does
// the rest.
const removeWithin = 30 * time.Second

// Open opens a file for reading; the caller closes it. A missing file is an
// error that wraps fs.ErrNotExist.
func (l *Library) Open(ctx context.Context, name string) (io.ReadSeekCloser, Info, error) {
	f, info, err := l.store.Open(ctx, name, nil)
	if l.earlier != nil && errors.Is(err, fs.ErrNotExist) {
		return l.openEarlier(ctx, name, err)
	}
	return f, info, err
}

// openEarlier opens a recorded file in the store where it was before the move.
func (l *Library) openEarlier(ctx context.Context, name string, missing error) (io.ReadSeekCloser, Info, error) {
	known, err := l.ledger.find(ctx, name)
	if err != nil {
		return nil, Info{}, err
	}
	if known == nil || known.pending {
		return nil, Info{}, missing
	}
	return l.earlier.Open(ctx, name, nil)
}

// Stat describes a file without opening it. A missing file is an error that
// wraps fs.ErrNotExist.
func (l *Library) Stat(ctx context.Context, name string) (Info, error) {
	info, err := l.store.Stat(ctx, name)
	if l.earlier == nil || !errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	f, info, err := l.openEarlier(ctx, name, err)
	if err != nil {
		return Info{}, err
	}
	return info, f.Close()
}

// Address describes in words where the files are.
func (l *Library) Address() string { return l.store.Address() }

func (l *Library) now() time.Time { return l.clock().UTC().Truncate(time.Microsecond) }

// Run removes files that have been pending for more than an hour, from time to
// time, until ctx ends.
func (l *Library) Run(ctx context.Context) {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		if n, err := l.Sweep(ctx, forgottenAfter); err != nil && ctx.Err() == nil {
			l.logger.WarnContext(ctx, "unfinished uploads were not cleared up", "error", err)
		} else if n > 0 {
			l.logger.InfoContext(ctx, "unfinished uploads were cleared up", "files", n)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

const (
	sweepEvery     = 5 * time.Minute
	forgottenAfter = time.Hour
)

// Sweep removes files that have been pending for longer than age, and
// unfinished ones from before that. It returns the number of removed files.
// Other processes may store files meanwhile.
func (l *Library) Sweep(ctx context.Context, age time.Duration) (removed int, err error) {
	before := l.now().Add(-age)
	if removed, err = l.sweep(ctx, forgottenBefore{before, l.now().Add(-removalLease)}); err != nil {
		return removed, err
	}
	return removed, l.store.Sweep(ctx, before)
}

// Forget removes the files that a writer left pending when its process died,
// without the hour that Run waits: their names are free again when the writer
// starts over. It must not be called while the writer stores files.
func (l *Library) Forget(ctx context.Context, writer string) error {
	if writer == "" {
		return nil
	}
	_, err := l.sweep(ctx, leftBy(writer))
	return err
}

func (l *Library) sweep(ctx context.Context, of forgotten) (removed int, err error) {
	for {
		token := removal()
		names, err := l.ledger.takeForgotten(ctx, token, of)
		if err != nil {
			return removed, err
		}
		if len(names) == 0 {
			return removed, nil
		}
		if err := l.remove(ctx, token, names); err != nil {
			return removed, err
		}
		removed += len(names)
	}
}
