-- Whether cleaning was sure of a row is decided once, when the row is read, and recorded: a preview that is applied takes it from
-- here. Null is said of rows that were recorded before; filling it in would rewrite the whole table behind its lock.
ALTER TABLE import_rows ADD COLUMN accepted boolean;
COMMENT ON COLUMN import_rows.accepted IS 'Whether cleaning was sure enough of the row; null: recorded before this was.';
