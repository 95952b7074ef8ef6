-- +goose Up
-- What was done to keys, accounts and settings: one line for each event, never changed, each with the hash of the line
-- before it, so that a line that was altered or taken out shows.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY, -- 1, 2, 3 … without a gap
    at      TIMESTAMP NOT NULL,
    event   TEXT NOT NULL,
    user_id INTEGER NOT NULL, -- whose trail the line belongs to; 0: the site's
    actor   INTEGER NOT NULL, -- who did it; 0: nobody, or the command line
    via     TEXT NOT NULL,
    app     TEXT NOT NULL,
    address TEXT NOT NULL,
    agent   TEXT NOT NULL,
    detail  TEXT NOT NULL, -- a JSON object of texts
    hash    BLOB NOT NULL  -- of the hash of the line before and of this line
);
CREATE INDEX audit_user ON audit (user_id, id);
CREATE INDEX audit_at ON audit (at);

-- One row: the end of the chain. Who appends changes it first, so that lines are made one after the other.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY,
    id   INTEGER NOT NULL,
    hash BLOB NOT NULL,
    -- The last line that was pruned, from which the chain goes on; 0: none.
    pruned      INTEGER NOT NULL,
    pruned_hash BLOB NOT NULL
);
INSERT INTO audit_head (one, id, hash, pruned, pruned_hash) VALUES (1, 0, x'', 0, x'');

-- Lines are appended and never changed; only what is pruned may go.
-- +goose StatementBegin
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE DELETE ON audit WHEN old.id > (SELECT pruned FROM audit_head WHERE one = 1)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
-- +goose StatementEnd

-- Keys of the server's own, 32 random bytes each, by what they are for.
CREATE TABLE sealed_keys (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE,
    sealed BLOB NOT NULL -- sealed
);

-- +goose Down
DROP TABLE sealed_keys;
DROP TABLE audit_head;
DROP TABLE audit;
