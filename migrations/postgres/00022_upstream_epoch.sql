-- +goose Up
-- What the gateway remembers of a credential for the WordPress behind it belongs to the epoch of keys.
CREATE TRIGGER moves_keys AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON upstream_credentials FOR EACH STATEMENT EXECUTE FUNCTION moves_keys();

-- +goose Down
DROP TRIGGER moves_keys ON upstream_credentials;
