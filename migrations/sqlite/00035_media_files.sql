-- +goose Up
-- The ledger of uploads: a row for every file that is stored or about to be. pending is the moment since which a row waits to
-- be kept, or its file to be removed, NULL when it is kept; upload is who writes or removes it. etag is '' and size may be
-- -1 where nobody has looked at the bytes yet.
CREATE TABLE media_files (
    name     TEXT PRIMARY KEY,
    upload   TEXT NOT NULL,
    pending  TIMESTAMP,
    type     TEXT NOT NULL,
    download BOOLEAN NOT NULL,
    size     BIGINT NOT NULL,
    etag     TEXT NOT NULL,
    stored   TIMESTAMP NOT NULL
) WITHOUT ROWID;
CREATE INDEX media_files_pending ON media_files (pending) WHERE pending IS NOT NULL;

-- The stores that the files of the blog were ever in, by the mark that lies in each.
CREATE TABLE media_places (
    mark    TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    since   TIMESTAMP NOT NULL
);

-- What attachments say of their files. A size of 0 is that of a file which an import did not find.
INSERT INTO media_files (name, upload, type, download, size, etag, stored)
    SELECT file, '', '', FALSE, size, '', 0 FROM attachments WHERE size > 0;
INSERT INTO media_files (name, upload, type, download, size, etag, stored)
    SELECT rtrim(file, replace(file, '/', '')) || original, '', '', FALSE, -1, '', 0 FROM attachments WHERE size > 0 AND original <> ''
    ON CONFLICT (name) DO NOTHING;
INSERT INTO media_files (name, upload, type, download, size, etag, stored)
    SELECT rtrim(a.file, replace(a.file, '/', '')) || json_extract(v.value, '$.file'), '', '', FALSE, coalesce(json_extract(v.value, '$.filesize'), -1), '', 0
    FROM attachments a, json_each(a.sizes) v WHERE a.size > 0 AND json_valid(a.sizes) AND json_extract(v.value, '$.file') <> ''
    ON CONFLICT (name) DO NOTHING;

-- +goose Down
DROP TABLE media_places;
DROP TABLE media_files;
