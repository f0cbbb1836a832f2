-- Previews that are applied, rows that are taken in later, imports that are reverted: what came after what in a category.

ALTER TABLE imports ADD COLUMN write_number bigint, ADD COLUMN last_write_number bigint;
COMMENT ON COLUMN imports.write_number IS 'Its place among the writes into the category, from 1; null: nothing written, or before there were numbers.';
COMMENT ON COLUMN imports.last_write_number IS 'The same of its latest write: rows may be taken in later.';

ALTER TABLE import_rows ADD COLUMN write_number bigint;
COMMENT ON COLUMN import_rows.write_number IS 'The write that took the row in, if that was a later one than its import''s first.';

ALTER TABLE import_changes ADD COLUMN write_number bigint;
COMMENT ON COLUMN import_changes.write_number IS 'The write that made the change, if that was a later one than its import''s first.';
COMMENT ON TABLE import_changes IS 'What an import did (a validated one: would do) to each pattern, and how the pattern was before: what a revert needs.';
CREATE INDEX import_changes_by_pattern ON import_changes (tenant_id, pattern_id);
