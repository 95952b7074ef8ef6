-- +goose Up
-- What a gateway signs in with at the WordPress behind it, one row for each user.
CREATE TABLE upstream_credentials (
	user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
	login TEXT NOT NULL,
	secret BLOB NOT NULL, -- sealed
	uuid TEXT NOT NULL DEFAULT '',
	refused TIMESTAMP,
	given TIMESTAMP NOT NULL
);

-- Creating calls that a gateway has passed on. A row without an answer is one whose outcome is not known.
CREATE TABLE relayed (
	public TEXT NOT NULL,
	digest TEXT NOT NULL,
	call INTEGER NOT NULL,
	answer BLOB,
	at TIMESTAMP NOT NULL,
	PRIMARY KEY (public, digest, call)
);
CREATE INDEX relayed_at ON relayed (at);

-- +goose Down
DROP TABLE relayed;
DROP TABLE upstream_credentials;
