-- +goose Up
-- The queue of comments reads and counts those of one status, and the menu of every page the ones that wait.
CREATE INDEX comments_by_status ON comments (status, date_gmt, id);

-- +goose Down
DROP INDEX comments_by_status;
