-- +goose Up
-- The last use of a key is written every 20 seconds, and nothing that is remembered of keys depends on it: it does not
-- move their epoch.
DROP TRIGGER apps_update_moves_keys;
-- +goose StatementBegin
CREATE TRIGGER apps_update_moves_keys AFTER UPDATE OF id, site_id, public, user_id, name, secret, hint, scope,
	legacy_signatures, created, revoked, methods, networks, strict, algorithm, verification_key, expires, successor, rotated, renewed
	ON apps BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER apps_update_moves_keys;
-- +goose StatementBegin
CREATE TRIGGER apps_update_moves_keys AFTER UPDATE ON apps BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd
