-- +goose Up
-- Mail that waits to be sent, and for a while what was sent: the row of a topic keeps the next mail about it waiting until rest.
-- due is when the next try is, NULL when nothing waits. A row says what the mail is about, never its words: links that open
-- something are made when it is sent.
CREATE TABLE outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    user_id  BIGINT NOT NULL, -- whose address counts, 0: address
    address  TEXT NOT NULL,
    topic    TEXT NOT NULL,
    items    TEXT NOT NULL, -- what happened, numbers with spaces between them; the first ones if there are many
    n        BIGINT NOT NULL, -- how many things happened
    created  TIMESTAMP NOT NULL, -- since when it waits
    attempts BIGINT NOT NULL DEFAULT 0,
    due      TIMESTAMP,
    sent     TIMESTAMP,
    rest     TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX outbox_by_topic ON outbox (kind, user_id, address, topic);
CREATE INDEX outbox_due ON outbox (due) WHERE due IS NOT NULL;

-- Up to which line of the trail people were told. One row.
CREATE TABLE notices_told (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    line BIGINT NOT NULL
);

-- Addresses that accounts had until lately: notices go there too, so that whoever takes an account over cannot hide it.
CREATE TABLE former_emails (
    site_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    email   TEXT NOT NULL,
    changed TIMESTAMP NOT NULL,
    PRIMARY KEY (user_id, email),
    FOREIGN KEY (user_id, site_id) REFERENCES users (id, site_id) ON DELETE CASCADE
);

-- +goose Down
DROP TABLE former_emails;
DROP TABLE notices_told;
DROP TABLE outbox;
