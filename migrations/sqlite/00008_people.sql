-- +goose Up
ALTER TABLE users ADD COLUMN password_mode TEXT NOT NULL DEFAULT ''; -- allow, warn, refuse; empty: as the site has it
ALTER TABLE users ADD COLUMN networks TEXT NOT NULL DEFAULT ''; -- CIDR, parted by spaces; empty: from everywhere

ALTER TABLE application_passwords ADD COLUMN kind TEXT NOT NULL DEFAULT 'password'; -- password or token
ALTER TABLE application_passwords ADD COLUMN scope TEXT NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN methods TEXT NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN hint TEXT NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN expires TIMESTAMP;
ALTER TABLE application_passwords ADD COLUMN revoked TIMESTAMP;
ALTER TABLE application_passwords ADD COLUMN last_address TEXT NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN last_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN last_method TEXT NOT NULL DEFAULT '';

-- What administrators have set for all accounts; one row at most.
CREATE TABLE account_policy (
    one                   INTEGER PRIMARY KEY,
    password_mode         TEXT NOT NULL, -- allow, warn, refuse; empty: as the server is set
    tokens                BOOLEAN NOT NULL, -- may be used
    application_passwords BOOLEAN NOT NULL
);

-- The programs that still send the password of the account.
CREATE TABLE password_clients (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    agent   TEXT NOT NULL, -- what the program calls itself
    address TEXT NOT NULL, -- of its last request
    first   TIMESTAMP NOT NULL,
    last    TIMESTAMP NOT NULL,
    taken   INTEGER NOT NULL, -- how often it was let in
    refused INTEGER NOT NULL, -- how often not, though the password was right
    PRIMARY KEY (user_id, agent)
);

-- Second factors: time-based one-time passwords (RFC 6238).
CREATE TABLE second_factors (
    user_id   INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret    BLOB NOT NULL, -- sealed
    confirmed TIMESTAMP,          -- NULL: not in use yet
    last_step INTEGER NOT NULL DEFAULT 0 -- the time step of the last code that was taken
);

CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    used    TIMESTAMP,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE passkeys (
    credential_id BLOB PRIMARY KEY,
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    credential    TEXT NOT NULL, -- JSON: public key, counter, flags; nothing secret
    created       TIMESTAMP NOT NULL,
    last_used     TIMESTAMP
);
CREATE INDEX passkeys_user ON passkeys (user_id);

CREATE TABLE sessions (
    token   TEXT PRIMARY KEY, -- hash of what the browser holds
    data    BLOB NOT NULL,
    expires TIMESTAMP NOT NULL,
    user_id INTEGER NOT NULL DEFAULT 0,
    created TIMESTAMP NOT NULL,
    seen    TIMESTAMP NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    agent   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires);

-- Wrong guesses, shared by all processes, and from where each account was signed in to.
CREATE TABLE throttle (
    key   TEXT PRIMARY KEY, -- keyed hash of what is counted
    n     INTEGER NOT NULL,
    since TIMESTAMP NOT NULL,
    last  TIMESTAMP NOT NULL
);
CREATE INDEX throttle_last ON throttle (last);

-- +goose Down
DROP TABLE throttle;
DROP TABLE sessions;
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
DROP TABLE password_clients;
DROP TABLE account_policy;
ALTER TABLE application_passwords DROP COLUMN last_method;
ALTER TABLE application_passwords DROP COLUMN last_agent;
ALTER TABLE application_passwords DROP COLUMN last_address;
ALTER TABLE application_passwords DROP COLUMN revoked;
ALTER TABLE application_passwords DROP COLUMN expires;
ALTER TABLE application_passwords DROP COLUMN hint;
ALTER TABLE application_passwords DROP COLUMN networks;
ALTER TABLE application_passwords DROP COLUMN methods;
ALTER TABLE application_passwords DROP COLUMN scope;
ALTER TABLE application_passwords DROP COLUMN kind;
ALTER TABLE users DROP COLUMN networks;
ALTER TABLE users DROP COLUMN password_mode;
