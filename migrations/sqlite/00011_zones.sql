-- +goose Up
ALTER TABLE users ADD COLUMN time_zone TEXT NOT NULL DEFAULT ''; -- of the reader, by its IANA name; empty: the blog's

-- +goose Down
ALTER TABLE users DROP COLUMN time_zone;
