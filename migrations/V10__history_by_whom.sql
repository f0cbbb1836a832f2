-- Who applied a migration, as `lekalo migrate history -v` shows. Unknown for those from before; a database made since has
-- the column from its first one on.
ALTER TABLE refinery_schema_history ADD COLUMN IF NOT EXISTS applied_by text;
ALTER TABLE refinery_schema_history ALTER COLUMN applied_by SET DEFAULT session_user;
