-- +goose Up
-- One number may be that of several posts: of files that were joined, and of exports of two days. Which file has brought an
-- object last tells whether another of its items may be the same.
CREATE TABLE import_marks (
    source  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    old_id  BIGINT NOT NULL,
    new_id  BIGINT NOT NULL,
    mark    BIGINT NOT NULL DEFAULT 0,
    renamed BOOLEAN NOT NULL DEFAULT FALSE, -- the slug had to change
    file    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (source, kind, old_id, mark)
);
INSERT INTO import_marks (source, kind, old_id, new_id, mark, renamed) SELECT source, kind, old_id, new_id, mark, renamed FROM import_ids;
DROP TABLE import_ids;
ALTER TABLE import_marks RENAME TO import_ids;
CREATE INDEX import_ids_by_new ON import_ids (new_id, kind);

-- Where the files of attachments were there: addresses without their scheme. Texts follow them.
CREATE TABLE import_files (
    source  TEXT NOT NULL,
    address TEXT NOT NULL,
    post_id BIGINT NOT NULL,
    PRIMARY KEY (source, address)
);

-- +goose Down
DROP TABLE import_files;
CREATE TABLE import_numbers (
    source  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    old_id  BIGINT NOT NULL,
    new_id  BIGINT NOT NULL,
    mark    BIGINT NOT NULL DEFAULT 0,
    renamed BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (source, kind, old_id)
);
INSERT INTO import_numbers SELECT source, kind, old_id, new_id, mark, renamed FROM import_ids WHERE TRUE ORDER BY new_id
    ON CONFLICT (source, kind, old_id) DO UPDATE SET new_id = excluded.new_id, mark = excluded.mark, renamed = excluded.renamed;
DROP TABLE import_ids;
ALTER TABLE import_numbers RENAME TO import_ids;
CREATE INDEX import_ids_by_new ON import_ids (new_id, kind);
