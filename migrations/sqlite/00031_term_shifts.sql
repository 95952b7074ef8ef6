-- +goose Up
-- Counts of terms are terms.count and the sum of their shifts: who publishes adds a row, so that no one waits for the row of
-- a term that many use. The shifts are added up and deleted now and then.
CREATE TABLE term_shifts (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	term_id INTEGER NOT NULL REFERENCES terms (id) ON DELETE CASCADE,
	n INTEGER NOT NULL
);
CREATE INDEX term_shifts_term ON term_shifts (term_id, n);

-- +goose Down
UPDATE terms SET count = count + (SELECT COALESCE(SUM(s.n), 0) FROM term_shifts s WHERE s.term_id = terms.id);
DROP TABLE term_shifts;
