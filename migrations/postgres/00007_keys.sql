-- +goose Up
ALTER TABLE apps ADD COLUMN methods TEXT COLLATE "C" NOT NULL DEFAULT '';   -- names, parted by spaces; empty: all
ALTER TABLE apps ADD COLUMN networks TEXT COLLATE "C" NOT NULL DEFAULT '';  -- CIDR, parted by spaces; empty: from everywhere
ALTER TABLE apps ADD COLUMN strict BOOLEAN NOT NULL DEFAULT FALSE; -- RFC 9421 only
ALTER TABLE apps ADD COLUMN algorithm TEXT COLLATE "C" NOT NULL DEFAULT ''; -- of RFC 9421; empty: hmac-sha256 with the secret
ALTER TABLE apps ADD COLUMN verification_key BYTEA;              -- PKIX, DER; then secret is empty
ALTER TABLE apps ADD COLUMN expires TIMESTAMPTZ;
ALTER TABLE apps ADD COLUMN successor TEXT COLLATE "C" NOT NULL DEFAULT ''; -- public key of the pair that takes over
ALTER TABLE apps ADD COLUMN rotated TIMESTAMPTZ;                    -- when the successor was made
ALTER TABLE apps ADD COLUMN renewed TIMESTAMPTZ;                    -- when its owner last changed it
ALTER TABLE apps ADD COLUMN last_address TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN last_agent TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN last_method TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE apps ADD COLUMN uses BIGINT NOT NULL DEFAULT 0;
CREATE INDEX apps_hint ON apps (hint);

-- Nonces of signed messages (RFC 9421), each accepted once.
CREATE TABLE nonces (
    public  TEXT COLLATE "C" NOT NULL,
    nonce   TEXT COLLATE "C" NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (public, nonce)
);
CREATE INDEX nonces_expires ON nonces (expires);

-- What creating calls have made, for a body that comes again.
CREATE TABLE creations (
    public TEXT COLLATE "C" NOT NULL,
    digest TEXT COLLATE "C" NOT NULL,
    call   BIGINT NOT NULL, -- place within system.multicall; 0 outside
    made   BIGINT NOT NULL, -- id of the post, term or comment
    at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (public, digest, call)
);
CREATE INDEX creations_at ON creations (at);

-- Codes that work once and for a short while: to enrol a verification key, to set up the first administrator.
CREATE TABLE one_time_codes (
    hash    BYTEA PRIMARY KEY, -- SHA-256 of the code, which has 128 random bits
    purpose TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL, -- 0: of nobody yet
    detail  TEXT COLLATE "C" NOT NULL DEFAULT '', -- JSON, what the purpose needs
    expires TIMESTAMPTZ NOT NULL
);

-- +goose Down
DROP TABLE one_time_codes;
DROP TABLE creations;
DROP TABLE nonces;
DROP INDEX apps_hint;
ALTER TABLE apps DROP COLUMN uses;
ALTER TABLE apps DROP COLUMN last_method;
ALTER TABLE apps DROP COLUMN last_agent;
ALTER TABLE apps DROP COLUMN last_address;
ALTER TABLE apps DROP COLUMN renewed;
ALTER TABLE apps DROP COLUMN rotated;
ALTER TABLE apps DROP COLUMN successor;
ALTER TABLE apps DROP COLUMN expires;
ALTER TABLE apps DROP COLUMN verification_key;
ALTER TABLE apps DROP COLUMN algorithm;
ALTER TABLE apps DROP COLUMN strict;
ALTER TABLE apps DROP COLUMN networks;
ALTER TABLE apps DROP COLUMN methods;
