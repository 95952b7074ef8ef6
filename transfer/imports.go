package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quillgate/quillgate/wxr"
)

// Imported is what an import of one or more exports did.
type Imported struct {
	intakes []*Intake
}

// Report is what was done for all files so far, in earlier processes too.
func (m *Imported) Report() IntakeReport {
	var sum IntakeReport
	for _, in := range m.intakes {
		sum.add(in.Report())
	}
	return sum
}

func (r *IntakeReport) add(o IntakeReport) {
	for _, t := range []struct{ into, from *Tally }{{&r.Users, &o.Users}, {&r.Terms, &o.Terms}, {&r.Posts, &o.Posts}, {&r.Comments, &o.Comments}} {
		t.into.Added += t.from.Added
		t.into.Changed += t.from.Changed
		t.into.Same += t.from.Same
	}
	r.Files += o.Files
}

// Problems hands out what could not be taken, file by file.
func (m *Imported) Problems(ctx context.Context, each func(Problem) error) error {
	for _, in := range m.intakes {
		if err := in.Problems(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

// ImportExports takes in exports of WordPress, one after the other, in small transactions, and goes on where an earlier run
// with the same file was interrupted: an uncompressed file is read from there, another is read from its beginning and passed
// over. References from one file to another are followed when all are through, so their order does not matter. A file that
// is broken or ends too early does not keep the others out: its error is returned after them.
//
// It returns what was done as soon as there is something. When that comes with an error, what came before is there, and the
// same call goes on behind it.
func (b *Blog) ImportExports(ctx context.Context, list []Export, cfg WXRConfig) (*Imported, error) {
	done := &Imported{}
	var whole []*Intake
	var broken error
	progress := cfg.Progress
	before := int64(0)
	for _, e := range list {
		if progress != nil {
			earlier := done.Report().objects()
			cfg.Progress = func(bytes int64, objects int) { progress(before+bytes, earlier+objects) }
		}
		im := &wxrImport{blog: b, cfg: cfg, size: e.Size, mark: e.Mark, known: done.intakes}
		err := im.export(ctx, e)
		if im.intake != nil {
			done.intakes = append(done.intakes, im.intake)
		}
		before += max(e.Size, 0)
		if err == nil {
			if im.intake != nil {
				whole = append(whole, im.intake)
			}
			continue
		}
		err = fmt.Errorf("import %s: %w", e.Name, err)
		var format *wxr.FormatError
		if broken = errors.Join(broken, err); !errors.As(err, &format) {
			return done.orNil(), broken
		}
	}
	for _, in := range whole {
		if err := in.Finish(ctx); err != nil {
			return done.orNil(), errors.Join(broken, err)
		}
	}
	return done.orNil(), broken
}

// orNil is nil while nothing was done.
func (m *Imported) orNil() *Imported {
	if len(m.intakes) == 0 {
		return nil
	}
	return m
}

// export imports one export, but for the references of its end.
func (im *wxrImport) export(ctx context.Context, e Export) error {
	r, err := e.open()
	if err != nil {
		return err
	}
	var in io.Reader = r
	if file, seeks := r.(unclosed); seeks {
		in = file.ReadSeeker
	}
	if err = im.open(in); err == nil {
		err = im.run(ctx)
	}
	return errors.Join(err, r.Close())
}

// again reports whether a file is one that this import has read already.
func (im *wxrImport) again(cfg IntakeConfig) bool {
	return slices.ContainsFunc(im.known, func(in *Intake) bool { return in.cfg.Source == cfg.Source && in.cfg.File == cfg.File })
}
