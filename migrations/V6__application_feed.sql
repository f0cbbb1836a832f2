-- A tenant's events have places in one feed, in the order of commits: whoever appends takes the next place and holds
-- the row until the commit, so that no event becomes visible before an earlier one. A sequence would not do: its
-- numbers are taken in one order and committed in another.

CREATE TABLE application_feeds (
    tenant_id  bigint NOT NULL REFERENCES tenants (id),
    last_place bigint NOT NULL CHECK (last_place > 0),
    PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE application_feeds IS 'How many application events a tenant has, and the lock under which they are appended.';
ALTER TABLE application_feeds ENABLE ROW LEVEL SECURITY;
ALTER TABLE application_feeds FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON application_feeds
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, UPDATE ON application_feeds TO lekalo_app;

ALTER TABLE application_events ALTER COLUMN id DROP DEFAULT;
DROP SEQUENCE application_events_id_seq;
COMMENT ON COLUMN application_events.id IS 'Place in the tenant''s feed, from 1, without gaps.';

-- A customer may name the make and not the model.
ALTER TABLE applications ADD COLUMN brand_id bigint REFERENCES brands (id);
CREATE INDEX applications_by_status ON applications (tenant_id, status, created_at DESC, id DESC);
