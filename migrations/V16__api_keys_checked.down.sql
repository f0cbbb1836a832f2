DROP POLICY api_key_check ON api_key_tenants;
DROP INDEX api_key_tenants_of_key;
ALTER TABLE api_keys
    DROP COLUMN last_used_at,
    DROP COLUMN all_tenants;
DROP TABLE api_key_changes;
