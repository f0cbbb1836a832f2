-- Each server sweeps: it ends the interrupted imports of all tenants. It says so in its transaction, changes imports whose lease
-- is over and nothing else, and sees those that are interrupted, for what an UPDATE writes must be visible to whoever writes it.
CREATE POLICY import_sweep_seen ON imports FOR SELECT
    USING (current_setting('app.sweeps_imports', true) = 'on'
           AND (lease_until < now() OR error_code = 'INTERRUPTED'));
CREATE POLICY import_sweep ON imports FOR UPDATE
    USING (current_setting('app.sweeps_imports', true) = 'on' AND lease_until < now())
    WITH CHECK (current_setting('app.sweeps_imports', true) = 'on' AND state = 'failed' AND error_code = 'INTERRUPTED');
