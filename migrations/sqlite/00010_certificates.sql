-- +goose Up
-- What the keeper of TLS certificates stores: keys, certificates, its account, challenges. The values are sealed.
CREATE TABLE certificates (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL UNIQUE,
    sealed   BLOB NOT NULL, -- sealed
    size     INTEGER NOT NULL, -- bytes of the value
    modified TIMESTAMP NOT NULL
);

-- Who is fetching a certificate, so that of several servers one does.
CREATE TABLE certificate_locks (
    name    TEXT PRIMARY KEY,
    holder  TEXT NOT NULL,
    expires TIMESTAMP NOT NULL
);

-- +goose Down
DROP TABLE certificate_locks;
DROP TABLE certificates;
