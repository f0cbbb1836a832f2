DROP INDEX applications_by_status;
ALTER TABLE applications DROP COLUMN brand_id;
CREATE SEQUENCE application_events_id_seq OWNED BY application_events.id;
ALTER TABLE application_events ALTER COLUMN id SET DEFAULT nextval('application_events_id_seq');
GRANT USAGE ON application_events_id_seq TO lekalo_app;
-- The sequence goes on after the events that are there, of every tenant.
DO $$
DECLARE
    tenant bigint;
    last bigint := 0;
BEGIN
    FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
        EXECUTE format('SET LOCAL app.current_tenant_id = %L', tenant);
        last := greatest(last, (SELECT max(id) FROM application_events WHERE tenant_id = tenant));
    END LOOP;
    SET LOCAL app.current_tenant_id = '';
    PERFORM setval('application_events_id_seq', last + 1, false);
END
$$;
COMMENT ON COLUMN application_events.id IS NULL;
DROP TABLE application_feeds;
