-- +goose Up
-- The pingbacks that this blog owes to the pages it links to: one row for each link of a post, for ever, so that none is
-- told twice. due is when the next try is, NULL when there is none.
CREATE TABLE pings (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id  BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    target   TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    due      TIMESTAMP
);
CREATE UNIQUE INDEX pings_by_link ON pings (post_id, target);
CREATE INDEX pings_due ON pings (due) WHERE due IS NOT NULL;

-- The published posts whose links nobody has looked at yet.
CREATE INDEX post_meta_to_ping ON post_meta (id) WHERE key = '_pingme';

-- +goose Down
DROP INDEX post_meta_to_ping;
DROP TABLE pings;
