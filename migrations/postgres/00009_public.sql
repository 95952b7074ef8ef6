-- What the pages for visitors look for.

-- +goose Up
CREATE INDEX posts_by_author_date ON posts (author, type, status, date, id);
CREATE INDEX posts_sticky ON posts (date, id) WHERE sticky;
CREATE INDEX post_meta_old_slugs ON post_meta (value, post_id) WHERE key = '_wp_old_slug';

-- One row: the key under which visitors prove that they know the password of a post.
CREATE TABLE visitor_key (
    id  BIGINT PRIMARY KEY,
    key BYTEA NOT NULL
);

-- +goose Down
DROP TABLE visitor_key;
DROP INDEX post_meta_old_slugs;
DROP INDEX posts_sticky;
DROP INDEX posts_by_author_date;
