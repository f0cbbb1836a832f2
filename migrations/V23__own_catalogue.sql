-- What a shop sells is its own to change: it names and orders the shared categories its way, and has categories of its own.

ALTER TABLE tenant_categories
    DROP CONSTRAINT tenant_categories_category_id_fkey,
    ADD COLUMN code text CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    ADD COLUMN names jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN descriptions jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN emoji text NOT NULL DEFAULT '',
    ADD COLUMN revision bigint NOT NULL DEFAULT 1,
    ADD CONSTRAINT tenant_categories_shared_or_own
        CHECK (CASE WHEN category_id > 0 THEN code IS NULL ELSE code IS NOT NULL AND names ? 'ru' END),
    ADD UNIQUE (tenant_id, code);
COMMENT ON COLUMN tenant_categories.category_id IS 'That of product_categories; of a category of the tenant''s own a number below zero.';
COMMENT ON COLUMN tenant_categories.code IS 'The code of a category of the tenant''s own; null: it is a shared one.';
COMMENT ON COLUMN tenant_categories.names IS 'The tenant''s own, which go before the shared ones.';
COMMENT ON COLUMN tenant_categories.revision IS 'Grows with every change: the etag.';

ALTER TABLE applications
    DROP CONSTRAINT applications_category_id_fkey,
    ADD FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id);

-- The options of its categories likewise. Prices name either kind of option, so that they refer to neither table.
ALTER TABLE prices
    DROP CONSTRAINT prices_option_id_fkey,
    DROP CONSTRAINT prices_option_value_id_fkey,
    DROP CONSTRAINT prices_with_value_id_fkey;

CREATE TABLE tenant_options (
    tenant_id   bigint  NOT NULL REFERENCES tenants (id),
    option_id   bigint  NOT NULL,
    category_id bigint  NOT NULL,
    code        text    CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    kind        text    CHECK (kind IN ('boolean', 'choice', 'addon')),
    names       jsonb   NOT NULL DEFAULT '{}',
    emoji       text    NOT NULL DEFAULT '',
    body_types  text[],
    active      boolean NOT NULL DEFAULT true,
    revision    bigint  NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, option_id),
    UNIQUE (tenant_id, category_id, code),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    CONSTRAINT tenant_options_shared_or_own CHECK (
        CASE WHEN option_id > 0 THEN code IS NULL AND kind IS NULL
             ELSE code IS NOT NULL AND kind IS NOT NULL AND names ? 'ru' END)
);
COMMENT ON TABLE tenant_options IS 'Options as a tenant has them: shared ones that it changed, and its own.';
COMMENT ON COLUMN tenant_options.option_id IS 'That of product_options; of an option of the tenant''s own a number below zero.';
COMMENT ON COLUMN tenant_options.body_types IS 'The bodies it exists for, none: all; null: as it is shared.';
COMMENT ON COLUMN tenant_options.active IS 'Whether it may be chosen; else it keeps its prices, out of sight.';
COMMENT ON COLUMN tenant_options.revision IS 'Grows with every change of it or its values: the etag.';

CREATE TABLE tenant_option_values (
    tenant_id  bigint   NOT NULL REFERENCES tenants (id),
    value_id   bigint   NOT NULL,
    option_id  bigint   NOT NULL,
    code       text     CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    names      jsonb    NOT NULL DEFAULT '{}',
    emoji      text     NOT NULL DEFAULT '',
    sort_order smallint NOT NULL DEFAULT 0,
    active     boolean  NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, value_id),
    UNIQUE (tenant_id, option_id, code),
    FOREIGN KEY (tenant_id, option_id) REFERENCES tenant_options (tenant_id, option_id),
    CONSTRAINT tenant_option_values_shared_or_own
        CHECK (CASE WHEN value_id > 0 THEN code IS NULL ELSE code IS NOT NULL AND names ? 'ru' END)
);
COMMENT ON TABLE tenant_option_values IS 'Values of options as a tenant has them: shared ones that it changed, and its own.';
COMMENT ON COLUMN tenant_option_values.value_id IS 'That of option_values; of a value of the tenant''s own a number below zero.';

ALTER TABLE tenant_options ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_options FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenant_options
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
ALTER TABLE tenant_option_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_option_values FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenant_option_values
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_options, tenant_option_values TO lekalo_app;
