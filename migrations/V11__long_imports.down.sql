-- An earlier program learns from here what an import created. Row-level security holds for the owner, too.
DO $$
DECLARE
    tenant bigint;
BEGIN
    FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
        EXECUTE format('SET LOCAL app.current_tenant_id = %L', tenant);
        INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind, write_number)
        SELECT r.tenant_id, r.import_id, r.pattern_id, 'created', r.write_number
        FROM import_rows r
        JOIN imports i ON i.tenant_id = r.tenant_id AND i.id = r.import_id AND i.state IN ('succeeded', 'reverted')
        WHERE r.tenant_id = tenant AND r.outcome = 'created' AND r.pattern_id IS NOT NULL
        ON CONFLICT DO NOTHING;
    END LOOP;
    SET LOCAL app.current_tenant_id = '';
END
$$;

COMMENT ON TABLE import_changes IS 'What an import did (a validated one: would do) to each pattern, and how the pattern was before: what a revert needs.';
DROP INDEX import_rows_by_outcome;
CREATE INDEX import_rows_by_outcome ON import_rows (outcome, tenant_id, import_id, position);
ALTER TABLE import_changes ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id);
ALTER TABLE import_issues ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id);
ALTER TABLE import_rows ADD FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE import_rows ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id);
ALTER TABLE imports DROP COLUMN rows_total, DROP COLUMN rows_done, DROP COLUMN step;
