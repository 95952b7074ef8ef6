-- +goose Up
-- What servers remember of the database belongs to an epoch: that of a group of tables. Whatever writes to one of them
-- moves the epoch: a sequence, so that writers do not wait for one another. A sequence moves before its transaction
-- commits; the lock tells those who look whether one is still under way. Package database reads both, and the names.

-- credentials of applications
CREATE SEQUENCE epoch_keys;
SELECT nextval('epoch_keys'); -- the first one does not show in last_value
-- +goose StatementBegin
CREATE FUNCTION moves_keys() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	n BIGINT;
BEGIN
	PERFORM pg_advisory_xact_lock_shared(1701867363, 'epoch_keys'::regclass::oid::int);
	n := nextval('epoch_keys');
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER moves_keys AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON apps FOR EACH STATEMENT EXECUTE FUNCTION moves_keys();

-- accounts and what is set for all of them
CREATE SEQUENCE epoch_people;
SELECT nextval('epoch_people'); -- the first one does not show in last_value
-- +goose StatementBegin
CREATE FUNCTION moves_people() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	n BIGINT;
BEGIN
	PERFORM pg_advisory_xact_lock_shared(1701867363, 'epoch_people'::regclass::oid::int);
	n := nextval('epoch_people');
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER moves_people AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION moves_people();
CREATE TRIGGER moves_people AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON account_policy FOR EACH STATEMENT EXECUTE FUNCTION moves_people();

-- options of the blog
CREATE SEQUENCE epoch_options;
SELECT nextval('epoch_options'); -- the first one does not show in last_value
-- +goose StatementBegin
CREATE FUNCTION moves_options() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	n BIGINT;
BEGIN
	PERFORM pg_advisory_xact_lock_shared(1701867363, 'epoch_options'::regclass::oid::int);
	n := nextval('epoch_options');
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER moves_options AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON options FOR EACH STATEMENT EXECUTE FUNCTION moves_options();

-- everything that visitors see
CREATE SEQUENCE epoch_visitors;
SELECT nextval('epoch_visitors'); -- the first one does not show in last_value
-- +goose StatementBegin
CREATE FUNCTION moves_visitors() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	n BIGINT;
BEGIN
	PERFORM pg_advisory_xact_lock_shared(1701867363, 'epoch_visitors'::regclass::oid::int);
	n := nextval('epoch_visitors');
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON posts FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON post_meta FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON post_terms FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON terms FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON term_meta FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON comments FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON comment_meta FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON attachments FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON options FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();

-- +goose Down
DROP TRIGGER moves_keys ON apps;
DROP FUNCTION moves_keys();
DROP SEQUENCE epoch_keys;
DROP TRIGGER moves_people ON users;
DROP TRIGGER moves_people ON account_policy;
DROP FUNCTION moves_people();
DROP SEQUENCE epoch_people;
DROP TRIGGER moves_options ON options;
DROP FUNCTION moves_options();
DROP SEQUENCE epoch_options;
DROP TRIGGER moves_visitors ON posts;
DROP TRIGGER moves_visitors ON post_meta;
DROP TRIGGER moves_visitors ON post_terms;
DROP TRIGGER moves_visitors ON terms;
DROP TRIGGER moves_visitors ON term_meta;
DROP TRIGGER moves_visitors ON comments;
DROP TRIGGER moves_visitors ON comment_meta;
DROP TRIGGER moves_visitors ON attachments;
DROP TRIGGER moves_visitors ON options;
DROP TRIGGER moves_visitors ON users;
DROP FUNCTION moves_visitors();
DROP SEQUENCE epoch_visitors;
