DROP INDEX import_rows_by_outcome;
CREATE INDEX import_rows_by_outcome ON import_rows (tenant_id, import_id, outcome, position);
