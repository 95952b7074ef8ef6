-- +goose Up
-- One number may be that of several posts: of files that were joined, and of exports of two days. Which file has brought an
-- object last tells whether another of its items may be the same.
ALTER TABLE import_ids ADD COLUMN file BIGINT NOT NULL DEFAULT 0;
ALTER TABLE import_ids DROP CONSTRAINT import_ids_pkey;
ALTER TABLE import_ids ADD PRIMARY KEY (source, kind, old_id, mark);

-- Where the files of attachments were there: addresses without their scheme. Texts follow them.
CREATE TABLE import_files (
    source  TEXT NOT NULL,
    address TEXT NOT NULL,
    post_id BIGINT NOT NULL,
    PRIMARY KEY (source, address)
);

-- For names that begin like an address.
CREATE INDEX posts_by_name_start ON posts (name text_pattern_ops);

-- +goose Down
DROP INDEX posts_by_name_start;
DROP TABLE import_files;
DELETE FROM import_ids WHERE EXISTS (SELECT 1 FROM import_ids o WHERE o.source = import_ids.source AND o.kind = import_ids.kind
    AND o.old_id = import_ids.old_id AND (o.new_id, o.mark) > (import_ids.new_id, import_ids.mark));
ALTER TABLE import_ids DROP CONSTRAINT import_ids_pkey;
ALTER TABLE import_ids ADD PRIMARY KEY (source, kind, old_id);
ALTER TABLE import_ids DROP COLUMN file;
