package database

import (
	"slices"
	"strconv"
	"strings"
)

// One database can hold several sites that share nothing: every table of what a site owns has a column site_id, and every
// statement on such a table says $site where that column is meant. The handle fills it in, so that no caller can ask for the
// rows of another site by passing a wrong number. A server has one site, which is site 0; so has a handle of Open.

// Of returns a handle on the same open database for another site. It costs nothing, and is not closed.
func (db *DB) Of(site int64) *DB { return &DB{db.pools, site} }

// Site is the site that $site stands for in the statements of the handle.
func (db *DB) Site() int64 { return db.site }

// Of returns the same transaction for another site.
func (tx *Tx) Of(site int64) *Tx {
	other := *tx
	other.site = site
	return &other
}

// Site is the site that $site stands for in the statements of the transaction.
func (tx *Tx) Site() int64 { return tx.site }

// bound is a statement with its arguments as the drivers take them: $site is a parameter of its own, behind the others.
func bound(query string, args []any, site int64) (string, []any) {
	args = texts(args)
	if !strings.Contains(query, "$site") {
		return query, args
	}
	query = strings.ReplaceAll(query, "$site", "$"+strconv.Itoa(len(args)+1))
	return query, append(slices.Clip(args), site)
}
