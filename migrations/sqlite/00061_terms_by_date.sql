-- +goose Up
-- A term knows its posts by date: shown is the date of a published post, NULL while visitors do not see it in lists.
ALTER TABLE post_terms ADD COLUMN shown TIMESTAMP;
UPDATE post_terms SET shown = (SELECT p.date FROM posts p WHERE p.id = post_terms.post_id AND p.type = 'post' AND p.status = 'publish');
CREATE INDEX post_terms_shown ON post_terms (term_id, shown, post_id) WHERE shown IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER post_terms_insert_shows AFTER INSERT ON post_terms
BEGIN
    UPDATE post_terms SET shown = p.date FROM posts p
    WHERE post_terms.post_id = new.post_id AND post_terms.term_id = new.term_id AND p.id = new.post_id AND p.type = 'post' AND p.status = 'publish';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update_shows AFTER UPDATE OF type, status, date ON posts WHEN (new.type, new.status, new.date) IS NOT (old.type, old.status, old.date)
BEGIN
    UPDATE post_terms SET shown = CASE WHEN new.type = 'post' AND new.status = 'publish' THEN new.date END WHERE post_id = new.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER posts_update_shows;
DROP TRIGGER post_terms_insert_shows;
DROP INDEX post_terms_shown;
ALTER TABLE post_terms DROP COLUMN shown;
