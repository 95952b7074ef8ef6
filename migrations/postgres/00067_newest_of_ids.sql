-- +goose Up
-- The newest date among each 2,000 ids of a list (package places): none of its posts is newer. Searches that look at high ids
-- first know by it when to stop, and find the posts between out of the index. It is not lowered when a post leaves or gets an older date.
DROP INDEX posts_by_id;
CREATE INDEX posts_by_id ON posts (type, status, id, date);
ALTER TABLE list_counts ADD COLUMN newest TIMESTAMPTZ;
ALTER TABLE list_shifts ADD COLUMN newest TIMESTAMPTZ;
INSERT INTO list_counts (list, week, n, newest) SELECT type || ' ' || status || ' id', (id - 1) / 2000, 0, MAX(date) FROM posts WHERE type <> 'revision' GROUP BY 1, 2 ON CONFLICT (list, week) DO UPDATE SET newest = excluded.newest;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_post_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO list_shifts (list, week, n) VALUES (old.type || ' ' || old.status || ' id', (old.id - 1) / 2000, -1), (old.type || ' ' || old.status || ' author', old.author, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO list_shifts (list, week, n, newest) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1, new.date), (new.type || ' ' || new.status || ' author', new.author, 1, NULL);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION note_newest_post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_shifts (list, week, n, newest) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 0, new.date);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER posts_update_newest AFTER UPDATE OF date ON posts FOR EACH ROW WHEN (new.type <> 'revision' AND new.date > old.date) EXECUTE FUNCTION note_newest_post();

-- +goose Down
DROP TRIGGER posts_update_newest ON posts;
DROP FUNCTION note_newest_post();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_post_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO list_shifts (list, week, n) VALUES (old.type || ' ' || old.status || ' id', (old.id - 1) / 2000, -1), (old.type || ' ' || old.status || ' author', old.author, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO list_shifts (list, week, n) VALUES (new.type || ' ' || new.status || ' id', (new.id - 1) / 2000, 1), (new.type || ' ' || new.status || ' author', new.author, 1);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
ALTER TABLE list_shifts DROP COLUMN newest;
ALTER TABLE list_counts DROP COLUMN newest;
DROP INDEX posts_by_id;
CREATE INDEX posts_by_id ON posts (type, status, id);
