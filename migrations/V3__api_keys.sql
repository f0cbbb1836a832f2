-- API keys are looked up before any tenant is known, and one key may open several tenants or all:
-- the key itself is reference data, what it opens is a tenant's.

CREATE TABLE api_keys (
    id            uuid        PRIMARY KEY,
    prefix        text        NOT NULL UNIQUE,
    secret_sha256 bytea       NOT NULL CHECK (octet_length(secret_sha256) = 32),
    role          text        NOT NULL CHECK (role IN ('chatbot', 'manager', 'admin')),
    label         text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    revoked_at    timestamptz
);

CREATE TABLE api_key_tenants (
    tenant_id  bigint NOT NULL REFERENCES tenants (id),
    api_key_id uuid   NOT NULL REFERENCES api_keys (id),
    PRIMARY KEY (tenant_id, api_key_id)
);
ALTER TABLE api_key_tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key_tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON api_key_tenants
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE ON api_keys TO lekalo_app;
GRANT SELECT, INSERT, DELETE ON api_key_tenants TO lekalo_app;
