-- +goose Up
-- MAC over the end of the trail, under a key that is sealed; empty: the trail is kept without one.
ALTER TABLE audit_head ADD COLUMN mac BYTEA NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit_head DROP COLUMN mac;
