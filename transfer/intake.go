package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// IntakeConfig describes the source of an Intake.
type IntakeConfig struct {
	// Source is the address of the blog that the content comes from. Ids are
	// remembered for each source, so that a later file of the same blog refers
	// to the objects of an earlier one.
	Source string
	// Title and Tagline belong to the source. They are plain text.
	Title, Tagline string
	// Addresses lists the addresses of the source's home page, the most
	// likely first. Links of posts to other hosts are not addresses of the
	// posts themselves.
	Addresses []string
	// File distinguishes this file from others of the source.
	File string
	// Authors maps logins in the source to logins in this blog. Other logins
	// stay the same.
	Authors map[string]string
	// Open opens the file of an attachment, given its name below the uploads
	// and its address in the source. An error that wraps fs.ErrNotExist means
	// that the file is not available. If Open is nil, only files that are
	// already among the uploads are found.
	Open func(ctx context.Context, name, address string) (io.ReadCloser, error)
	// Date is the date of posts without one, by default the current time.
	Date time.Time
}

// An Intake imports the content of another blog batch by batch. A batch is one
// transaction, which also records how far the file has been read. After any
// interruption, an Intake that is opened for the same file continues at
// Position.
//
// Existing objects do not change. Users are identified by login, terms by slug,
// posts by the ids remembered for the source or by type, date and title, and
// comments by author and time. So a repeated import changes nothing, and a
// newer file of the same blog adds what is new. Objects keep their ids if these
// are free; otherwise references are adapted. Counts of terms and comments are
// correct after every batch.
//
// Only the operator of the server may use it, since it checks no role. It is
// not safe for concurrent use. If two are open for the same file, their batches
// fail with ErrConflict.
type Intake struct {
	blog     *Blog
	cfg      IntakeConfig
	position int64
	report   IntakeReport
	options  *options.Values
	file     int64 // distinguishes the file from others of the source, in import_ids
	// sameSlugs counts, for each slug that was in use, the posts of this run
	// that wanted it.
	sameSlugs map[namedPost]int
	addresses bool // files may have new addresses, which texts must use
}

// IntakeBatch is a part of a file. Batches of about two thousand rows commit
// quickly and do not delay other writers for long.
type IntakeBatch struct {
	Authors  []wxr.Author
	Terms    []wxr.Term // of every taxonomy, including categories and tags
	Posts    []wxr.Post // missing terms that a post names are created
	Problems []Problem  // what the reader of the file must report
	Position int64      // of the file behind this batch
}

// Problem is an object that could not be imported, or not unchanged.
type Problem struct {
	Object string `db:"object" json:"object"` // such as "post 12"
	Reason string `db:"reason" json:"reason"` // the same text for the same problem, so that problems can be counted
	Taken  bool   `db:"taken" json:"taken"`   // the object exists, but differs from the file in this
}

// IntakeReport counts what was done for a file so far, including earlier runs.
type IntakeReport struct {
	Users, Terms, Posts, Comments Tally
	Files                         int // stored
}

// Unchanged reports whether everything already existed.
func (r IntakeReport) Unchanged() bool {
	for _, t := range []Tally{r.Users, r.Terms, r.Posts, r.Comments} {
		if t.Added+t.Changed > 0 {
			return false
		}
	}
	return r.Files == 0
}

// OpenIntake begins the import of a file, or continues where an earlier Intake
// stopped. The error is *Invalid if Authors names a user who does not exist.
func (s *Blog) OpenIntake(ctx context.Context, cfg IntakeConfig) (*Intake, error) {
	authors := make(map[string]string, len(cfg.Authors))
	for there, here := range cfg.Authors {
		if _, err := s.users.ByLogin(ctx, here); err != nil {
			return nil, &site.Invalid{Field: "authors", Why: fmt.Sprintf("there is no user %q", here)}
		}
		authors[loginKey(there)] = loginKey(here)
	}
	cfg.Authors = authors
	if cfg.Date.IsZero() {
		cfg.Date = s.now()
	}
	name := fnv.New64a()
	name.Write([]byte(cfg.File))
	in := &Intake{blog: s, cfg: cfg, file: int64(name.Sum64()), sameSlugs: map[namedPost]int{}}
	var err error
	if in.options, err = options.Read(ctx, s.db); err != nil {
		return nil, err
	}
	if err := s.db.Update(ctx, func(tx *database.Tx) error { return in.begin(ctx, tx) }); err != nil {
		return nil, fmt.Errorf("begin an import: %w", err)
	}
	if s.media != nil {
		if err := s.media.Forget(ctx, in.writer()); err != nil {
			return nil, fmt.Errorf("clear up after an import that was killed: %w", err)
		}
	}
	return in, nil
}

