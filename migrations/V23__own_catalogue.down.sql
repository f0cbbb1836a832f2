-- An older program knows shared categories alone: what tenants have of their own goes, with all that hangs on it, and
-- applications lose it. Row-level security is forced, so each tenant's rows are changed as that tenant.
DO $$
DECLARE
    tenant bigint;
BEGIN
    FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
        PERFORM set_config('app.current_tenant_id', tenant::text, true);
        UPDATE applications SET category_id = NULL WHERE tenant_id = tenant AND category_id < 0;
        DELETE FROM prices WHERE tenant_id = tenant
            AND (category_id < 0 OR option_id < 0 OR option_value_id < 0 OR with_value_id < 0);
        DELETE FROM import_changes WHERE tenant_id = tenant
            AND import_id IN (SELECT id FROM imports WHERE tenant_id = tenant AND category_id < 0);
        DELETE FROM import_issues WHERE tenant_id = tenant
            AND import_id IN (SELECT id FROM imports WHERE tenant_id = tenant AND category_id < 0);
        DELETE FROM import_rows WHERE tenant_id = tenant
            AND import_id IN (SELECT id FROM imports WHERE tenant_id = tenant AND category_id < 0);
        DELETE FROM imports WHERE tenant_id = tenant AND category_id < 0;
        DELETE FROM pattern_edits WHERE tenant_id = tenant
            AND pattern_id IN (SELECT id FROM patterns WHERE tenant_id = tenant AND category_id < 0);
        DELETE FROM patterns WHERE tenant_id = tenant AND category_id < 0;
        DELETE FROM tenant_option_values WHERE tenant_id = tenant;
        DELETE FROM tenant_options WHERE tenant_id = tenant;
        DELETE FROM tenant_categories WHERE tenant_id = tenant AND category_id < 0;
    END LOOP;
    PERFORM set_config('app.current_tenant_id', '', true);
END
$$;

DROP TABLE tenant_option_values;
DROP TABLE tenant_options;
ALTER TABLE prices
    ADD FOREIGN KEY (option_id) REFERENCES product_options (id),
    ADD FOREIGN KEY (option_value_id) REFERENCES option_values (id),
    ADD FOREIGN KEY (with_value_id) REFERENCES option_values (id);
ALTER TABLE applications
    DROP CONSTRAINT applications_tenant_id_category_id_fkey,
    ADD FOREIGN KEY (category_id) REFERENCES product_categories (id);
ALTER TABLE tenant_categories
    DROP COLUMN code,
    DROP COLUMN names,
    DROP COLUMN descriptions,
    DROP COLUMN emoji,
    DROP COLUMN revision,
    ADD FOREIGN KEY (category_id) REFERENCES product_categories (id);
COMMENT ON COLUMN tenant_categories.category_id IS NULL;
