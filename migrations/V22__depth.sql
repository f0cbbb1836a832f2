-- What stood outside of row-level security, and rights that nobody needs.

-- Everyone finds a tenant; it is changed as that tenant alone, and nobody removes one. The owner is not bound: it migrates and seeds.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY directory_lookup ON tenants FOR SELECT USING (true);
CREATE POLICY tenant_creation ON tenants FOR INSERT WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenants FOR UPDATE
    USING (id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
REVOKE DELETE ON tenants FROM lekalo_app;

-- An API key that there is may end and be used: whose it is, what it may do and its secret stay.
REVOKE UPDATE ON api_keys FROM lekalo_app;
GRANT UPDATE (revoked_at, expires_at, last_used_at) ON api_keys TO lekalo_app;

CREATE TABLE service_secrets (
    name  text  PRIMARY KEY,
    value bytea NOT NULL CHECK (octet_length(value) >= 32)
);
COMMENT ON TABLE service_secrets IS 'What every server of this database knows and nobody else: `page_tokens` seals the tokens of pages.';
INSERT INTO service_secrets (name, value)
VALUES ('page_tokens', sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
GRANT SELECT ON service_secrets TO lekalo_app;
