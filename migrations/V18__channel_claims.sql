-- A bot that a shop's own ADMIN names is the shop's once an ADMIN of every tenant has named it too: until then it speaks for nobody,
-- and whoever names it learns nothing of whose it is.

CREATE TABLE channel_claims (
    tenant_id   bigint NOT NULL REFERENCES tenants (id),
    channel     text   NOT NULL CHECK (channel IN ('whatsapp', 'telegram', 'instagram', 'web')),
    external_id text   NOT NULL CHECK (external_id <> ''),
    PRIMARY KEY (tenant_id, channel, external_id)
);
COMMENT ON TABLE channel_claims IS 'Bots that shops say are theirs and nobody has approved yet.';
ALTER TABLE channel_claims ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_claims FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON channel_claims
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON channel_claims TO lekalo_app;
