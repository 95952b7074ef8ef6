-- +goose Up
-- Addresses that posts had elsewhere before they moved here: path and query, in the form of permalink.Old. An address leads
-- to one post; a post has a few of them. Visitors are redirected where nothing else is at the address.
CREATE TABLE old_addresses (
    address TEXT PRIMARY KEY,
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX old_addresses_by_post ON old_addresses (post_id);

-- +goose StatementBegin
CREATE TRIGGER old_addresses_insert_moves_visitors AFTER INSERT ON old_addresses BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER old_addresses_update_moves_visitors AFTER UPDATE ON old_addresses BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER old_addresses_delete_moves_visitors AFTER DELETE ON old_addresses BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE old_addresses;
