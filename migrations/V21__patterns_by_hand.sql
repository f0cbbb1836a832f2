-- Patterns are changed by hand too: each has a revision for its etag, and who changed what stays with it.

ALTER TABLE patterns ADD COLUMN revision bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN patterns.revision IS 'Grows with every change: the etag.';

-- No reference to the pattern: a revert that removes a million of them would look here for each. An edited one it refuses to
-- remove, and whoever deletes one by hand deletes its edits.
CREATE TABLE pattern_edits (
    tenant_id  bigint      NOT NULL REFERENCES tenants (id),
    pattern_id bigint      NOT NULL,
    revision   bigint      NOT NULL CHECK (revision > 0),
    edited_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor      text        NOT NULL DEFAULT '',
    fields     text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, pattern_id, revision)
);
COMMENT ON TABLE pattern_edits IS 'Who added or changed patterns by hand, and when; what imports did stands in import_rows and import_changes.';
COMMENT ON COLUMN pattern_edits.revision IS 'What the edit made of the pattern''s revision; 1: it was added by hand.';
ALTER TABLE pattern_edits ENABLE ROW LEVEL SECURITY;
ALTER TABLE pattern_edits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON pattern_edits
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, DELETE ON pattern_edits TO lekalo_app;
