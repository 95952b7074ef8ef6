-- +goose Up
-- Whose password was right in a session that still waits for the second factor; 0: somebody is signed in.
ALTER TABLE sessions ADD COLUMN pending BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sessions_pending ON sessions (pending, created);

-- +goose Down
DROP INDEX sessions_pending;
ALTER TABLE sessions DROP COLUMN pending;
