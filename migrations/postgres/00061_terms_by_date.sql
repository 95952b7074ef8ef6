-- +goose Up
-- A term knows its posts by date: shown is the date of a published post, NULL while visitors do not see it in lists.
ALTER TABLE post_terms ADD COLUMN shown TIMESTAMPTZ;
UPDATE post_terms SET shown = p.date FROM posts p WHERE p.id = post_terms.post_id AND p.type = 'post' AND p.status = 'publish';
CREATE INDEX post_terms_shown ON post_terms (term_id, shown, post_id) WHERE shown IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION show_term_of_post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.shown := (SELECT p.date FROM posts p WHERE p.id = new.post_id AND p.type = 'post' AND p.status = 'publish');
    RETURN new;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION show_post_in_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE post_terms SET shown = CASE WHEN new.type = 'post' AND new.status = 'publish' THEN new.date END WHERE post_id = new.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER post_terms_insert_shows BEFORE INSERT ON post_terms FOR EACH ROW EXECUTE FUNCTION show_term_of_post();
CREATE TRIGGER posts_update_shows AFTER UPDATE OF type, status, date ON posts FOR EACH ROW
    WHEN ((new.type, new.status, new.date) IS DISTINCT FROM (old.type, old.status, old.date)) EXECUTE FUNCTION show_post_in_terms();

-- +goose Down
DROP TRIGGER posts_update_shows ON posts;
DROP TRIGGER post_terms_insert_shows ON post_terms;
DROP FUNCTION show_post_in_terms();
DROP FUNCTION show_term_of_post();
DROP INDEX post_terms_shown;
ALTER TABLE post_terms DROP COLUMN shown;
