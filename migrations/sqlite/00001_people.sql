-- +goose Up
CREATE TABLE users (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    login        TEXT NOT NULL,
    login_key    TEXT NOT NULL UNIQUE, -- lower case: names differ in more than case
    email        TEXT NOT NULL,
    email_key    TEXT NOT NULL,
    nicename     TEXT NOT NULL,
    display_name TEXT NOT NULL,
    first_name   TEXT NOT NULL DEFAULT '',
    last_name    TEXT NOT NULL DEFAULT '',
    nickname     TEXT NOT NULL DEFAULT '',
    url          TEXT NOT NULL DEFAULT '',
    bio          TEXT NOT NULL DEFAULT '',
    role         TEXT NOT NULL,
    registered   TIMESTAMP NOT NULL,
    password     TEXT NOT NULL DEFAULT '' -- hash; empty: no password signs in
);
CREATE UNIQUE INDEX users_email ON users (email_key) WHERE email_key <> '';
CREATE INDEX users_nicename ON users (nicename);
CREATE INDEX users_role ON users (role);

CREATE TABLE application_passwords (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    uuid       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    created    TIMESTAMP NOT NULL,
    last_used  TIMESTAMP
);
CREATE INDEX application_passwords_user ON application_passwords (user_id);

CREATE TABLE apps (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    public            TEXT NOT NULL UNIQUE,
    user_id           INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    secret            BLOB NOT NULL, -- sealed
    hint              TEXT NOT NULL, -- the last four characters of the secret
    scope             TEXT NOT NULL DEFAULT '', -- empty: everything its user may
    legacy_signatures BOOLEAN NOT NULL DEFAULT FALSE,
    created           TIMESTAMP NOT NULL,
    last_used         TIMESTAMP,
    revoked           TIMESTAMP
);
CREATE INDEX apps_user ON apps (user_id, id);

-- One row, sealed when the database was new: it opens with the right key file
-- only.
CREATE TABLE keyset_check (
    id     INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
);

-- +goose Down
DROP TABLE keyset_check;
DROP TABLE apps;
DROP TABLE application_passwords;
DROP TABLE users;
