-- +goose Up
-- What searches look into: the grams of posts (package search). It holds no texts.
CREATE VIRTUAL TABLE post_search USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');

-- The posts whose texts are new. They are in the index once they are taken out of here, which servers do by themselves.
CREATE TABLE search_pending (post_id INTEGER PRIMARY KEY);
INSERT INTO search_pending SELECT id FROM posts WHERE type <> 'revision';

-- +goose StatementBegin
CREATE TRIGGER posts_insert_search AFTER INSERT ON posts WHEN new.type <> 'revision'
BEGIN
    INSERT INTO search_pending (post_id) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update_search AFTER UPDATE OF type, title, content, excerpt ON posts
    WHEN new.type <> 'revision' AND (new.type, new.title, new.content, new.excerpt) IS NOT (old.type, old.title, old.content, old.excerpt)
BEGIN
    INSERT INTO search_pending (post_id) VALUES (new.id) ON CONFLICT DO NOTHING;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_delete_search AFTER DELETE ON posts WHEN old.type <> 'revision'
BEGIN
    DELETE FROM post_search WHERE rowid = old.id;
    DELETE FROM search_pending WHERE post_id = old.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER posts_delete_search;
DROP TRIGGER posts_update_search;
DROP TRIGGER posts_insert_search;
DROP TABLE search_pending;
DROP TABLE post_search;
