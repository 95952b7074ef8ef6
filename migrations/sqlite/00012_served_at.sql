-- +goose Up
-- The address that the blog was served at last, so that a copy of the database which turns up at another one is noticed;
-- one row at most.
CREATE TABLE served_at (
    one     INTEGER PRIMARY KEY,
    address TEXT NOT NULL
);

-- +goose Down
DROP TABLE served_at;
