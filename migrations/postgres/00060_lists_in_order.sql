-- +goose Up
-- Lists in every order that wp.getPosts knows come out of an index, revisions of a post and its attachments too. Attachments
-- are found by their media type.
DROP INDEX posts_by_parent;
CREATE INDEX posts_by_parent ON posts (parent, type, date, id);
CREATE INDEX posts_by_author_id ON posts (type, status, author, id);
CREATE INDEX posts_by_comments ON posts (type, status, comment_count, id);
CREATE INDEX posts_by_menu_order ON posts (type, status, menu_order, id);
CREATE INDEX posts_by_parent_id ON posts (type, status, parent, id);
CREATE INDEX posts_by_mime ON posts (type, status, mime_type, date, id) WHERE type = 'attachment';
-- The expression is that of database.Sorted, to the letter. A PostgreSQL without ICU does not have its collation.
-- +goose StatementBegin
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE INDEX posts_by_slug ON posts (type, status, (replace(replace(replace(replace(left((CASE WHEN octet_length((left(name, 200))::text) = char_length((left(name, 200))::text) THEN LOWER((left(name, 200))::text) ELSE LOWER(translate(replace(replace(replace(replace(replace(replace(regexp_replace(normalize((left(name, 200))::text, NFKD), '[\u0300-\u036f]', '', 'g'), 'ß', 'ss'), 'ß', 'ss'), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ØøŁłĐđÐðĦħIı', 'oollddddhhii')) END COLLATE "C"), 300), '`', ' 􏿽1'), '^', ' 􏿽2'), '©', '¶􏿽1'), '®', '¶􏿽2') COLLATE "und-x-icu"), id);
    ELSE
        CREATE INDEX posts_by_slug ON posts (type, status, (replace(replace(replace(replace(left((CASE WHEN octet_length((left(name, 200))::text) = char_length((left(name, 200))::text) THEN LOWER((left(name, 200))::text) ELSE LOWER(translate(replace(replace(replace(replace(replace(replace(regexp_replace(normalize((left(name, 200))::text, NFKD), '[\u0300-\u036f]', '', 'g'), 'ß', 'ss'), 'ß', 'ss'), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ØøŁłĐđÐðĦħIı', 'oollddddhhii')) END COLLATE "C"), 300), '`', ' 􏿽1'), '^', ' 􏿽2'), '©', '¶􏿽1'), '®', '¶􏿽2') COLLATE "C"), id);
    END IF;
END $do$;
-- +goose StatementEnd

-- +goose Down
DROP INDEX posts_by_mime;
DROP INDEX posts_by_slug;
DROP INDEX posts_by_parent_id;
DROP INDEX posts_by_menu_order;
DROP INDEX posts_by_comments;
DROP INDEX posts_by_author_id;
DROP INDEX posts_by_parent;
CREATE INDEX posts_by_parent ON posts (parent, type);
