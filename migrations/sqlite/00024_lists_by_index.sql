-- +goose Up
-- Lists come in their order out of an index, however large the blog is: sticky posts, posts by title and by id.
-- Posts by author are found by the index with the date as well.
DROP INDEX posts_sticky;
CREATE INDEX posts_sticky ON posts (type, status, date, id) WHERE sticky;
DROP INDEX posts_by_author;
CREATE INDEX posts_by_id ON posts (type, status, id);
-- sort_text is a function of the program: others cannot write to posts.
CREATE INDEX posts_by_title ON posts (type, status, sort_text(title), id);

-- +goose Down
DROP INDEX posts_by_title;
DROP INDEX posts_by_id;
CREATE INDEX posts_by_author ON posts (author, type, status);
DROP INDEX posts_sticky;
CREATE INDEX posts_sticky ON posts (date, id) WHERE sticky;
