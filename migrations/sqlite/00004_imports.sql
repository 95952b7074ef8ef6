-- +goose Up
-- What imports of other blogs' files remember. A source is the address of the other blog.

-- How far a file has been read. Every batch of an import writes it together with what the batch brought.
CREATE TABLE import_state (
    source   TEXT NOT NULL,
    file     TEXT NOT NULL, -- what tells this file from others
    position BIGINT NOT NULL DEFAULT 0, -- in bytes
    finished BOOLEAN NOT NULL DEFAULT FALSE,
    report   TEXT NOT NULL DEFAULT '{}', -- counts so far, a JSON object
    PRIMARY KEY (source, file)
);

-- The ids that objects have there and here; kind is user, term or post. A mark tells another object of the same id.
CREATE TABLE import_ids (
    source  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    old_id  BIGINT NOT NULL,
    new_id  BIGINT NOT NULL,
    mark    BIGINT NOT NULL DEFAULT 0,
    renamed BOOLEAN NOT NULL DEFAULT FALSE, -- the slug had to change
    PRIMARY KEY (source, kind, old_id)
);
CREATE INDEX import_ids_by_new ON import_ids (new_id, kind);

-- References to objects that have not come yet: the parent of a post or a term, or the custom field of a post that
-- kind names.
CREATE TABLE import_links (
    source TEXT NOT NULL,
    kind   TEXT NOT NULL,
    object BIGINT NOT NULL, -- here
    target TEXT NOT NULL,   -- there: an id, or the slug of a term
    PRIMARY KEY (source, kind, object)
);

-- What could not be taken, or not as it was.
CREATE TABLE import_problems (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    file   TEXT NOT NULL,
    object TEXT NOT NULL,
    reason TEXT NOT NULL,
    taken  BOOLEAN NOT NULL -- the object is there, but differs
);
CREATE INDEX import_problems_by_file ON import_problems (source, file, id);

-- +goose Down
DROP TABLE import_problems;
DROP TABLE import_links;
DROP TABLE import_ids;
DROP TABLE import_state;
