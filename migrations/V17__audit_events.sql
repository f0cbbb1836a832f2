-- Who changed what, when and from where: an event is written with the change that it tells of, and says no more than which thing
-- it was. A tenant's are the tenant's; what all tenants share has its own.

CREATE TABLE audit_events (
    tenant_id     bigint      NOT NULL REFERENCES tenants (id),
    occurred_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    id            uuid        NOT NULL,
    method        text        NOT NULL,
    resource_kind text        NOT NULL,
    resource      text        NOT NULL,
    summary       text        NOT NULL DEFAULT '',
    actor         text        NOT NULL CHECK (actor IN ('api_key', 'jwt', 'no_key', 'command_line', 'system')),
    key_prefix    text,
    actor_name    text        NOT NULL DEFAULT '',
    peer          inet,
    request_id    text        NOT NULL DEFAULT '',
    -- The only index: lists are by time, and what is old goes first.
    PRIMARY KEY (tenant_id, occurred_at, id),
    CONSTRAINT audit_events_name_their_key CHECK ((actor = 'api_key') = (key_prefix IS NOT NULL))
);
COMMENT ON TABLE audit_events IS 'Who changed what of a tenant''s. Nobody changes an event; a month old it may be deleted.';
COMMENT ON COLUMN audit_events.actor_name IS 'What the API key is for, the JWT''s subject, or the account that ran the command.';
COMMENT ON COLUMN audit_events.request_id IS 'The call''s x-request-id, as its line in the log has it.';
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_events
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
-- Whoever breaks into the service cannot wipe away what it did.
CREATE POLICY audit_retention ON audit_events AS RESTRICTIVE FOR DELETE
    USING (occurred_at < now() - interval '30 days');
-- An ADMIN of every tenant reads all events at once. It says so in its transaction; anybody else sees their tenant's.
CREATE POLICY audit_read ON audit_events FOR SELECT
    USING (current_setting('app.reads_audit_events', true) = 'on');

CREATE TABLE shared_audit_events (
    occurred_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    id            uuid        NOT NULL,
    method        text        NOT NULL,
    resource_kind text        NOT NULL,
    resource      text        NOT NULL,
    summary       text        NOT NULL DEFAULT '',
    actor         text        NOT NULL CHECK (actor IN ('api_key', 'jwt', 'no_key', 'command_line', 'system')),
    key_prefix    text,
    actor_name    text        NOT NULL DEFAULT '',
    peer          inet,
    request_id    text        NOT NULL DEFAULT '',
    PRIMARY KEY (occurred_at, id),
    CONSTRAINT shared_audit_events_name_their_key CHECK ((actor = 'api_key') = (key_prefix IS NOT NULL))
);
COMMENT ON TABLE shared_audit_events IS 'The same of what all tenants share: aliases, the seed, keys for every tenant.';
-- No rows are hidden here; what is young stays all the same.
ALTER TABLE shared_audit_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_read ON shared_audit_events FOR SELECT USING (true);
CREATE POLICY audit_write ON shared_audit_events FOR INSERT WITH CHECK (true);
CREATE POLICY audit_retention ON shared_audit_events FOR DELETE USING (occurred_at < now() - interval '30 days');

GRANT SELECT, INSERT, DELETE ON audit_events, shared_audit_events TO lekalo_app;
