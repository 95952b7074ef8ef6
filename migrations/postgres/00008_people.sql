-- +goose Up
ALTER TABLE users ADD COLUMN password_mode TEXT COLLATE "C" NOT NULL DEFAULT ''; -- allow, warn, refuse; empty: as the site has it
ALTER TABLE users ADD COLUMN networks TEXT COLLATE "C" NOT NULL DEFAULT ''; -- CIDR, parted by spaces; empty: from everywhere

ALTER TABLE application_passwords ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'password'; -- password or token
ALTER TABLE application_passwords ADD COLUMN scope TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN methods TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN networks TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN hint TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN expires TIMESTAMPTZ;
ALTER TABLE application_passwords ADD COLUMN revoked TIMESTAMPTZ;
ALTER TABLE application_passwords ADD COLUMN last_address TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN last_agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE application_passwords ADD COLUMN last_method TEXT COLLATE "C" NOT NULL DEFAULT '';

-- What administrators have set for all accounts; one row at most.
CREATE TABLE account_policy (
    one                   BIGINT PRIMARY KEY,
    password_mode         TEXT COLLATE "C" NOT NULL, -- allow, warn, refuse; empty: as the server is set
    tokens                BOOLEAN NOT NULL, -- may be used
    application_passwords BOOLEAN NOT NULL
);

-- The programs that still send the password of the account.
CREATE TABLE password_clients (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    agent   TEXT COLLATE "C" NOT NULL, -- what the program calls itself
    address TEXT COLLATE "C" NOT NULL, -- of its last request
    first   TIMESTAMPTZ NOT NULL,
    last    TIMESTAMPTZ NOT NULL,
    taken   BIGINT NOT NULL, -- how often it was let in
    refused BIGINT NOT NULL, -- how often not, though the password was right
    PRIMARY KEY (user_id, agent)
);

-- Second factors: time-based one-time passwords (RFC 6238).
CREATE TABLE second_factors (
    user_id   BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret    BYTEA NOT NULL, -- sealed
    confirmed TIMESTAMPTZ,          -- NULL: not in use yet
    last_step BIGINT NOT NULL DEFAULT 0 -- the time step of the last code that was taken
);

CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    BYTEA NOT NULL,
    used    TIMESTAMPTZ,
    PRIMARY KEY (user_id, hash)
);

CREATE TABLE passkeys (
    credential_id BYTEA PRIMARY KEY,
    user_id       BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          TEXT COLLATE "C" NOT NULL,
    credential    TEXT COLLATE "C" NOT NULL, -- JSON: public key, counter, flags; nothing secret
    created       TIMESTAMPTZ NOT NULL,
    last_used     TIMESTAMPTZ
);
CREATE INDEX passkeys_user ON passkeys (user_id);

CREATE TABLE sessions (
    token   TEXT COLLATE "C" PRIMARY KEY, -- hash of what the browser holds
    data    BYTEA NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    user_id BIGINT NOT NULL DEFAULT 0,
    created TIMESTAMPTZ NOT NULL,
    seen    TIMESTAMPTZ NOT NULL,
    address TEXT COLLATE "C" NOT NULL DEFAULT '',
    agent   TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires);

-- Wrong guesses, shared by all processes, and from where each account was signed in to.
CREATE TABLE throttle (
    key   TEXT COLLATE "C" PRIMARY KEY, -- keyed hash of what is counted
    n     BIGINT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    last  TIMESTAMPTZ NOT NULL
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
