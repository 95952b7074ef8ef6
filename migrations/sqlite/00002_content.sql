-- +goose Up
-- The blog: options, posts of every type, custom fields, terms, comments, uploads.
-- Local times carry the site's wall clock as if it were UTC; the *_gmt columns are the moment itself, NULL where WordPress keeps zeros.

CREATE TABLE options (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE posts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    type           TEXT NOT NULL,
    status         TEXT NOT NULL,
    title          TEXT NOT NULL DEFAULT '',
    name           TEXT NOT NULL DEFAULT '',
    author         BIGINT NOT NULL DEFAULT 0,
    content        TEXT NOT NULL DEFAULT '',
    excerpt        TEXT NOT NULL DEFAULT '',
    password       TEXT NOT NULL DEFAULT '',
    parent         BIGINT NOT NULL DEFAULT 0,
    menu_order     BIGINT NOT NULL DEFAULT 0,
    comment_status TEXT NOT NULL DEFAULT 'closed',
    ping_status    TEXT NOT NULL DEFAULT 'closed',
    mime_type      TEXT NOT NULL DEFAULT '',
    guid           TEXT NOT NULL DEFAULT '',
    sticky         BOOLEAN NOT NULL DEFAULT FALSE,
    comment_count  BIGINT NOT NULL DEFAULT 0,
    date           TIMESTAMP NOT NULL,
    date_gmt       TIMESTAMP,
    modified       TIMESTAMP NOT NULL,
    modified_gmt   TIMESTAMP
);
CREATE INDEX posts_by_date ON posts (type, status, date, id);
CREATE INDEX posts_by_type_date ON posts (type, date, id);
CREATE INDEX posts_by_parent ON posts (parent, type);
CREATE INDEX posts_by_author ON posts (author, type, status);
CREATE INDEX posts_by_name ON posts (name);
CREATE INDEX posts_scheduled ON posts (date_gmt) WHERE status = 'future';

CREATE TABLE post_meta (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX post_meta_by_post ON post_meta (post_id, key, id);

-- name_key is the name as it is compared and sorted: without case and accents (site.termKey).
CREATE TABLE terms (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    taxonomy    TEXT NOT NULL,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    slug        TEXT NOT NULL,
    parent      BIGINT NOT NULL DEFAULT 0,
    description TEXT NOT NULL DEFAULT '',
    term_group  BIGINT NOT NULL DEFAULT 0,
    count       BIGINT NOT NULL DEFAULT 0,
    UNIQUE (taxonomy, slug)
);
CREATE INDEX terms_by_name ON terms (taxonomy, name_key, id);
CREATE INDEX terms_by_parent ON terms (taxonomy, parent);

CREATE TABLE term_meta (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    term_id BIGINT NOT NULL REFERENCES terms (id) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX term_meta_by_term ON term_meta (term_id, key, id);

CREATE TABLE post_terms (
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    term_id BIGINT NOT NULL REFERENCES terms (id) ON DELETE CASCADE,
    PRIMARY KEY (post_id, term_id)
);
CREATE INDEX post_terms_by_term ON post_terms (term_id, post_id);

CREATE TABLE comments (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id  BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    parent   BIGINT NOT NULL DEFAULT 0,
    user_id  BIGINT NOT NULL DEFAULT 0,
    status   TEXT NOT NULL,
    type     TEXT NOT NULL DEFAULT 'comment',
    author   TEXT NOT NULL DEFAULT '',
    email    TEXT NOT NULL DEFAULT '',
    url      TEXT NOT NULL DEFAULT '',
    ip       TEXT NOT NULL DEFAULT '',
    agent    TEXT NOT NULL DEFAULT '',
    content  TEXT NOT NULL DEFAULT '',
    date     TIMESTAMP NOT NULL,
    date_gmt TIMESTAMP NOT NULL
);
CREATE INDEX comments_by_post ON comments (post_id, status, date_gmt, id);
CREATE INDEX comments_by_date ON comments (date_gmt, id);
CREATE INDEX comments_by_user ON comments (user_id, status);
CREATE INDEX comments_by_email ON comments (email, status);

CREATE TABLE comment_meta (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    comment_id BIGINT NOT NULL REFERENCES comments (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX comment_meta_by_comment ON comment_meta (comment_id, key, id);

-- One row for each post of type attachment; sizes and image_meta are JSON objects;
-- original is the base name of the upload when file is a smaller or turned copy of it.
CREATE TABLE attachments (
    post_id    BIGINT PRIMARY KEY REFERENCES posts (id) ON DELETE CASCADE,
    file       TEXT NOT NULL,
    original   TEXT NOT NULL DEFAULT '',
    size       BIGINT NOT NULL DEFAULT 0,
    width      BIGINT NOT NULL DEFAULT 0,
    height     BIGINT NOT NULL DEFAULT 0,
    sizes      TEXT NOT NULL DEFAULT '{}',
    image_meta TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX attachments_by_file ON attachments (file);

-- +goose Down
DROP TABLE attachments;
DROP TABLE comment_meta;
DROP TABLE comments;
DROP TABLE post_terms;
DROP TABLE term_meta;
DROP TABLE terms;
DROP TABLE post_meta;
DROP TABLE posts;
DROP TABLE options;
