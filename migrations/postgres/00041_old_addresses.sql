-- +goose Up
-- Addresses that posts had elsewhere before they moved here: path and query, in the form of permalink.Old. An address leads
-- to one post; a post has a few of them. Visitors are redirected where nothing else is at the address.
CREATE TABLE old_addresses (
    address TEXT PRIMARY KEY,
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE
);
CREATE INDEX old_addresses_by_post ON old_addresses (post_id);
CREATE TRIGGER moves_visitors AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON old_addresses FOR EACH STATEMENT EXECUTE FUNCTION moves_visitors();

-- +goose Down
DROP TABLE old_addresses;
