-- Keys are asked for with every call: servers keep them in memory, and one number tells whether any has changed. Which tenants a
-- key is for is said, not concluded from a list that is empty: a key whose tenants are gone opens nothing.
CREATE TABLE api_key_changes (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint  NOT NULL DEFAULT 1
);
COMMENT ON TABLE api_key_changes IS 'Its version grows with every key that is issued, changed or revoked: servers then read them anew.';
INSERT INTO api_key_changes DEFAULT VALUES;
GRANT SELECT, INSERT, UPDATE ON api_key_changes TO lekalo_app;

ALTER TABLE api_keys
    ADD COLUMN all_tenants  boolean     NOT NULL DEFAULT false,
    ADD COLUMN last_used_at timestamptz;
COMMENT ON COLUMN api_keys.all_tenants IS 'Whether it is for every tenant; else for those of api_key_tenants.';
COMMENT ON COLUMN api_keys.last_used_at IS 'Written once a minute at most.';
CREATE INDEX api_key_tenants_of_key ON api_key_tenants (api_key_id);

-- Each server reads what the keys are for, whosever they are. It says so in its transaction; anybody else sees what is their
-- tenant's.
CREATE POLICY api_key_check ON api_key_tenants FOR SELECT
    USING (current_setting('app.checks_api_keys', true) = 'on');
