-- +goose Up
-- What servers remember of the database belongs to an epoch: that of a group of tables. Whatever writes to one of them
-- moves the epoch. Package database reads the counters, and the names of the triggers.
CREATE TABLE epochs (
	name TEXT PRIMARY KEY,
	n INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO epochs (name, n) VALUES ('keys', 1), ('people', 1), ('options', 1), ('visitors', 1);

-- credentials of applications
-- +goose StatementBegin
CREATE TRIGGER apps_insert_moves_keys AFTER INSERT ON apps BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER apps_update_moves_keys AFTER UPDATE ON apps BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER apps_delete_moves_keys AFTER DELETE ON apps BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'keys'; END;
-- +goose StatementEnd

-- accounts and what is set for all of them
-- +goose StatementBegin
CREATE TRIGGER users_insert_moves_people AFTER INSERT ON users BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'people'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_update_moves_people AFTER UPDATE ON users BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'people'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_delete_moves_people AFTER DELETE ON users BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'people'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_policy_insert_moves_people AFTER INSERT ON account_policy BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'people'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_policy_update_moves_people AFTER UPDATE ON account_policy BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'people'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_policy_delete_moves_people AFTER DELETE ON account_policy BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'people'; END;
-- +goose StatementEnd

-- options of the blog
-- +goose StatementBegin
CREATE TRIGGER options_insert_moves_options AFTER INSERT ON options BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'options'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER options_update_moves_options AFTER UPDATE ON options BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'options'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER options_delete_moves_options AFTER DELETE ON options BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'options'; END;
-- +goose StatementEnd

-- everything that visitors see
-- +goose StatementBegin
CREATE TRIGGER posts_insert_moves_visitors AFTER INSERT ON posts BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_update_moves_visitors AFTER UPDATE ON posts BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER posts_delete_moves_visitors AFTER DELETE ON posts BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER post_meta_insert_moves_visitors AFTER INSERT ON post_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER post_meta_update_moves_visitors AFTER UPDATE ON post_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER post_meta_delete_moves_visitors AFTER DELETE ON post_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER post_terms_insert_moves_visitors AFTER INSERT ON post_terms BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER post_terms_update_moves_visitors AFTER UPDATE ON post_terms BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER post_terms_delete_moves_visitors AFTER DELETE ON post_terms BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER terms_insert_moves_visitors AFTER INSERT ON terms BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER terms_update_moves_visitors AFTER UPDATE ON terms BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER terms_delete_moves_visitors AFTER DELETE ON terms BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER term_meta_insert_moves_visitors AFTER INSERT ON term_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER term_meta_update_moves_visitors AFTER UPDATE ON term_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER term_meta_delete_moves_visitors AFTER DELETE ON term_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER comments_insert_moves_visitors AFTER INSERT ON comments BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER comments_update_moves_visitors AFTER UPDATE ON comments BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER comments_delete_moves_visitors AFTER DELETE ON comments BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER comment_meta_insert_moves_visitors AFTER INSERT ON comment_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER comment_meta_update_moves_visitors AFTER UPDATE ON comment_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER comment_meta_delete_moves_visitors AFTER DELETE ON comment_meta BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachments_insert_moves_visitors AFTER INSERT ON attachments BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachments_update_moves_visitors AFTER UPDATE ON attachments BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER attachments_delete_moves_visitors AFTER DELETE ON attachments BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER options_insert_moves_visitors AFTER INSERT ON options BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER options_update_moves_visitors AFTER UPDATE ON options BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER options_delete_moves_visitors AFTER DELETE ON options BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_insert_moves_visitors AFTER INSERT ON users BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_update_moves_visitors AFTER UPDATE ON users BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_delete_moves_visitors AFTER DELETE ON users BEGIN UPDATE epochs SET n = n + 1 WHERE name = 'visitors'; END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER apps_insert_moves_keys;
DROP TRIGGER apps_update_moves_keys;
DROP TRIGGER apps_delete_moves_keys;
DROP TRIGGER users_insert_moves_people;
DROP TRIGGER users_update_moves_people;
DROP TRIGGER users_delete_moves_people;
DROP TRIGGER account_policy_insert_moves_people;
DROP TRIGGER account_policy_update_moves_people;
DROP TRIGGER account_policy_delete_moves_people;
DROP TRIGGER options_insert_moves_options;
DROP TRIGGER options_update_moves_options;
DROP TRIGGER options_delete_moves_options;
DROP TRIGGER posts_insert_moves_visitors;
DROP TRIGGER posts_update_moves_visitors;
DROP TRIGGER posts_delete_moves_visitors;
DROP TRIGGER post_meta_insert_moves_visitors;
DROP TRIGGER post_meta_update_moves_visitors;
DROP TRIGGER post_meta_delete_moves_visitors;
DROP TRIGGER post_terms_insert_moves_visitors;
DROP TRIGGER post_terms_update_moves_visitors;
DROP TRIGGER post_terms_delete_moves_visitors;
DROP TRIGGER terms_insert_moves_visitors;
DROP TRIGGER terms_update_moves_visitors;
DROP TRIGGER terms_delete_moves_visitors;
DROP TRIGGER term_meta_insert_moves_visitors;
DROP TRIGGER term_meta_update_moves_visitors;
DROP TRIGGER term_meta_delete_moves_visitors;
DROP TRIGGER comments_insert_moves_visitors;
DROP TRIGGER comments_update_moves_visitors;
DROP TRIGGER comments_delete_moves_visitors;
DROP TRIGGER comment_meta_insert_moves_visitors;
DROP TRIGGER comment_meta_update_moves_visitors;
DROP TRIGGER comment_meta_delete_moves_visitors;
DROP TRIGGER attachments_insert_moves_visitors;
DROP TRIGGER attachments_update_moves_visitors;
DROP TRIGGER attachments_delete_moves_visitors;
DROP TRIGGER options_insert_moves_visitors;
DROP TRIGGER options_update_moves_visitors;
DROP TRIGGER options_delete_moves_visitors;
DROP TRIGGER users_insert_moves_visitors;
DROP TRIGGER users_update_moves_visitors;
DROP TRIGGER users_delete_moves_visitors;
DROP TABLE epochs;
