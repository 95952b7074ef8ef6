-- Clients that look for what has changed list posts by the date of the last change.

-- +goose Up
CREATE INDEX posts_by_modified ON posts (type, status, modified, id);

-- +goose Down
DROP INDEX posts_by_modified;
