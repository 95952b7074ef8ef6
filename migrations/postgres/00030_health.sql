-- +goose Up
-- pulse is written to by those who ask whether the database takes writes. migration_sums has the sum of each file of the
-- schema as it was when it was applied, in hexadecimal digits of SHA-256.
CREATE TABLE pulse (
	id INTEGER PRIMARY KEY,
	at TIMESTAMPTZ NOT NULL
);
CREATE TABLE migration_sums (
	version BIGINT PRIMARY KEY,
	sum TEXT NOT NULL
);

-- +goose Down
DROP TABLE migration_sums;
DROP TABLE pulse;
