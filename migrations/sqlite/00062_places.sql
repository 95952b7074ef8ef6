-- +goose Up
-- How many posts and comments each list has in each week, so that an offset is found without a walk (package places). Weeks
-- are counted from the year 0. On SQLite list_shifts stays empty: there is one writer, so the counts change at once.
CREATE TABLE list_counts (
    list TEXT NOT NULL,
    week INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (list, week)
) WITHOUT ROWID;
CREATE TABLE list_shifts (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    list TEXT NOT NULL,
    week INTEGER NOT NULL,
    n    INTEGER NOT NULL
);
CREATE INDEX list_shifts_list ON list_shifts (list, week, n);
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' date', (date + 62167219200000000) / 604800000000, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2;
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' modified', (modified + 62167219200000000) / 604800000000, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2;
INSERT INTO list_counts (list, week, n) SELECT 'comment ' || status || ' date', (date_gmt + 62167219200000000) / 604800000000, COUNT(*) FROM comments GROUP BY 1, 2;

-- +goose StatementBegin
CREATE TRIGGER posts_insert_counts AFTER INSERT ON posts WHEN new.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' date', (new.date + 62167219200000000) / 604800000000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' modified', (new.modified + 62167219200000000) / 604800000000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER posts_delete_counts AFTER DELETE ON posts WHEN old.type <> 'revision'
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' date', (old.date + 62167219200000000) / 604800000000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' modified', (old.modified + 62167219200000000) / 604800000000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER posts_update_counts_date AFTER UPDATE OF type, status, date ON posts
    WHEN new.type <> 'revision' AND (new.type, new.status, (new.date + 62167219200000000) / 604800000000) IS NOT (old.type, old.status, (old.date + 62167219200000000) / 604800000000)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' date', (old.date + 62167219200000000) / 604800000000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' date', (new.date + 62167219200000000) / 604800000000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER posts_update_counts_modified AFTER UPDATE OF type, status, modified ON posts
    WHEN new.type <> 'revision' AND (new.type, new.status, (new.modified + 62167219200000000) / 604800000000) IS NOT (old.type, old.status, (old.modified + 62167219200000000) / 604800000000)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES (old.type || ' ' || old.status || ' modified', (old.modified + 62167219200000000) / 604800000000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES (new.type || ' ' || new.status || ' modified', (new.modified + 62167219200000000) / 604800000000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER comments_insert_counts AFTER INSERT ON comments
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES ('comment ' || new.status || ' date', (new.date_gmt + 62167219200000000) / 604800000000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER comments_delete_counts AFTER DELETE ON comments
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES ('comment ' || old.status || ' date', (old.date_gmt + 62167219200000000) / 604800000000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER comments_update_counts AFTER UPDATE OF status, date_gmt ON comments
    WHEN (new.status, (new.date_gmt + 62167219200000000) / 604800000000) IS NOT (old.status, (old.date_gmt + 62167219200000000) / 604800000000)
BEGIN
    INSERT INTO list_counts (list, week, n) VALUES ('comment ' || old.status || ' date', (old.date_gmt + 62167219200000000) / 604800000000, -1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
    INSERT INTO list_counts (list, week, n) VALUES ('comment ' || new.status || ' date', (new.date_gmt + 62167219200000000) / 604800000000, 1) ON CONFLICT (list, week) DO UPDATE SET n = n + excluded.n;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER comments_update_counts;
DROP TRIGGER comments_delete_counts;
DROP TRIGGER comments_insert_counts;
DROP TRIGGER posts_update_counts_modified;
DROP TRIGGER posts_update_counts_date;
DROP TRIGGER posts_delete_counts;
DROP TRIGGER posts_insert_counts;
DROP TABLE list_shifts;
DROP TABLE list_counts;
