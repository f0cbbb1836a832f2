-- The feed of a tenant whose events are older than feeds (version 6 found them there) goes on after the last of them.
-- Row-level security holds for the owner, too: each tenant's feed is filled in in its own context.
DO $$
DECLARE
    tenant bigint;
BEGIN
    FOR tenant IN SELECT id FROM tenants ORDER BY id LOOP
        EXECUTE format('SET LOCAL app.current_tenant_id = %L', tenant);
        INSERT INTO application_feeds (tenant_id, last_place)
        SELECT tenant, max(id) FROM application_events WHERE tenant_id = tenant HAVING max(id) IS NOT NULL
        ON CONFLICT (tenant_id) DO UPDATE
        SET last_place = greatest(application_feeds.last_place, EXCLUDED.last_place);
    END LOOP;
    SET LOCAL app.current_tenant_id = '';
END
$$;
