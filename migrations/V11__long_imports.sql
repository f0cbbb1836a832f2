-- How far a running import has come, for who watches it; and less work for each row of a long one.

ALTER TABLE imports
    ADD COLUMN step text CHECK (step IN ('reading', 'writing')),
    ADD COLUMN rows_done bigint NOT NULL DEFAULT 0,
    ADD COLUMN rows_total bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN imports.step IS 'What a running import was doing at its last sign of life; null before the first.';
COMMENT ON COLUMN imports.rows_done IS 'Rows it had read by then.';
COMMENT ON COLUMN imports.rows_total IS 'Rows of its file; 0 while that is not known.';

-- Outcomes that are rare in a long list are looked up; for the usual ones its rows are read in their order.
DROP INDEX import_rows_by_outcome;
CREATE INDEX import_rows_by_outcome ON import_rows (outcome, tenant_id, import_id, position)
    WHERE outcome NOT IN ('created', 'unchanged');

-- The patterns that an import created are told by its rows.
COMMENT ON TABLE import_changes IS 'What an import did (a validated one: would do) to patterns that were there before it, and how each was: what a revert needs. Those recorded before version 11 have the created ones too.';

-- Last, for it takes tenants from all readers until the end. That the tenant exists is what the reference to its import says already. And a row is only ever written in the
-- transaction that ends its import: asking for each of a million whether it exists took a tenth of all the time.
ALTER TABLE import_rows DROP CONSTRAINT import_rows_tenant_id_fkey;
ALTER TABLE import_rows DROP CONSTRAINT import_rows_tenant_id_import_id_fkey;
ALTER TABLE import_issues DROP CONSTRAINT import_issues_tenant_id_fkey;
ALTER TABLE import_changes DROP CONSTRAINT import_changes_tenant_id_fkey;
