-- +goose Up
-- The last use of a key is written every 20 seconds, and nothing that is remembered of keys depends on it: it does not
-- move their epoch.
DROP TRIGGER moves_keys ON apps;
CREATE TRIGGER moves_keys AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF id, site_id, public, user_id, name, secret, hint, scope,
	legacy_signatures, created, revoked, methods, networks, strict, algorithm, verification_key, expires, successor, rotated, renewed
	ON apps FOR EACH STATEMENT EXECUTE FUNCTION moves_keys();

-- +goose Down
DROP TRIGGER moves_keys ON apps;
CREATE TRIGGER moves_keys AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON apps FOR EACH STATEMENT EXECUTE FUNCTION moves_keys();
