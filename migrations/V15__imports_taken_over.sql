-- An import outlives the server that took it. Its file lies here until it has ended, and another server takes it over when the
-- lease is over: `holder` tells who has it from who thinks so, `tries_left` how often it may yet be begun before it counts as
-- interrupted. Imports whose rows are with one process alone have none.
ALTER TABLE imports
    ADD COLUMN holder     uuid,
    ADD COLUMN tries_left smallint NOT NULL DEFAULT 0 CHECK (tries_left >= 0);
COMMENT ON COLUMN imports.holder IS 'The process that carries it out, until its lease is over.';
COMMENT ON COLUMN imports.tries_left IS 'How often it may yet be begun. With none it counts as interrupted past its lease, else it is taken over.';

CREATE TABLE import_files (
    tenant_id bigint  NOT NULL,
    import_id uuid    NOT NULL,
    number    integer NOT NULL CHECK (number > 0),
    chunk     bytea   NOT NULL CHECK (octet_length(chunk) > 0),
    PRIMARY KEY (tenant_id, import_id, number),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE import_files IS 'The files of imports under way, in pieces; they go when the import ends.';
ALTER TABLE import_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_files FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON import_files
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, DELETE ON import_files TO lekalo_app;

-- Who sweeps sees what was left behind, and changes it as its tenant. A server of the version before, which knows nothing of
-- taking over, finds nothing to end: whoever reads an import that cannot go on finds it interrupted all the same.
DROP POLICY import_sweep ON imports;
DROP POLICY import_sweep_seen ON imports;
CREATE POLICY import_sweep ON imports FOR SELECT
    USING (current_setting('app.sweeps_imports', true) = 'on' AND lease_until < now());
