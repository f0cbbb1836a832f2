ALTER TABLE applications DROP COLUMN assignee;

-- Who complains wants to be called back, for all that an older program knows. Row-level security is forced, so each
-- tenant's rows are changed as that tenant.
DO $$
DECLARE
    tenant bigint;
BEGIN
    FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
        PERFORM set_config('app.current_tenant_id', tenant::text, true);
        UPDATE applications SET kind = 'callback' WHERE tenant_id = tenant AND kind = 'complaint';
    END LOOP;
    PERFORM set_config('app.current_tenant_id', '', true);
END
$$;

ALTER TABLE applications DROP CONSTRAINT applications_kind_check;
ALTER TABLE applications ADD CONSTRAINT applications_kind_check
    CHECK (kind IN ('order', 'individual_measure', 'callback'));
