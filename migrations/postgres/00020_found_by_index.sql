-- +goose Up
-- What is looked for is found by an index, however large the blog is: names within a type, replies to a comment, posts
-- whose featured picture is an attachment.
DROP INDEX posts_by_name;
CREATE INDEX posts_by_name ON posts (name, type, parent);
CREATE INDEX comments_by_parent ON comments (parent) WHERE parent <> 0;
CREATE INDEX post_meta_thumbnails ON post_meta (substr(value, 1, 20)) WHERE key = '_thumbnail_id';

-- +goose Down
DROP INDEX post_meta_thumbnails;
DROP INDEX comments_by_parent;
DROP INDEX posts_by_name;
CREATE INDEX posts_by_name ON posts (name);