// intakeState is the progress of the import of a file.
type intakeState struct {
	Position int64  `db:"position"`
	Finished bool   `db:"finished"`
	Report   string `db:"report"`
}

// begin finds an unfinished import of the file or starts a new one.
func (in *Intake) begin(ctx context.Context, tx *database.Tx) error {
	var state intakeState
	err := tx.Get(ctx, &state, `SELECT position, finished, report FROM import_state WHERE source = $1 AND file = $2`, in.cfg.Source, in.cfg.File)
	if err == nil && !state.Finished {
		in.position, in.report, in.addresses = state.Position, IntakeReport{}, true
		return json.Unmarshal([]byte(state.Report), &in.report)
	}
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return err
	}
	in.position, in.report = 0, IntakeReport{}
	return in.reset(ctx, tx)
}

// reset returns the import to the beginning of its file.
func (in *Intake) reset(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM import_problems WHERE source = $1 AND file = $2`, in.cfg.Source, in.cfg.File); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO import_state (source, file) VALUES ($1, $2)
		ON CONFLICT (source, file) DO UPDATE SET position = 0, finished = FALSE, report = '{}'`, in.cfg.Source, in.cfg.File)
	return err
}

// Position returns how far committed batches have read the file.
func (in *Intake) Position() int64 { return in.position }

// Report returns what was done so far.
func (in *Intake) Report() IntakeReport { return in.report }

// Rewind returns to the beginning of the file, for readers that cannot continue
// at Position.
func (in *Intake) Rewind(ctx context.Context) error {
	err := in.blog.db.Update(ctx, func(tx *database.Tx) error { return in.reset(ctx, tx) })
	if err != nil {
		return fmt.Errorf("begin an import again: %w", err)
	}
	in.position, in.report = 0, IntakeReport{}
	return nil
}

// intakeTries is how often a batch is tried if another writer takes its ids at
// the same moment.
const intakeTries = 5

// Add imports a batch. If it returns nil, the batch and its position are
// durable. If it fails, nothing of the batch was stored. ErrConflict means that
// another Intake is importing the same file.
func (in *Intake) Add(ctx context.Context, b IntakeBatch) error {
	files, err := in.storeFiles(ctx, b.Posts)
	if err != nil {
		return err
	}
	var batch *intakeBatch
	for try := 1; ; try++ {
		err = in.blog.db.Update(ctx, func(tx *database.Tx) error {
			batch = newIntakeBatch(in, tx, &b, files)
			return batch.run(ctx)
		})
		if err == nil || try == intakeTries || !database.IsDuplicate(err) {
			break
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("import a batch: %w", err), in.discardStored(ctx, files, nil))
	}
	in.position, in.report, in.addresses = b.Position, batch.report, in.addresses || batch.addresses
	if err := in.discardStored(ctx, files, batch.used); err != nil {
		in.blog.logger.WarnContext(ctx, "files of an import were not cleaned up", "error", err)
	}
	return nil
}

