package database

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/lib/pq"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Advice returns what an operator can do about an error of a database, or about
// one that kept it from being opened. It returns "" if there is nothing to add
// to the error's own text. It never quotes a URL.
func Advice(err error) string {
	var s *sqlite.Error
	if errors.As(err, &s) {
		return adviceSQLite(s.Code())
	}
	var p *pq.Error
	if errors.As(err, &p) {
		return advicePostgres(string(p.Code))
	}
	var way *unreachable
	var file *os.PathError
	if !errors.As(err, &way) || errors.As(err, &file) { // not an error of the database, or not of the network
		return ""
	}
	var name *net.DNSError
	var refused net.Error
	switch {
	case errors.As(err, &name):
		return "The host name of the database is unknown. Check the host name in --database or QUILLGATE_DATABASE, and DNS."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "No PostgreSQL server listens there. Check the host and port in --database or QUILLGATE_DATABASE, and that PostgreSQL is running."
	case errors.As(err, &refused) && refused.Timeout():
		return "The database does not answer. Check its address in --database or QUILLGATE_DATABASE, and the network in between."
	case errors.Is(err, pq.ErrSSLNotSupported):
		return "The database does not support TLS. If no one can read the connection, as on this machine, add ?sslmode=disable to its URL."
	}
	return ""
}

// adviceSQLite maps the result codes of SQLite. The low byte is the kind, the
// rest is more specific.
func adviceSQLite(code int) string {
	switch {
	case code&0xff == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR_SHMSIZE, code == sqlite3.SQLITE_IOERR_WRITE:
		return "The disk is full, or a quota is used up. Free some space. Nothing that was acknowledged is lost."
	case code&0xff == sqlite3.SQLITE_BUSY, code&0xff == sqlite3.SQLITE_LOCKED:
		return "Another process has held the database for too long. Wait until it has finished, then run this again."
	case code&0xff == sqlite3.SQLITE_CORRUPT, code&0xff == sqlite3.SQLITE_NOTADB:
		return "The database file is damaged or is not a database. Restore it from a backup, together with the uploads and the keyset file."
	case code&0xff == sqlite3.SQLITE_READONLY, code&0xff == sqlite3.SQLITE_CANTOPEN:
		return "The database files and their folder must be writable for the user that quillgate runs as."
	case code&0xff == sqlite3.SQLITE_IOERR:
		return "The disk reports errors. Keep SQLite on a local disk, not on a network drive, and check the system log."
	}
	return ""
}

// advicePostgres maps the codes of PostgreSQL's appendix A.
func advicePostgres(code string) string {
	switch code {
	case "28P01", "28000":
		return "PostgreSQL rejects this user. Check the user name and password in --database, QUILLGATE_DATABASE or the file that QUILLGATE_DATABASE_FILE names, and pg_hba.conf."
	case "3D000":
		return "Create that database first: createdb --owner USER NAME. Quillgate creates the tables in it."
	case "42501":
		return "The database user needs the right to create tables: ALTER DATABASE NAME OWNER TO USER."
	case "53300":
		return "PostgreSQL has no free connections. Raise max_connections, or run fewer servers."
	case "53100":
		return "The disk of PostgreSQL is full. Free some space. Nothing that was acknowledged is lost."
	case "25006":
		return "This PostgreSQL server is read-only, like a replica. Give the primary in --database."
	}
	return ""
}
