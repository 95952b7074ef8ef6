-- +goose Up
-- How many posts each list has among each 2,000 ids, and of each author (package places): the column week holds (id - 1) / 2000,
-- or the author. So the order by id needs no walk to an offset, and nobody counts the posts of authors.
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' id', (id - 1) / 2000, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2;
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' author', author, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2;

-- +goose StatementBegin
CREATE TRIGGER posts_insert_numbers AFTER INSERT ON posts WHEN new.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' author', new.author, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_delete_numbers AFTER DELETE ON posts WHEN old.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' id', (old.id - 1) / 2000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' author', old.author, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update_numbers AFTER UPDATE OF type, status, author ON posts WHEN new.type <> 'revision' AND (new.type, new.status, new.author) IS NOT (old.type, old.status, old.author)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' id', (old.id - 1) / 2000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' author', old.author, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' author', new.author, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER posts_update_numbers;
DROP TRIGGER posts_delete_numbers;
DROP TRIGGER posts_insert_numbers;
DELETE FROM list_counts WHERE list LIKE '% id' OR list LIKE '% author';