// intakeBatch is one batch in its transaction.
type intakeBatch struct {
	in        *Intake
	blog      *Blog
	tx        *database.Tx
	batch     *IntakeBatch
	files     map[int]*intakeFile // index of the post → its stored file
	used      map[int]bool        // files that were recorded
	complete  map[int64]bool      // attachments here that have their file already
	report    IntakeReport
	problems  []Problem
	users     map[string]int64  // key of a login there → id here
	mails     map[string]string // e-mail address of an author in the source → login in the source
	userIDs   map[int64]int64   // id of a user there → id here
	terms     map[termRef]int64 // → id in this blog
	posts     []intakePost
	added     map[int64]int64 // posts of this batch: id in the source → id in this blog
	links     []intakeLink
	addresses bool // new addresses of files were recorded
}

func newIntakeBatch(in *Intake, tx *database.Tx, b *IntakeBatch, files map[int]*intakeFile) *intakeBatch {
	return &intakeBatch{
		in: in, blog: in.blog, tx: tx, batch: b, files: files, used: map[int]bool{}, report: in.report,
		users: map[string]int64{}, mails: map[string]string{}, userIDs: map[int64]int64{}, terms: map[termRef]int64{}, added: map[int64]int64{},
	}
}

func (b *intakeBatch) run(ctx context.Context) error {
	// Ids are kept if they are free, so no other writer may use them now.
	// Comments are written before the comments of posts are counted.
	tables := []string{"comments", "posts", "terms"}
	if len(b.batch.Authors) > 0 {
		tables = append(tables, "users")
	}
	if err := database.LockTables(ctx, b.tx, tables...); err != nil {
		return err
	}
	var at int64
	err := b.tx.Get(ctx, &at, `SELECT position FROM import_state WHERE source = $1 AND file = $2`, b.in.cfg.Source, b.in.cfg.File)
	if err != nil {
		return fmt.Errorf("read how far the import is: %w", err)
	}
	if at != b.in.position {
		return fmt.Errorf("the file is being imported by another process: %w", site.ErrConflict)
	}
	b.problems = append(b.problems, b.batch.Problems...)
	for _, step := range []func(context.Context) error{
		b.takeUsers, b.takeTerms, b.takePosts, b.takeComments, b.writeLinks, b.writeProblems, b.writeState,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// left records an object that was left out, differs one that was imported with
// a change.
func (b *intakeBatch) left(object, reason string) {
	b.problems = append(b.problems, Problem{Object: object, Reason: reason})
}

func (b *intakeBatch) differs(object, reason string) {
	b.problems = append(b.problems, Problem{Object: object, Reason: reason, Taken: true})
}

func (b *intakeBatch) writeProblems(ctx context.Context) error {
	rows := database.NewRows("import_problems", "source, file, object, reason, taken")
	for _, p := range b.problems {
		rows.Add(b.in.cfg.Source, b.in.cfg.File, database.CleanText(p.Object), database.CleanText(p.Reason), p.Taken)
	}
	return rows.Insert(ctx, b.tx)
}

func (b *intakeBatch) writeState(ctx context.Context) error {
	report, err := json.Marshal(b.report)
	if err != nil {
		return err
	}
	_, err = b.tx.Exec(ctx, `UPDATE import_state SET position = $3, report = $4 WHERE source = $1 AND file = $2`,
		b.in.cfg.Source, b.in.cfg.File, b.batch.Position, string(report))
	if err != nil {
		return fmt.Errorf("record how far the import is: %w", err)
	}
	return nil
}

// Problems passes on what could not be imported, in the order of the file.
func (in *Intake) Problems(ctx context.Context, each func(Problem) error) error {
	const query = `SELECT id, object, reason, taken FROM import_problems WHERE source = $1 AND file = $2 AND id > $3 ORDER BY id LIMIT $4`
	for after := int64(0); ; {
		var rows []struct {
			ID int64 `db:"id"`
			Problem
		}
		if err := in.blog.db.Select(ctx, &rows, query, in.cfg.Source, in.cfg.File, after, exportPage); err != nil {
			return fmt.Errorf("read the problems of an import: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, r := range rows {
			if err := each(r.Problem); err != nil {
				return err
			}
			after = r.ID
		}
	}
}

// loginKey is a login in the form for comparisons.
func loginKey(login string) string {
	return strings.ToLower(database.CleanText(strings.TrimSpace(login)))
}
