-- +goose Up
-- How many credentials were refused, for the page of administrators. Counts of all processes add up.
CREATE TABLE refusals (
    day    TEXT NOT NULL, -- in UTC, such as 2026-05-31
    reason TEXT NOT NULL, -- of package auth
    n      INTEGER NOT NULL,
    PRIMARY KEY (day, reason)
);

-- +goose Down
DROP TABLE refusals;
