package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quillgate/quillgate/wxr"
)

// Imported is the result of an import of one or more exports.
type Imported struct {
	intakes []*Intake
}

// Report counts what was done for all files so far, including earlier runs.
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

// Problems passes on what could not be imported, file by file.
func (m *Imported) Problems(ctx context.Context, each func(Problem) error) error {
	for _, in := range m.intakes {
		if err := in.Problems(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

// ImportExports imports WordPress exports one after the other, in small
// transactions. It continues where an earlier run with the same file was
// interrupted: it seeks in an uncompressed file, and reads any other from its
// beginning up to that place. References between files are followed at the end,
// so the order of the files does not matter. If a file is broken or ends too
// early, the others are still imported, and its error is returned at the end.
//
// As soon as something was done, the result is returned, even together with an
// error. What was imported before the error stays, and the same call continues
// after it.
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

// orNil returns nil if nothing was done.
func (m *Imported) orNil() *Imported {
	if len(m.intakes) == 0 {
		return nil
	}
	return m
}

// export imports one export, except for references, which are followed at the
// end.
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

// again reports whether this import has already read the same file.
func (im *wxrImport) again(cfg IntakeConfig) bool {
	return slices.ContainsFunc(im.known, func(in *Intake) bool { return in.cfg.Source == cfg.Source && in.cfg.File == cfg.File })
}
