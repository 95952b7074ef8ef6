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
-- sort_text is a function of the program: others cannot write to posts.
CREATE INDEX posts_by_slug ON posts (type, status, sort_text(name), id);

-- +goose Down
DROP INDEX posts_by_mime;
DROP INDEX posts_by_slug;
DROP INDEX posts_by_parent_id;
DROP INDEX posts_by_menu_order;
DROP INDEX posts_by_comments;
DROP INDEX posts_by_author_id;
DROP INDEX posts_by_parent;
CREATE INDEX posts_by_parent ON posts (parent, type);
