-- +goose Up
-- One gateway stands in front of many blogs that share nothing: what belongs to a site says which one it is of. Site 0 is the
-- one blog of a server, or of a gateway without a list of sites.
CREATE TABLE sites (
    id            INTEGER PRIMARY KEY AUTOINCREMENT, -- no number is given twice
    host          TEXT NOT NULL UNIQUE, -- lower case, without a port; of site 0: empty
    upstream      TEXT NOT NULL, -- address of the xmlrpc.php of the WordPress
    upstream_host TEXT NOT NULL DEFAULT '', -- sent as Host; empty: that of the address of the blog
    base_url      TEXT NOT NULL DEFAULT '', -- empty: https://HOST
    password_mode TEXT NOT NULL DEFAULT '', -- allow, warn, refuse; empty: as the gateway is set
    allow_methods TEXT NOT NULL DEFAULT '', -- NAME=POSITION, separated by spaces
    listed        BOOLEAN NOT NULL DEFAULT FALSE, -- it came from the file of sites
    off           BOOLEAN NOT NULL DEFAULT FALSE, -- it is not in that file any more
    created       TIMESTAMP NOT NULL,
    revision      INTEGER NOT NULL -- higher than that of every site that was changed before
);

-- A login is unique within its site, so the table of users is built again, and with it all that refer to it: a row of another
-- site's user does not go in.
CREATE TABLE sited_users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id       INTEGER NOT NULL DEFAULT 0,
    login         TEXT NOT NULL,
    login_key     TEXT NOT NULL,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL,
    nicename      TEXT NOT NULL,
    display_name  TEXT NOT NULL,
    first_name    TEXT NOT NULL DEFAULT '',
    last_name     TEXT NOT NULL DEFAULT '',
    nickname      TEXT NOT NULL DEFAULT '',
    url           TEXT NOT NULL DEFAULT '',
    bio           TEXT NOT NULL DEFAULT '',
    role          TEXT NOT NULL,
    registered    TIMESTAMP NOT NULL,
    password      TEXT NOT NULL DEFAULT '',
    password_mode TEXT NOT NULL DEFAULT '',
    networks      TEXT NOT NULL DEFAULT '',
    time_zone     TEXT NOT NULL DEFAULT '',
    UNIQUE (site_id, login_key),
    UNIQUE (id, site_id) -- what the tables below refer to
);
INSERT INTO sited_users (id, login, login_key, email, email_key, nicename, display_name, first_name, last_name, nickname, url, bio, role, registered, password, password_mode, networks, time_zone)
    SELECT id, login, login_key, email, email_key, nicename, display_name, first_name, last_name, nickname, url, bio, role, registered, password, password_mode, networks, time_zone FROM users;
