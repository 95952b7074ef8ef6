-- +goose Up
-- What the gateway remembers of a credential for the WordPress behind it belongs to the epoch of keys.
-- +goose StatementBegin
CREATE TRIGGER upstream_credentials_insert_moves_keys AFTER INSERT ON upstream_credentials BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER upstream_credentials_update_moves_keys AFTER UPDATE ON upstream_credentials BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER upstream_credentials_delete_moves_keys AFTER DELETE ON upstream_credentials BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER upstream_credentials_insert_moves_keys;
DROP TRIGGER upstream_credentials_update_moves_keys;
DROP TRIGGER upstream_credentials_delete_moves_keys;
