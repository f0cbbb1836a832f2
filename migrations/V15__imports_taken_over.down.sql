DROP POLICY import_sweep ON imports;
CREATE POLICY import_sweep_seen ON imports FOR SELECT
    USING (current_setting('app.sweeps_imports', true) = 'on'
           AND (lease_until < now() OR error_code = 'INTERRUPTED'));
CREATE POLICY import_sweep ON imports FOR UPDATE
    USING (current_setting('app.sweeps_imports', true) = 'on' AND lease_until < now())
    WITH CHECK (current_setting('app.sweeps_imports', true) = 'on' AND state = 'failed' AND error_code = 'INTERRUPTED');
DROP TABLE import_files;
ALTER TABLE imports
    DROP COLUMN tries_left,
    DROP COLUMN holder;
