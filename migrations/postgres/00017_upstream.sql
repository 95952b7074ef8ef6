-- +goose Up
-- What a gateway signs in with at the WordPress behind it, one row for each user.
CREATE TABLE upstream_credentials (
	user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
	login TEXT COLLATE "C" NOT NULL,
	secret BYTEA NOT NULL, -- sealed
	uuid TEXT COLLATE "C" NOT NULL DEFAULT '',
	refused TIMESTAMPTZ,
	given TIMESTAMPTZ NOT NULL
);

-- Creating calls that a gateway has passed on. A row without an answer is one whose outcome is not known.
CREATE TABLE relayed (
	public TEXT COLLATE "C" NOT NULL,
	digest TEXT COLLATE "C" NOT NULL,
	call BIGINT NOT NULL,
	answer BYTEA,
	at TIMESTAMPTZ NOT NULL,
	PRIMARY KEY (public, digest, call)
);
CREATE INDEX relayed_at ON relayed (at);

-- +goose Down
DROP TABLE relayed;
DROP TABLE upstream_credentials;
