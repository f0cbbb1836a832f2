ALTER TABLE refinery_schema_history DROP COLUMN applied_by;
