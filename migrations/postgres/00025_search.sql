-- +goose Up
-- What searches look into: the grams of posts (package search). It holds no texts.
CREATE TABLE post_search (
    id    BIGINT PRIMARY KEY, -- of the post
    words TSVECTOR NOT NULL
);
ALTER TABLE post_search ALTER COLUMN words SET STATISTICS 0;
CREATE INDEX post_search_words ON post_search USING gin (words) WITH (fastupdate = off);

-- The posts whose texts are new. They are in the index once they are taken out of here, which servers do by themselves.
CREATE TABLE search_pending (post_id BIGINT PRIMARY KEY);
INSERT INTO search_pending SELECT id FROM posts WHERE type <> 'revision';

-- A row that is there already is locked all the same: who takes it out waits until the texts are committed.
-- +goose StatementBegin
CREATE FUNCTION mark_for_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (post_id) VALUES (new.id) ON CONFLICT (post_id) DO UPDATE SET post_id = excluded.post_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION forget_for_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM post_search WHERE id = old.id;
    DELETE FROM search_pending WHERE post_id = old.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER posts_insert_search AFTER INSERT ON posts FOR EACH ROW WHEN (new.type <> 'revision') EXECUTE FUNCTION mark_for_search();
CREATE TRIGGER posts_update_search AFTER UPDATE OF type, title, content, excerpt ON posts FOR EACH ROW
    WHEN (new.type <> 'revision' AND (new.type, new.title, new.content, new.excerpt) IS DISTINCT FROM (old.type, old.title, old.content, old.excerpt))
    EXECUTE FUNCTION mark_for_search();
CREATE TRIGGER posts_delete_search AFTER DELETE ON posts FOR EACH ROW WHEN (old.type <> 'revision') EXECUTE FUNCTION forget_for_search();

-- +goose Down
DROP TRIGGER posts_delete_search ON posts;
DROP TRIGGER posts_update_search ON posts;
DROP TRIGGER posts_insert_search ON posts;
DROP FUNCTION forget_for_search();
DROP FUNCTION mark_for_search();
DROP TABLE search_pending;
DROP TABLE post_search;
