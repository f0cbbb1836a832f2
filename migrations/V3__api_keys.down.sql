DROP TABLE api_key_tenants, api_keys;
