DROP INDEX import_changes_by_pattern;
COMMENT ON TABLE import_changes IS 'What an import did to each pattern, and how the pattern was before: what a revert needs.';
ALTER TABLE import_changes DROP COLUMN write_number;
ALTER TABLE import_rows DROP COLUMN write_number;
ALTER TABLE imports DROP COLUMN last_write_number, DROP COLUMN write_number;
