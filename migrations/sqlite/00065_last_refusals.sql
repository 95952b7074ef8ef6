-- +goose Up
-- The last refused credentials of each user, and of nobody: user_id is NULL where no user was named that exists. What was typed
-- as a name or key is stored only if it is one, since it may be a password.
CREATE TABLE last_refusals (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    site_id    BIGINT NOT NULL,
    user_id    BIGINT,
    at         TIMESTAMP NOT NULL,
    reason     TEXT NOT NULL, -- of package auth
    public     TEXT NOT NULL, -- the key or token, if there is one
    key_length BIGINT NOT NULL, -- of a key that does not exist, 0: none was named
    named      BOOLEAN NOT NULL, -- a user was named
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    FOREIGN KEY (user_id, site_id) REFERENCES users (id, site_id) ON DELETE CASCADE
);
CREATE INDEX last_refusals_user ON last_refusals (site_id, user_id, at, id);
CREATE INDEX last_refusals_at ON last_refusals (at);

-- +goose Down
DROP TABLE last_refusals;
