package migrations

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path"

	"github.com/pressly/goose/v3"
)

// sumsVersion is the migration that creates the table of the sums.
const sumsVersion = 30

// ErrEdited means that a file of the schema is not the one that was applied to
// this database.
var ErrEdited = errors.New("migration edited after it was applied: the schema may not be what this program expects. Use the release that changed the database, or restore a backup from before")

// sums returns the sum of each file by its version, regardless of line ends.
func sums(d Dialect) (map[int64]string, error) {
	entries, err := files.ReadDir(string(d))
	if err != nil {
		return nil, fmt.Errorf("read the migrations for %s: %w", d, err)
	}
	all := make(map[int64]string, len(entries))
	for _, e := range entries {
		version, err := goose.NumericComponent(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read the migrations for %s: %w", d, err)
		}
		text, err := files.ReadFile(path.Join(string(d), e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the migrations for %s: %w", d, err)
		}
		sum := sha256.Sum256(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		all[version] = hex.EncodeToString(sum[:])
	}
	return all, nil
}

// checkSums refuses a database to which a migration was applied that has
// another text here. It cannot check migrations that were applied before there
// were sums.
func checkSums(ctx context.Context, db *sql.DB, d Dialect, p *goose.Provider) error {
	current, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if current < sumsVersion {
		return nil
	}
	applied, here, err := bothSums(ctx, db, d)
	if err != nil {
		return err
	}
	for version, sum := range here {
		if kept, ok := applied[version]; ok && kept != sum {
			return fmt.Errorf("migration %d: %w", version, ErrEdited)
		}
	}
	return nil
}

// bothSums returns the sums that the database has, and those of the migrations
// in this program.
func bothSums(ctx context.Context, db *sql.DB, d Dialect) (kept, here map[int64]string, err error) {
	if kept, err = keptSums(ctx, db); err != nil {
		return nil, nil, err
	}
	here, err = sums(d)
	return kept, here, err
}

func keptSums(ctx context.Context, db *sql.DB) (map[int64]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT version, sum FROM migration_sums`)
	if err != nil {
		return nil, fmt.Errorf("read the sums of migrations: %w", err)
	}
	defer rows.Close()
	kept := make(map[int64]string)
	for rows.Next() {
		var version int64
		var sum string
		if err := rows.Scan(&version, &sum); err != nil {
			return nil, fmt.Errorf("read the sums of migrations: %w", err)
		}
		kept[version] = sum
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the sums of migrations: %w", err)
	}
	return kept, nil
}

// keepSums stores the sums of all migrations, which have been applied now.
func keepSums(ctx context.Context, db *sql.DB, d Dialect) error {
	kept, here, err := bothSums(ctx, db, d)
	if err != nil {
		return err
	}
	for version, sum := range here {
		if kept[version] != "" {
			continue
		}
		_, err := db.ExecContext(ctx, `INSERT INTO migration_sums (version, sum) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING`, version, sum)
		if err != nil {
			return fmt.Errorf("keep the sums of migrations: %w", err)
		}
	}
	return nil
}
