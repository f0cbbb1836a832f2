DROP TABLE service_secrets;
REVOKE UPDATE (revoked_at, expires_at, last_used_at) ON api_keys FROM lekalo_app;
GRANT UPDATE ON api_keys TO lekalo_app;
GRANT DELETE ON tenants TO lekalo_app;
DROP POLICY tenant_isolation ON tenants;
DROP POLICY tenant_creation ON tenants;
DROP POLICY directory_lookup ON tenants;
ALTER TABLE tenants DISABLE ROW LEVEL SECURITY;
