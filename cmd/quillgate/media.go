package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/server"
)

type mediaCmd struct {
	Move   mediaMoveCmd   `cmd:"" help:"Copy all uploads to another folder or bucket, while servers run."`
	Verify mediaVerifyCmd `cmd:"" help:"Compare the list of uploads with the stored files."`
	Sweep  mediaSweepCmd  `cmd:"" help:"Remove remains of unfinished uploads, as servers do after an hour."`
	Accept mediaAcceptCmd `cmd:"" help:"Declare that the store in the settings belongs to the blog, even if files are missing."`
}

type mediaMoveCmd struct {
	To    string `required:"" help:"Folder or bucket to copy to, in the form of --media." placeholder:"PLACE"`
	All   bool   `help:"Also copy files that belong to no attachment, such as files that were added by hand."`
	Quiet bool   `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate media move --help.
func (mediaMoveCmd) Help() string {
	return `Servers may keep running. The uploads are read from the place in the settings (--media). Nothing is removed there. The command
can be interrupted and run again: it continues. Then start each server with --media set to the new place; files that are
not there yet are read from the folder "uploads" in the data folder. When all servers use the new place, run the same command
once more, with --media set to the old one, for the files that came meanwhile.`
}

func (c *mediaMoveCmd) Run(ctx context.Context, s *settings, io streams) error {
	if err := checkPlace(c.To); err != nil {
		return usageError{fmt.Errorf("--to: %w", err)}
	}
	return withBlog(ctx, s, io, func(blog *server.Blog) (err error) {
		if _, err := blog.Media.Arrive(ctx); err != nil {
			return err
		}
		to, err := server.OpenStore(s.Data, c.To)
		if err != nil {
			return usageError{fmt.Errorf("--to: %w", err)}
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		if to.Address() == blog.Media.Address() {
			return usageError{fmt.Errorf("--to: the uploads are in %s already", to.Address())}
		}
		p := newProgress(io.err, c.Quiet)
		problems := 0
		done, err := blog.Media.Move(ctx, to, c.All, problemsTo(io, p, &problems), func(m media.Check) { p.update(m.Done, m.All, m.Files) })
		p.end()
		if err != nil {
			return fmt.Errorf("move the uploads after %d of them: %w", done.Files, err)
		}
		fmt.Fprintf(io.out, "%d files are in %s, %d of them copied now.\n", done.Files-problems, to.Address(), done.Copied)
		if done.Unknown > 0 && !c.All {
			fmt.Fprintf(io.out, "%d files (%d KiB) belong to no attachment and were not copied; --all copies them.\n", done.Unknown, done.UnknownSize>>10)
		}
		if problems > 0 {
			return fmt.Errorf("%d files were not copied", problems)
		}
		return nil
	})
}

// problemsTo prints problems and counts them.
func problemsTo(io streams, p *progress, count *int) func(media.Problem) {
	return func(found media.Problem) {
		*count++
		p.end()
		fmt.Fprintf(io.out, "%s: %s\n", found.Name, found.What)
	}
}

type mediaVerifyCmd struct {
	Read  bool `help:"Read every file, to check that its content has not changed."`
	Quiet bool `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate media verify --help.
func (mediaVerifyCmd) Help() string {
	return `Servers may keep running. The exit code is 1 if a file is missing or differs, or if there are files that nothing refers to.`
}

func (c *mediaVerifyCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		p := newProgress(io.err, c.Quiet)
		problems := 0
		done, err := blog.Media.Verify(ctx, c.Read, func(fn func(string) error) error { return blog.Site.EachFile(ctx, fn) },
			problemsTo(io, p, &problems), func(m media.Check) { p.update(m.Done, m.All, m.Files) })
		p.end()
		if err != nil {
			return err
		}
		fmt.Fprintf(io.out, "%d files in %s were compared; %d belong to uploads in progress or unfinished ones.\n", done.Files, blog.Media.Address(), done.Pending)
		if problems > 0 {
			return fmt.Errorf("%d problems were found", problems)
		}
		return nil
	})
}

type mediaSweepCmd struct {
	Older time.Duration `help:"Only files that are older than this. Older uploads in progress are rejected." default:"1h"`
}

func (c *mediaSweepCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		n, err := blog.Media.Sweep(ctx, c.Older)
		if err == nil {
			fmt.Fprintf(io.out, "%d files of unfinished uploads were removed.\n", n)
		}
		return err
	})
}

type mediaAcceptCmd struct{}

func (mediaAcceptCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		if err := blog.Media.Accept(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "The uploads of this blog are in %s. \"quillgate media verify\" lists files that are missing there.\n", blog.Media.Address())
		return err
	})
}
