-- +goose Up
-- What was done to keys, accounts and settings: one line for each event, never changed, each with the hash of the line
-- before it, so that a line that was altered or taken out shows.
CREATE TABLE audit (
    id      BIGINT PRIMARY KEY, -- 1, 2, 3 … without a gap
    at      TIMESTAMPTZ NOT NULL,
    event   TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL, -- whose trail the line belongs to; 0: the site's
    actor   BIGINT NOT NULL, -- who did it; 0: nobody, or the command line
    via     TEXT COLLATE "C" NOT NULL,
    app     TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    agent   TEXT COLLATE "C" NOT NULL,
    detail  TEXT COLLATE "C" NOT NULL, -- a JSON object of texts
    hash    BYTEA NOT NULL  -- of the hash of the line before and of this line
);
CREATE INDEX audit_user ON audit (user_id, id);
CREATE INDEX audit_at ON audit (at);

-- One row: the end of the chain. Who appends changes it first, so that lines are made one after the other.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY,
    id   BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
INSERT INTO audit_head (one, id, hash) VALUES (1, 0, '');

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit;