DELETE FROM sqlite_sequence WHERE name = 'sited_users';
INSERT INTO sqlite_sequence (name, seq) SELECT 'sited_users', seq FROM sqlite_sequence WHERE name = 'users';
CREATE TABLE sited_application_passwords (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id      INTEGER NOT NULL DEFAULT 0,
    user_id      INTEGER NOT NULL,
    uuid         TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    created      TIMESTAMP NOT NULL,
    last_used    TIMESTAMP,
    kind         TEXT NOT NULL DEFAULT 'password',
    scope        TEXT NOT NULL DEFAULT '',
    methods      TEXT NOT NULL DEFAULT '',
    networks     TEXT NOT NULL DEFAULT '',
    hint         TEXT NOT NULL DEFAULT '',
    expires      TIMESTAMP,
    revoked      TIMESTAMP,
    last_address TEXT NOT NULL DEFAULT '',
    last_agent   TEXT NOT NULL DEFAULT '',
    last_method  TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_application_passwords (id, user_id, uuid, name, hash, created, last_used, kind, scope, methods, networks, hint, expires, revoked, last_address, last_agent, last_method)
    SELECT id, user_id, uuid, name, hash, created, last_used, kind, scope, methods, networks, hint, expires, revoked, last_address, last_agent, last_method FROM application_passwords;
DELETE FROM sqlite_sequence WHERE name = 'sited_application_passwords';
INSERT INTO sqlite_sequence (name, seq) SELECT 'sited_application_passwords', seq FROM sqlite_sequence WHERE name = 'application_passwords';
CREATE TABLE sited_apps (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id           INTEGER NOT NULL DEFAULT 0,
    public            TEXT NOT NULL UNIQUE,
    user_id           INTEGER NOT NULL,
    name              TEXT NOT NULL,
    secret            BLOB NOT NULL,
    hint              TEXT NOT NULL,
    scope             TEXT NOT NULL DEFAULT '',
    legacy_signatures BOOLEAN NOT NULL DEFAULT FALSE,
    created           TIMESTAMP NOT NULL,
    last_used         TIMESTAMP,
    revoked           TIMESTAMP,
    methods           TEXT NOT NULL DEFAULT '',
    networks          TEXT NOT NULL DEFAULT '',
    strict            BOOLEAN NOT NULL DEFAULT FALSE,
    algorithm         TEXT NOT NULL DEFAULT '',
    verification_key  BLOB,
    expires           TIMESTAMP,
    successor         TEXT NOT NULL DEFAULT '',
    rotated           TIMESTAMP,
    renewed           TIMESTAMP,
    last_address      TEXT NOT NULL DEFAULT '',
    last_agent        TEXT NOT NULL DEFAULT '',
    last_method       TEXT NOT NULL DEFAULT '',
    uses              INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_apps (id, public, user_id, name, secret, hint, scope, legacy_signatures, created, last_used, revoked, methods, networks, strict, algorithm, verification_key, expires, successor, rotated, renewed, last_address, last_agent, last_method, uses)
    SELECT id, public, user_id, name, secret, hint, scope, legacy_signatures, created, last_used, revoked, methods, networks, strict, algorithm, verification_key, expires, successor, rotated, renewed, last_address, last_agent, last_method, uses FROM apps;
DELETE FROM sqlite_sequence WHERE name = 'sited_apps';
INSERT INTO sqlite_sequence (name, seq) SELECT 'sited_apps', seq FROM sqlite_sequence WHERE name = 'apps';
CREATE TABLE sited_password_clients (
    user_id INTEGER NOT NULL,
    site_id INTEGER NOT NULL DEFAULT 0,
    agent   TEXT NOT NULL,
    address TEXT NOT NULL,
    first   TIMESTAMP NOT NULL,
    last    TIMESTAMP NOT NULL,
    taken   INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (user_id, agent),
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_password_clients (user_id, agent, address, first, last, taken, refused)
    SELECT user_id, agent, address, first, last, taken, refused FROM password_clients;
CREATE TABLE sited_second_factors (
    user_id   INTEGER PRIMARY KEY,
    site_id   INTEGER NOT NULL DEFAULT 0,
    secret    BLOB NOT NULL,
    confirmed TIMESTAMP,
    last_step INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_second_factors (user_id, secret, confirmed, last_step)
    SELECT user_id, secret, confirmed, last_step FROM second_factors;
CREATE TABLE sited_recovery_codes (
    user_id INTEGER NOT NULL,
    site_id INTEGER NOT NULL DEFAULT 0,
    hash    BLOB NOT NULL,
    used    TIMESTAMP,
    PRIMARY KEY (user_id, hash),
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_recovery_codes (user_id, hash, used)
    SELECT user_id, hash, used FROM recovery_codes;
CREATE TABLE sited_passkeys (
    credential_id BLOB PRIMARY KEY,
    site_id       INTEGER NOT NULL DEFAULT 0,
    user_id       INTEGER NOT NULL,
    name          TEXT NOT NULL,
    credential    TEXT NOT NULL,
    created       TIMESTAMP NOT NULL,
    last_used     TIMESTAMP,
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_passkeys (credential_id, user_id, name, credential, created, last_used)
    SELECT credential_id, user_id, name, credential, created, last_used FROM passkeys;
CREATE TABLE sited_upstream_credentials (
    user_id INTEGER PRIMARY KEY,
    site_id INTEGER NOT NULL DEFAULT 0,
    login   TEXT NOT NULL,
    secret  BLOB NOT NULL,
    uuid    TEXT NOT NULL DEFAULT '',
    refused TIMESTAMP,
    given   TIMESTAMP NOT NULL,
    FOREIGN KEY (user_id, site_id) REFERENCES sited_users (id, site_id) ON DELETE CASCADE
);
INSERT INTO sited_upstream_credentials (user_id, login, secret, uuid, refused, given)
    SELECT user_id, login, secret, uuid, refused, given FROM upstream_credentials;
DROP TABLE application_passwords;
ALTER TABLE sited_application_passwords RENAME TO application_passwords;
DROP TABLE apps;
ALTER TABLE sited_apps RENAME TO apps;
DROP TABLE password_clients;
ALTER TABLE sited_password_clients RENAME TO password_clients;
DROP TABLE second_factors;
ALTER TABLE sited_second_factors RENAME TO second_factors;
DROP TABLE recovery_codes;
ALTER TABLE sited_recovery_codes RENAME TO recovery_codes;
DROP TABLE passkeys;
ALTER TABLE sited_passkeys RENAME TO passkeys;
DROP TABLE upstream_credentials;
ALTER TABLE sited_upstream_credentials RENAME TO upstream_credentials;
DROP TABLE users;
ALTER TABLE sited_users RENAME TO users;
CREATE UNIQUE INDEX users_email ON users (site_id, email_key) WHERE email_key <> '';
CREATE INDEX users_nicename ON users (site_id, nicename);
CREATE INDEX users_role ON users (site_id, role);
CREATE INDEX application_passwords_user ON application_passwords (user_id);
CREATE INDEX apps_user ON apps (user_id, id);
CREATE INDEX apps_hint ON apps (hint);
CREATE INDEX passkeys_user ON passkeys (user_id);
CREATE INDEX apps_site ON apps (site_id, id);

ALTER TABLE sessions ADD COLUMN site_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE one_time_codes ADD COLUMN site_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE throttle ADD COLUMN site_id INTEGER NOT NULL DEFAULT 0;

CREATE TABLE sited_policy (
    site_id               INTEGER PRIMARY KEY,
    password_mode         TEXT NOT NULL, -- allow, warn, refuse; empty: as the server is set
    tokens                BOOLEAN NOT NULL, -- may be used
    application_passwords BOOLEAN NOT NULL
);
INSERT INTO sited_policy SELECT 0, password_mode, tokens, application_passwords FROM account_policy WHERE one = 1;
DROP TABLE account_policy;
ALTER TABLE sited_policy RENAME TO account_policy;

CREATE TABLE sited_refusals (
    site_id INTEGER NOT NULL DEFAULT 0,
    day     TEXT NOT NULL, -- in UTC, such as 2026-05-31
    reason  TEXT NOT NULL, -- of package auth
    n       INTEGER NOT NULL,
    PRIMARY KEY (site_id, day, reason)
);
INSERT INTO sited_refusals (day, reason, n) SELECT day, reason, n FROM refusals;
DROP TABLE refusals;
ALTER TABLE sited_refusals RENAME TO refusals;

-- Each site has a trail of its own, with its own numbers and its own end.
CREATE TABLE sited_audit (
    site_id INTEGER NOT NULL DEFAULT 0,
    id      INTEGER NOT NULL, -- 1, 2, 3 … without a gap
    at      TIMESTAMP NOT NULL,
    event   TEXT NOT NULL,
    user_id INTEGER NOT NULL, -- whose trail the line belongs to; 0: the site's
    actor   INTEGER NOT NULL, -- who did it; 0: nobody, or the command line
    via     TEXT NOT NULL,
    app     TEXT NOT NULL,
    address TEXT NOT NULL,
    agent   TEXT NOT NULL,
    detail  TEXT NOT NULL, -- a JSON object of texts
    hash    BLOB NOT NULL, -- of the hash of the line before and of this line
    PRIMARY KEY (site_id, id)
);
INSERT INTO sited_audit (id, at, event, user_id, actor, via, app, address, agent, detail, hash) SELECT id, at, event, user_id, actor, via, app, address, agent, detail, hash FROM audit ORDER BY id;
CREATE TABLE sited_head (
    site_id     INTEGER PRIMARY KEY,
    id          INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    pruned      INTEGER NOT NULL, -- the last line that was pruned, from which the chain goes on; 0: none
    pruned_hash BLOB NOT NULL,
    mac         BLOB NOT NULL DEFAULT x'' -- over the end, under a key that is sealed; empty: without one
);
INSERT INTO sited_head SELECT 0, id, hash, pruned, pruned_hash, mac FROM audit_head WHERE one = 1;
DROP TABLE audit;
DROP TABLE audit_head;
ALTER TABLE sited_audit RENAME TO audit;
ALTER TABLE sited_head RENAME TO audit_head;
CREATE INDEX audit_user ON audit (site_id, user_id, id);
CREATE INDEX audit_at ON audit (site_id, at);
-- +goose StatementBegin
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE DELETE ON audit WHEN old.id > (SELECT pruned FROM audit_head WHERE site_id = old.site_id)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
-- +goose StatementEnd

-- +goose Down
-- What belongs to sites other than 0 is gone.
CREATE TABLE whole_audit (
    id      INTEGER PRIMARY KEY,
    at      TIMESTAMP NOT NULL,
    event   TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    actor   INTEGER NOT NULL,
    via     TEXT NOT NULL,
    app     TEXT NOT NULL,
    address TEXT NOT NULL,
    agent   TEXT NOT NULL,
    detail  TEXT NOT NULL,
    hash    BLOB NOT NULL
);
INSERT INTO whole_audit (id, at, event, user_id, actor, via, app, address, agent, detail, hash) SELECT id, at, event, user_id, actor, via, app, address, agent, detail, hash FROM audit WHERE site_id = 0 ORDER BY id;
CREATE TABLE whole_head (
    one         INTEGER PRIMARY KEY,
    id          INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    pruned      INTEGER NOT NULL,
    pruned_hash BLOB NOT NULL,
    mac         BLOB NOT NULL DEFAULT x''
);
INSERT INTO whole_head SELECT 1, id, hash, pruned, pruned_hash, mac FROM audit_head WHERE site_id = 0;
DROP TABLE audit;
DROP TABLE audit_head;
ALTER TABLE whole_audit RENAME TO audit;
ALTER TABLE whole_head RENAME TO audit_head;
CREATE INDEX audit_user ON audit (user_id, id);
CREATE INDEX audit_at ON audit (at);
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
CREATE TABLE whole_refusals (
    day    TEXT NOT NULL,
    reason TEXT NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (day, reason)
);
INSERT INTO whole_refusals (day, reason, n) SELECT day, reason, n FROM refusals WHERE site_id = 0;
DROP TABLE refusals;
ALTER TABLE whole_refusals RENAME TO refusals;
CREATE TABLE whole_policy (
    one                   INTEGER PRIMARY KEY,
    password_mode         TEXT NOT NULL,
    tokens                BOOLEAN NOT NULL,
    application_passwords BOOLEAN NOT NULL
);
INSERT INTO whole_policy SELECT 1, password_mode, tokens, application_passwords FROM account_policy WHERE site_id = 0;
DROP TABLE account_policy;
ALTER TABLE whole_policy RENAME TO account_policy;
DELETE FROM throttle WHERE site_id <> 0;
ALTER TABLE throttle DROP COLUMN site_id;
DELETE FROM one_time_codes WHERE site_id <> 0;
ALTER TABLE one_time_codes DROP COLUMN site_id;
DELETE FROM sessions WHERE site_id <> 0;
ALTER TABLE sessions DROP COLUMN site_id;
CREATE TABLE whole_users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    login         TEXT NOT NULL,
    login_key     TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL,
    nicename      TEXT NOT NULL,
    display_name  TEXT NOT NULL,
    first_name    TEXT NOT NULL DEFAULT '',
    last_name     TEXT NOT NULL DEFAULT '',
    nickname      TEXT NOT NULL DEFAULT '',
    url           TEXT NOT NULL DEFAULT '',
    bio           TEXT NOT NULL DEFAULT '',
    role          TEXT NOT NULL,
    registered    TIMESTAMP NOT NULL,
    password      TEXT NOT NULL DEFAULT '',
    password_mode TEXT NOT NULL DEFAULT '',
    networks      TEXT NOT NULL DEFAULT '',
    time_zone     TEXT NOT NULL DEFAULT ''
);
INSERT INTO whole_users (id, login, login_key, email, email_key, nicename, display_name, first_name, last_name, nickname, url, bio, role, registered, password, password_mode, networks, time_zone)
    SELECT id, login, login_key, email, email_key, nicename, display_name, first_name, last_name, nickname, url, bio, role, registered, password, password_mode, networks, time_zone FROM users WHERE site_id = 0;
DELETE FROM sqlite_sequence WHERE name = 'whole_users';
INSERT INTO sqlite_sequence (name, seq) SELECT 'whole_users', seq FROM sqlite_sequence WHERE name = 'users';
CREATE TABLE whole_application_passwords (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER NOT NULL REFERENCES whole_users (id) ON DELETE CASCADE,
    uuid         TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    created      TIMESTAMP NOT NULL,
    last_used    TIMESTAMP,
    kind         TEXT NOT NULL DEFAULT 'password',
    scope        TEXT NOT NULL DEFAULT '',
    methods      TEXT NOT NULL DEFAULT '',
    networks     TEXT NOT NULL DEFAULT '',
    hint         TEXT NOT NULL DEFAULT '',
    expires      TIMESTAMP,
    revoked      TIMESTAMP,
    last_address TEXT NOT NULL DEFAULT '',
    last_agent   TEXT NOT NULL DEFAULT '',
    last_method  TEXT NOT NULL DEFAULT ''
);
INSERT INTO whole_application_passwords (id, user_id, uuid, name, hash, created, last_used, kind, scope, methods, networks, hint, expires, revoked, last_address, last_agent, last_method)
    SELECT id, user_id, uuid, name, hash, created, last_used, kind, scope, methods, networks, hint, expires, revoked, last_address, last_agent, last_method FROM application_passwords WHERE site_id = 0;
DELETE FROM sqlite_sequence WHERE name = 'whole_application_passwords';
INSERT INTO sqlite_sequence (name, seq) SELECT 'whole_application_passwords', seq FROM sqlite_sequence WHERE name = 'application_passwords';
CREATE TABLE whole_apps (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    public            TEXT NOT NULL UNIQUE,
    user_id           INTEGER NOT NULL REFERENCES whole_users (id) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    secret            BLOB NOT NULL,
    hint              TEXT NOT NULL,
    scope             TEXT NOT NULL DEFAULT '',
    legacy_signatures BOOLEAN NOT NULL DEFAULT FALSE,
    created           TIMESTAMP NOT NULL,
    last_used         TIMESTAMP,
    revoked           TIMESTAMP,
    methods           TEXT NOT NULL DEFAULT '',
    networks          TEXT NOT NULL DEFAULT '',
    strict            BOOLEAN NOT NULL DEFAULT FALSE,
    algorithm         TEXT NOT NULL DEFAULT '',
    verification_key  BLOB,
    expires           TIMESTAMP,
    successor         TEXT NOT NULL DEFAULT '',
    rotated           TIMESTAMP,
    renewed           TIMESTAMP,
    last_address      TEXT NOT NULL DEFAULT '',
    last_agent        TEXT NOT NULL DEFAULT '',
    last_method       TEXT NOT NULL DEFAULT '',
    uses              INTEGER NOT NULL DEFAULT 0
);
INSERT INTO whole_apps (id, public, user_id, name, secret, hint, scope, legacy_signatures, created, last_used, revoked, methods, networks, strict, algorithm, verification_key, expires, successor, rotated, renewed, last_address, last_agent, last_method, uses)
    SELECT id, public, user_id, name, secret, hint, scope, legacy_signatures, created, last_used, revoked, methods, networks, strict, algorithm, verification_key, expires, successor, rotated, renewed, last_address, last_agent, last_method, uses FROM apps WHERE site_id = 0;
DELETE FROM sqlite_sequence WHERE name = 'whole_apps';
INSERT INTO sqlite_sequence (name, seq) SELECT 'whole_apps', seq FROM sqlite_sequence WHERE name = 'apps';
CREATE TABLE whole_password_clients (
    user_id INTEGER NOT NULL REFERENCES whole_users (id) ON DELETE CASCADE,
    agent   TEXT NOT NULL,
    address TEXT NOT NULL,
    first   TIMESTAMP NOT NULL,
    last    TIMESTAMP NOT NULL,
    taken   INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (user_id, agent)
);
INSERT INTO whole_password_clients (user_id, agent, address, first, last, taken, refused)
    SELECT user_id, agent, address, first, last, taken, refused FROM password_clients WHERE site_id = 0;
CREATE TABLE whole_second_factors (
    user_id   INTEGER PRIMARY KEY REFERENCES whole_users (id) ON DELETE CASCADE,
    secret    BLOB NOT NULL,
    confirmed TIMESTAMP,
    last_step INTEGER NOT NULL DEFAULT 0
);
INSERT INTO whole_second_factors (user_id, secret, confirmed, last_step)
    SELECT user_id, secret, confirmed, last_step FROM second_factors WHERE site_id = 0;
CREATE TABLE whole_recovery_codes (
    user_id INTEGER NOT NULL REFERENCES whole_users (id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    used    TIMESTAMP,
    PRIMARY KEY (user_id, hash)
);
INSERT INTO whole_recovery_codes (user_id, hash, used)
    SELECT user_id, hash, used FROM recovery_codes WHERE site_id = 0;
CREATE TABLE whole_passkeys (
    credential_id BLOB PRIMARY KEY,
    user_id       INTEGER NOT NULL REFERENCES whole_users (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    credential    TEXT NOT NULL,
    created       TIMESTAMP NOT NULL,
    last_used     TIMESTAMP
);
INSERT INTO whole_passkeys (credential_id, user_id, name, credential, created, last_used)
    SELECT credential_id, user_id, name, credential, created, last_used FROM passkeys WHERE site_id = 0;
CREATE TABLE whole_upstream_credentials (
    user_id INTEGER PRIMARY KEY REFERENCES whole_users (id) ON DELETE CASCADE,
    login   TEXT NOT NULL,
    secret  BLOB NOT NULL,
    uuid    TEXT NOT NULL DEFAULT '',
    refused TIMESTAMP,
    given   TIMESTAMP NOT NULL
);
INSERT INTO whole_upstream_credentials (user_id, login, secret, uuid, refused, given)
    SELECT user_id, login, secret, uuid, refused, given FROM upstream_credentials WHERE site_id = 0;
DROP TABLE application_passwords;
ALTER TABLE whole_application_passwords RENAME TO application_passwords;
DROP TABLE apps;
ALTER TABLE whole_apps RENAME TO apps;
DROP TABLE password_clients;
ALTER TABLE whole_password_clients RENAME TO password_clients;
DROP TABLE second_factors;
ALTER TABLE whole_second_factors RENAME TO second_factors;
DROP TABLE recovery_codes;
ALTER TABLE whole_recovery_codes RENAME TO recovery_codes;
DROP TABLE passkeys;
ALTER TABLE whole_passkeys RENAME TO passkeys;
DROP TABLE upstream_credentials;
ALTER TABLE whole_upstream_credentials RENAME TO upstream_credentials;
DROP TABLE users;
ALTER TABLE whole_users RENAME TO users;
CREATE UNIQUE INDEX users_email ON users (email_key) WHERE email_key <> '';
CREATE INDEX users_nicename ON users (nicename);
CREATE INDEX users_role ON users (role);
CREATE INDEX application_passwords_user ON application_passwords (user_id);
CREATE INDEX apps_user ON apps (user_id, id);
CREATE INDEX apps_hint ON apps (hint);
CREATE INDEX passkeys_user ON passkeys (user_id);
DROP TABLE sites;
