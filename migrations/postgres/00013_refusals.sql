-- +goose Up
-- How many credentials were refused, for the page of administrators. Counts of all processes add up.
CREATE TABLE refusals (
    day    TEXT COLLATE "C" NOT NULL, -- in UTC, such as 2026-05-31
    reason TEXT COLLATE "C" NOT NULL, -- of package auth
    n      BIGINT NOT NULL,
    PRIMARY KEY (day, reason)
);

-- +goose Down
DROP TABLE refusals;
