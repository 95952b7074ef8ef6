package database

import (
	"slices"
	"strconv"
	"strings"
)

// One database can hold several sites that share nothing. Every table of a
// site's data has a column site_id, and every statement on such a table writes
// $site for that column. The handle fills it in, so that no caller can read the
// rows of another site by passing a wrong number. A server has one site, which
// is site 0; Open returns a handle for it.

// Of returns a handle on the same open database for another site. It costs
// nothing, and need not be closed.
func (db *DB) Of(site int64) *DB { return &DB{db.pools, site} }

// Site returns the site that $site stands for in the statements of the handle.
func (db *DB) Site() int64 { return db.site }

// Of returns the same transaction for another site.
func (tx *Tx) Of(site int64) *Tx {
	other := *tx
	other.site = site
	return &other
}

// Site returns the site that $site stands for in the statements of the
// transaction.
func (tx *Tx) Site() int64 { return tx.site }

// bound prepares a statement and its arguments for the drivers: $site becomes a
// parameter after the others.
func bound(query string, args []any, site int64) (string, []any) {
	args = texts(args)
	if !strings.Contains(query, "$site") {
		return query, args
	}
	query = strings.ReplaceAll(query, "$site", "$"+strconv.Itoa(len(args)+1))
	return query, append(slices.Clip(args), site)
}
