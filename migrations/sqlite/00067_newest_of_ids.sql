-- +goose Up
-- The newest date among each 2,000 ids of a list (package places): none of its posts is newer. Searches that look at high ids
-- first know by it when to stop, and find the posts between out of the index. It is not lowered when a post leaves or gets an older date.
DROP INDEX posts_by_id;
CREATE INDEX posts_by_id ON posts (type, status, id, date);
ALTER TABLE list_counts ADD COLUMN newest TIMESTAMP;
ALTER TABLE list_shifts ADD COLUMN newest TIMESTAMP;
INSERT INTO list_counts (list, week, n, newest) SELECT type || ' ' || status || ' id', (id - 1) / 2000, 0, MAX(date) FROM posts WHERE type <> 'revision' GROUP BY 1, 2 ON CONFLICT (list, week) DO UPDATE SET newest = excluded.newest;

DROP TRIGGER posts_insert_numbers;
DROP TRIGGER posts_update_numbers;
-- +goose StatementBegin
CREATE TRIGGER posts_insert_numbers AFTER INSERT ON posts WHEN new.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n, newest) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1, new.date) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n, newest = MAX(COALESCE(newest, excluded.newest), excluded.newest);
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' author', new.author, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update_numbers AFTER UPDATE OF type, status, author ON posts WHEN new.type <> 'revision' AND (new.type, new.status, new.author) IS NOT (old.type, old.status, old.author)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' id', (old.id - 1) / 2000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' author', old.author, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n, newest) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1, new.date) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n, newest = MAX(COALESCE(newest, excluded.newest), excluded.newest);
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' author', new.author, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update_newest AFTER UPDATE OF date ON posts WHEN new.type <> 'revision' AND new.date > old.date
BEGIN
    UPDATE list_counts SET newest = new.date WHERE list = new.type || ' ' || new.status || ' id' AND week = (new.id - 1) / 2000 AND newest < new.date;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER posts_update_newest;
DROP TRIGGER posts_update_numbers;
DROP TRIGGER posts_insert_numbers;
-- +goose StatementBegin
CREATE TRIGGER posts_insert_numbers AFTER INSERT ON posts WHEN new.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' author', new.author, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
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
ALTER TABLE list_shifts DROP COLUMN newest;
ALTER TABLE list_counts DROP COLUMN newest;
DROP INDEX posts_by_id;
CREATE INDEX posts_by_id ON posts (type, status, id);
