-- +goose Up
-- Lists come in their order out of an index, however large the blog is: sticky posts, posts by title and by id.
-- Posts by author are found by the index with the date as well.
DROP INDEX posts_sticky;
CREATE INDEX posts_sticky ON posts (type, status, date, id) WHERE sticky;
DROP INDEX posts_by_author;
CREATE INDEX posts_by_id ON posts (type, status, id);
-- The expression is that of database.Sorted, to the letter. A PostgreSQL without ICU does not have its collation.
-- +goose StatementBegin
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE INDEX posts_by_title ON posts (type, status, (replace(replace(replace(replace(left((CASE WHEN octet_length((left(title, 200))::text) = char_length((left(title, 200))::text) THEN LOWER((left(title, 200))::text) ELSE LOWER(translate(replace(replace(replace(replace(replace(replace(regexp_replace(normalize((left(title, 200))::text, NFKD), '[\u0300-\u036f]', '', 'g'), 'ß', 'ss'), 'ß', 'ss'), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ØøŁłĐđÐðĦħIı', 'oollddddhhii')) END COLLATE "C"), 300), '`', ' 􏿽1'), '^', ' 􏿽2'), '©', '¶􏿽1'), '®', '¶􏿽2') COLLATE "und-x-icu"), id);
    ELSE
        CREATE INDEX posts_by_title ON posts (type, status, (replace(replace(replace(replace(left((CASE WHEN octet_length((left(title, 200))::text) = char_length((left(title, 200))::text) THEN LOWER((left(title, 200))::text) ELSE LOWER(translate(replace(replace(replace(replace(replace(replace(regexp_replace(normalize((left(title, 200))::text, NFKD), '[\u0300-\u036f]', '', 'g'), 'ß', 'ss'), 'ß', 'ss'), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ØøŁłĐđÐðĦħIı', 'oollddddhhii')) END COLLATE "C"), 300), '`', ' 􏿽1'), '^', ' 􏿽2'), '©', '¶􏿽1'), '®', '¶􏿽2') COLLATE "C"), id);
    END IF;
END $do$;
-- +goose StatementEnd

-- +goose Down
DROP INDEX posts_by_title;
DROP INDEX posts_by_id;
CREATE INDEX posts_by_author ON posts (author, type, status);
DROP INDEX posts_sticky;
CREATE INDEX posts_sticky ON posts (date, id) WHERE sticky;
