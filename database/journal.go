package database

import (
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// journalInMemory is how many bytes of the journal of a statement or savepoint
// SQLite keeps in memory, before it moves it to a temporary file. The journal
// has the pages that were changed, as they were before: to insert a post, with
// its 14 indexes, changes 20. SQLite's own 64 KiB are enough for 15.
//
// SQLite writes the memory to the file in one piece, of which it cuts off
// whatever is beyond 17 bits (seekAndWriteFd): this is the largest value with
// which it can.
const journalInMemory = 1<<17 - 1

// keepJournals gives journals their memory. It works only before SQLite is used
// for the first time in the process. Otherwise SQLite keeps its own setting,
// which is slower and not wrong.
var keepJournals = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, 8)
	if args == 0 {
		return
	}
	defer libc.Xfree(tls, args)
	sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_STMTJRNL_SPILL, libc.VaList(args, int32(journalInMemory)))
})
