-- One sweeper ends the interrupted imports of all tenants. It says so in its transaction, and sees and changes those alone.
CREATE POLICY import_sweep_seen ON imports FOR SELECT
    USING (current_setting('app.sweeps_imports', true) = 'on'
           AND (lease_until < now() OR error_code = 'INTERRUPTED'));
CREATE POLICY import_sweep ON imports FOR UPDATE
    USING (current_setting('app.sweeps_imports', true) = 'on' AND lease_until < now())
    WITH CHECK (current_setting('app.sweeps_imports', true) = 'on' AND state = 'failed' AND error_code = 'INTERRUPTED');
