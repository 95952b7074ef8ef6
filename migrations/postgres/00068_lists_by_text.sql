-- +goose Up
-- Parts of lists that are sorted by title or by name (package places): a fence is the first sort key of a part, and part 0 is
-- before the first fence. Servers split a part that has become large. list_counts has the counts, by the number of the part.
CREATE TABLE list_fences (
    of   TEXT COLLATE "C" NOT NULL, -- type and order
    text TEXT NOT NULL,
    part BIGINT NOT NULL
);
-- The order is that of database.Sorted. A PostgreSQL without ICU does not have its collation.
-- +goose StatementBegin
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        ALTER TABLE list_fences ALTER COLUMN text TYPE TEXT COLLATE "und-x-icu";
    ELSE
        ALTER TABLE list_fences ALTER COLUMN text TYPE TEXT COLLATE "C";
    END IF;
END $do$;
-- +goose StatementEnd
ALTER TABLE list_fences ADD PRIMARY KEY (of, text);
CREATE UNIQUE INDEX list_fences_part ON list_fences (of, part);
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' title', 0, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1;
INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' name', 0, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1;

-- The expression is that of database.Sorted, to the letter.
-- +goose StatementBegin
CREATE FUNCTION part_of_text(list TEXT, whole TEXT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    key TEXT := replace(replace(replace(replace(left((CASE WHEN octet_length((left(whole, 200))::text) = char_length((left(whole, 200))::text) THEN LOWER((left(whole, 200))::text) ELSE LOWER(translate(replace(replace(replace(replace(replace(replace(regexp_replace(normalize((left(whole, 200))::text, NFKD), '[\u0300-\u036f]', '', 'g'), 'ß', 'ss'), 'ß', 'ss'), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ØøŁłĐđÐðĦħIı', 'oollddddhhii')) END COLLATE "C"), 300), '`', ' 􏿽1'), '^', ' 􏿽2'), '©', '¶􏿽1'), '®', '¶􏿽2');
BEGIN
    RETURN COALESCE((SELECT f.part FROM list_fences f WHERE f.of = list AND f.text <= key ORDER BY f.text DESC LIMIT 1), 0);
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION count_post_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO list_shifts (list, week, n) VALUES (new.type || ' ' || new.status || ' title', part_of_text(new.type || ' title', new.title), 1), (new.type || ' ' || new.status || ' name', part_of_text(new.type || ' name', new.name), 1);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO list_shifts (list, week, n) VALUES (old.type || ' ' || old.status || ' title', part_of_text(old.type || ' title', old.title), -1), (old.type || ' ' || old.status || ' name', part_of_text(old.type || ' name', old.name), -1);
    ELSE
        INSERT INTO list_shifts (list, week, n) SELECT list, week, SUM(n) FROM (VALUES (old.type || ' ' || old.status || ' title', part_of_text(old.type || ' title', old.title), -1), (new.type || ' ' || new.status || ' title', part_of_text(new.type || ' title', new.title), 1),
            (old.type || ' ' || old.status || ' name', part_of_text(old.type || ' name', old.name), -1), (new.type || ' ' || new.status || ' name', part_of_text(new.type || ' name', new.name), 1)) AS v (list, week, n)
            GROUP BY list, week HAVING SUM(n) <> 0;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER posts_insert_texts AFTER INSERT ON posts FOR EACH ROW WHEN (new.type <> 'revision') EXECUTE FUNCTION count_post_texts();
CREATE TRIGGER posts_delete_texts AFTER DELETE ON posts FOR EACH ROW WHEN (old.type <> 'revision') EXECUTE FUNCTION count_post_texts();
CREATE TRIGGER posts_update_texts AFTER UPDATE OF type, status, title, name ON posts FOR EACH ROW
    WHEN (new.type <> 'revision' AND (new.type, new.status, new.title, new.name) IS DISTINCT FROM (old.type, old.status, old.title, old.name)) EXECUTE FUNCTION count_post_texts();

-- +goose Down
DROP TRIGGER posts_update_texts ON posts;
DROP TRIGGER posts_delete_texts ON posts;
DROP TRIGGER posts_insert_texts ON posts;
DROP FUNCTION count_post_texts();
DROP FUNCTION part_of_text(TEXT, TEXT);
DELETE FROM list_shifts WHERE list LIKE '% title' OR list LIKE '% name';
DELETE FROM list_counts WHERE list LIKE '% title' OR list LIKE '% name';
DROP TABLE list_fences;
