package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/migrations"
)

type migrateCmd struct {
	Status migrateStatusCmd `cmd:"" help:"List the migrations and whether they were applied."`
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema up to date, as a server does at each start."`
	Down   migrateDownCmd   `cmd:"" help:"Revert the schema. The contents of removed tables are lost."`
}

// withSchema runs fn on the database without migrating it.
func withSchema(ctx context.Context, s *settings, fn func(*database.DB) error) (err error) {
	url := s.databaseURL()
	if s.Database == "" {
		if _, err := os.Stat(url); errors.Is(err, fs.ErrNotExist) {
			return needBlog(ctx, s)
		}
	}
	db, err := database.Open(ctx, database.Config{URL: url, Unmigrated: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(db)
}

type migrateStatusCmd struct{}

func (migrateStatusCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withSchema(ctx, s, func(db *database.DB) error {
		list, err := db.Migrations(ctx)
		if err != nil {
			return err
		}
		t := newTable(io.out)
		for _, m := range list {
			state := "pending"
			if m.Applied {
				state = "applied " + m.At.Format(time.DateTime)
			}
			fmt.Fprintf(t, "%d\t%s\t%s\n", m.Version, m.Name, state)
		}
		return t.Flush()
	})
}

type migrateUpCmd struct{}

func (migrateUpCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withSchema(ctx, s, func(db *database.DB) error {
		if err := db.MigrateUp(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintln(io.out, "The schema is up to date.")
		return err
	})
}

type migrateDownCmd struct {
	To int64 `help:"Version to revert to; 0 empties the database." required:"" placeholder:"VERSION"`
}

func (c *migrateDownCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withSchema(ctx, s, func(db *database.DB) error {
		list, err := db.Migrations(ctx)
		if err != nil {
			return err
		}
		if c.To < 0 || c.To > 0 && !slices.ContainsFunc(list, func(m migrations.State) bool { return m.Version == c.To }) {
			return usageError{fmt.Errorf("--to: there is no version %d; \"quillgate migrate status\" lists them", c.To)}
		}
		if err := db.MigrateDown(ctx, c.To); err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "The schema is at version %d.\n", c.To)
		return err
	})
}
