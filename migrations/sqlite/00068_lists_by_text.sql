-- +goose Up
-- Parts of lists that are sorted by title or by name (package places): a fence is the first sort key of a part, and part 0 is
-- before the first fence. Servers split a part that has become large. list_counts has the counts, by the number of the part.
CREATE TABLE list_fences (
    of   TEXT NOT NULL, -- type and order
    text BLOB NOT NULL,
    part INTEGER NOT NULL,
    PRIMARY KEY (of, text)
) WITHOUT ROWID;
CREATE UNIQUE INDEX list_fences_part ON list_fences (of, part);
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' title', 0, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1;
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' name', 0, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1;

-- +goose StatementBegin
CREATE TRIGGER posts_insert_texts AFTER INSERT ON posts WHEN new.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' title', COALESCE((SELECT part FROM list_fences WHERE of = new.type || ' title' AND text <= sort_text(new.title) ORDER BY text DESC LIMIT 1), 0), 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' name', COALESCE((SELECT part FROM list_fences WHERE of = new.type || ' name' AND text <= sort_text(new.name) ORDER BY text DESC LIMIT 1), 0), 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER posts_delete_texts AFTER DELETE ON posts WHEN old.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' title', COALESCE((SELECT part FROM list_fences WHERE of = old.type || ' title' AND text <= sort_text(old.title) ORDER BY text DESC LIMIT 1), 0), -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' name', COALESCE((SELECT part FROM list_fences WHERE of = old.type || ' name' AND text <= sort_text(old.name) ORDER BY text DESC LIMIT 1), 0), -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER posts_update_titles AFTER UPDATE OF type, status, title ON posts WHEN new.type <> 'revision' AND (new.type, new.status, new.title) IS NOT (old.type, old.status, old.title)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' title', COALESCE((SELECT part FROM list_fences WHERE of = old.type || ' title' AND text <= sort_text(old.title) ORDER BY text DESC LIMIT 1), 0), -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' title', COALESCE((SELECT part FROM list_fences WHERE of = new.type || ' title' AND text <= sort_text(new.title) ORDER BY text DESC LIMIT 1), 0), 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER posts_update_names AFTER UPDATE OF type, status, name ON posts WHEN new.type <> 'revision' AND (new.type, new.status, new.name) IS NOT (old.type, old.status, old.name)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' name', COALESCE((SELECT part FROM list_fences WHERE of = old.type || ' name' AND text <= sort_text(old.name) ORDER BY text DESC LIMIT 1), 0), -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' name', COALESCE((SELECT part FROM list_fences WHERE of = new.type || ' name' AND text <= sort_text(new.name) ORDER BY text DESC LIMIT 1), 0), 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER posts_update_names;
DROP TRIGGER posts_update_titles;
DROP TRIGGER posts_delete_texts;
DROP TRIGGER posts_insert_texts;
DELETE FROM list_counts WHERE list LIKE '% title' OR list LIKE '% name';
DROP TABLE list_fences;
