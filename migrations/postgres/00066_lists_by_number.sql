-- +goose Up
-- How many posts each list has among each 2,000 ids, and of each author (package places): the column week holds (id - 1) / 2000,
-- or the author. So the order by id needs no walk to an offset, and nobody counts the posts of authors.
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' id', (id - 1) / 2000, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2;
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' author', author, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2;

-- +goose StatementBegin
CREATE FUNCTION count_post_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER posts_insert_numbers AFTER INSERT ON posts FOR EACH ROW WHEN (new.type <> 'revision') EXECUTE FUNCTION count_post_numbers();
CREATE TRIGGER posts_delete_numbers AFTER DELETE ON posts FOR EACH ROW WHEN (old.type <> 'revision') EXECUTE FUNCTION count_post_numbers();
CREATE TRIGGER posts_update_numbers AFTER UPDATE OF type, status, author ON posts FOR EACH ROW
    WHEN (new.type <> 'revision' AND (new.type, new.status, new.author) IS DISTINCT FROM (old.type, old.status, old.author)) EXECUTE FUNCTION count_post_numbers();

-- +goose Down
DROP TRIGGER posts_update_numbers ON posts;
DROP TRIGGER posts_delete_numbers ON posts;
DROP TRIGGER posts_insert_numbers ON posts;
DROP FUNCTION count_post_numbers();
DELETE FROM list_shifts WHERE list LIKE '% id' OR list LIKE '% author';
DELETE FROM list_counts WHERE list LIKE '% id' OR list LIKE '% author';
