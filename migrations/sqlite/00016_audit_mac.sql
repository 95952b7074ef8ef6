-- +goose Up
-- MAC over the end of the trail, under a key that is sealed; empty: the trail is kept without one.
ALTER TABLE audit_head ADD COLUMN mac BLOB NOT NULL DEFAULT x'';

-- +goose Down
ALTER TABLE audit_head DROP COLUMN mac;
