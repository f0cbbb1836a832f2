-- Answers of writes by the client's request_id: the same request again gets the same answer and changes nothing.

CREATE TABLE write_requests (
    tenant_id   bigint      NOT NULL REFERENCES tenants (id),
    method      text        NOT NULL,
    request_id  uuid        NOT NULL,
    body_sha256 bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
    answer      bytea       NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, method, request_id)
);
CREATE INDEX write_requests_oldest ON write_requests (tenant_id, created_at);
ALTER TABLE write_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE write_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON write_requests
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
COMMENT ON TABLE write_requests IS 'What a tenant''s write answered, kept for a week.';

-- Writes that belong to no tenant: creating one, teaching a spelling.
CREATE TABLE admin_requests (
    method      text        NOT NULL,
    request_id  uuid        NOT NULL,
    body_sha256 bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
    answer      bytea       NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (method, request_id)
);
CREATE INDEX admin_requests_oldest ON admin_requests (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON write_requests, admin_requests TO lekalo_app;
