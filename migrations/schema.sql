-- The whole schema as the migrations make it, for reading and for editing: change it here, then
-- `lekalo migrate new "what changes" --autogenerate` writes the migration. A test holds the two together.
-- The owner (whoever migrates) makes all of this; the service works as lekalo_app, which owns nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lekalo_app') THEN
        CREATE ROLE lekalo_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
EXCEPTION
    -- Another database of the same cluster was a moment faster: roles belong to the cluster.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA public TO lekalo_app;

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Reference tables: shared by all tenants, no row-level security. -------------------------------------------------------

CREATE TABLE tenants (
    id               bigserial   PRIMARY KEY,
    slug             text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9_-]{1,63}$'),
    display_name     text        NOT NULL CHECK (display_name <> ''),
    default_language text        NOT NULL DEFAULT 'ru' CHECK (default_language IN ('ru', 'ky', 'en')),
    currency         text        NOT NULL DEFAULT 'KGS' CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone        text        NOT NULL DEFAULT 'Asia/Bishkek',
    prices_visible   boolean     NOT NULL DEFAULT true,
    active           boolean     NOT NULL DEFAULT true,
    settings         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    catalog_version  bigint      NOT NULL DEFAULT 1,
    revision         bigint      NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tenants IS 'Shops whose bots this service answers.';
COMMENT ON COLUMN tenants.catalog_version IS 'Grows with every change of the tenant''s patterns: a cache key for bots.';
COMMENT ON COLUMN tenants.revision IS 'Grows with every change of this row: the etag.';

CREATE TABLE body_types (
    code       text     PRIMARY KEY,
    parent     text     REFERENCES body_types (code),
    priced_as  text     REFERENCES body_types (code),
    names      jsonb    NOT NULL CHECK (names ? 'ru'),
    sort_order smallint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN body_types.parent IS 'The body this one is a size of (minivan_small: minivan).';
COMMENT ON COLUMN body_types.priced_as IS 'The body whose price holds where this one has none of its own (coupe: sedan).';

CREATE TABLE brands (
    id    bigserial PRIMARY KEY,
    slug  text      NOT NULL UNIQUE,
    name  text      NOT NULL UNIQUE,
    names jsonb     NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN brands.names IS 'Display names by language (ru, ky, en); name stands in for a missing one.';

CREATE TABLE models (
    id        bigserial PRIMARY KEY,
    brand_id  bigint    NOT NULL REFERENCES brands (id),
    slug      text      NOT NULL,
    name      text      NOT NULL,
    names     jsonb     NOT NULL DEFAULT '{}',
    body_type text      REFERENCES body_types (code),
    UNIQUE (brand_id, slug),
    UNIQUE (brand_id, name)
);
COMMENT ON COLUMN models.body_type IS 'Set where every generation has this one body.';

CREATE TABLE model_variants (
    id         bigserial PRIMARY KEY,
    model_id   bigint    NOT NULL REFERENCES models (id),
    generation text      CHECK (generation <> ''),
    year_from  smallint  CHECK (year_from BETWEEN 1900 AND 2100),
    year_to    smallint  CHECK (year_to BETWEEN 1900 AND 2100),
    body_type  text      REFERENCES body_types (code),
    CHECK (year_from <= year_to),
    UNIQUE NULLS NOT DISTINCT (model_id, generation, year_from, year_to, body_type),
    UNIQUE (model_id, id)
);
COMMENT ON TABLE model_variants IS 'A model narrowed by generation, years and body, as the reference or a price list names it.';

CREATE TABLE vehicle_aliases (
    id         bigserial   PRIMARY KEY,
    brand_id   bigint      NOT NULL REFERENCES brands (id),
    model_id   bigint      REFERENCES models (id),
    alias      text        NOT NULL CHECK (alias <> ''),
    ambiguous  boolean     NOT NULL DEFAULT false,
    source     text        NOT NULL DEFAULT 'seed' CHECK (source IN ('seed', 'shop')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (brand_id, model_id, alias)
);
COMMENT ON TABLE vehicle_aliases IS 'Spellings of a make (model_id is null) or of a model.';

CREATE TABLE vehicle_reference (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version         bigint  NOT NULL DEFAULT 1,
    catalog_version bigint  NOT NULL DEFAULT 1
);
COMMENT ON TABLE vehicle_reference IS 'Its version grows with every change of a spelling: servers then read the spellings anew.';
COMMENT ON COLUMN vehicle_reference.catalog_version IS 'Grows with every change of what all catalogs share: names, categories, options, bodies, texts.';

CREATE TABLE product_categories (
    id           bigserial PRIMARY KEY,
    code         text      NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    names        jsonb     NOT NULL CHECK (names ? 'ru'),
    descriptions jsonb     NOT NULL DEFAULT '{}'
);

CREATE TABLE category_aliases (
    alias       text   PRIMARY KEY,
    category_id bigint NOT NULL REFERENCES product_categories (id)
);

CREATE TABLE product_options (
    id          bigserial PRIMARY KEY,
    category_id bigint    NOT NULL REFERENCES product_categories (id),
    code        text      NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    kind        text      NOT NULL CHECK (kind IN ('boolean', 'choice', 'addon')),
    names       jsonb     NOT NULL CHECK (names ? 'ru'),
    body_types  text[],
    sort_order  smallint  NOT NULL DEFAULT 0,
    UNIQUE (category_id, code)
);
COMMENT ON COLUMN product_options.body_types IS 'The bodies the option exists for; null: all.';

CREATE TABLE option_values (
    id         bigserial PRIMARY KEY,
    option_id  bigint    NOT NULL REFERENCES product_options (id),
    code       text      NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    names      jsonb     NOT NULL CHECK (names ? 'ru'),
    sort_order smallint  NOT NULL DEFAULT 0,
    UNIQUE (option_id, code)
);

CREATE TABLE shared_texts (
    key      text NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_.]{0,126}$'),
    language text NOT NULL CHECK (language IN ('ru', 'ky', 'en')),
    value    text NOT NULL,
    items    text[] CHECK (cardinality(items) >= 1 AND cardinality(items) <= 100 AND array_position(items, NULL) IS NULL),
    flag     boolean,
    PRIMARY KEY (key, language),
    CONSTRAINT shared_texts_of_one_kind
        CHECK (num_nonnulls(items, flag) <= 1 AND value = coalesce(array_to_string(items, E'\n'), flag::text, value))
);
COMMENT ON TABLE shared_texts IS 'Bot texts every tenant has until it writes its own (bot_texts).';
COMMENT ON COLUMN shared_texts.items IS 'Of a list its items; null for a phrase or a switch.';
COMMENT ON COLUMN shared_texts.flag IS 'What a switch says; null for a phrase or a list.';

-- API keys are looked up before any tenant is known, and one key may open several tenants or all:
-- the key itself is reference data, what it opens is a tenant's (api_key_tenants).
CREATE TABLE api_keys (
    id            uuid        PRIMARY KEY,
    prefix        text        NOT NULL UNIQUE,
    secret_sha256 bytea       NOT NULL CHECK (octet_length(secret_sha256) = 32),
    role          text        NOT NULL CHECK (role IN ('chatbot', 'manager', 'admin')),
    label         text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    revoked_at    timestamptz,
    all_tenants   boolean     NOT NULL DEFAULT false,
    calls_per_second integer  CHECK (calls_per_second > 0),
    last_used_at  timestamptz
);
COMMENT ON COLUMN api_keys.all_tenants IS 'Whether it is for every tenant; else for those of api_key_tenants.';
COMMENT ON COLUMN api_keys.calls_per_second IS 'What it may call on each server; null: what the server is set to.';
COMMENT ON COLUMN api_keys.last_used_at IS 'Written once a minute at most.';

CREATE TABLE api_key_changes (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint  NOT NULL DEFAULT 1
);
COMMENT ON TABLE api_key_changes IS 'Its version grows with every key that is issued, changed or revoked: servers then read them anew.';

CREATE TABLE service_secrets (
    name  text  PRIMARY KEY,
    value bytea NOT NULL CHECK (octet_length(value) >= 32)
);
COMMENT ON TABLE service_secrets IS 'What every server of this database knows and nobody else: `page_tokens` seals the tokens of pages.';

-- Writes that belong to no tenant, by the client's request_id: creating one, teaching a spelling.
CREATE TABLE admin_requests (
    method      text        NOT NULL,
    request_id  uuid        NOT NULL,
    body_sha256 bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
    answer      bytea       NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (method, request_id)
);
CREATE INDEX admin_requests_oldest ON admin_requests (created_at);

-- Who changed what, when and from where: an event is written with the change that it tells of. A tenant's are in audit_events.
CREATE TABLE shared_audit_events (
    occurred_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    id            uuid        NOT NULL,
    method        text        NOT NULL,
    resource_kind text        NOT NULL,
    resource      text        NOT NULL,
    summary       text        NOT NULL DEFAULT '',
    actor         text        NOT NULL CHECK (actor IN ('api_key', 'jwt', 'no_key', 'command_line', 'system')),
    key_prefix    text,
    actor_name    text        NOT NULL DEFAULT '',
    peer          inet,
    request_id    text        NOT NULL DEFAULT '',
    PRIMARY KEY (occurred_at, id),
    CONSTRAINT shared_audit_events_name_their_key CHECK ((actor = 'api_key') = (key_prefix IS NOT NULL))
);
COMMENT ON TABLE shared_audit_events IS 'The same of what all tenants share: aliases, the seed, keys for every tenant.';
-- No rows are hidden here; what is young stays all the same, whoever breaks into the service.
ALTER TABLE shared_audit_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_read ON shared_audit_events FOR SELECT USING (true);
CREATE POLICY audit_write ON shared_audit_events FOR INSERT WITH CHECK (true);
CREATE POLICY audit_retention ON shared_audit_events FOR DELETE USING (occurred_at < now() - interval '30 days');

-- Everyone finds a tenant; it is changed as that tenant alone, and nobody removes one. The owner is not bound: it migrates and seeds.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY directory_lookup ON tenants FOR SELECT USING (true);
CREATE POLICY tenant_creation ON tenants FOR INSERT WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenants FOR UPDATE
    USING (id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);

GRANT SELECT, INSERT, UPDATE ON tenants TO lekalo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    body_types, brands, models, model_variants, vehicle_aliases, vehicle_reference,
    product_categories, category_aliases, product_options, option_values, shared_texts
    TO lekalo_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON admin_requests TO lekalo_app;
GRANT SELECT, INSERT, UPDATE ON api_key_changes TO lekalo_app;
-- An API key that there is may end and be used: whose it is, what it may do and its secret stay.
GRANT SELECT, INSERT, UPDATE (revoked_at, expires_at, last_used_at) ON api_keys TO lekalo_app;
GRANT SELECT ON service_secrets TO lekalo_app;
GRANT SELECT, INSERT, DELETE ON shared_audit_events TO lekalo_app;
GRANT USAGE ON
    tenants_id_seq, brands_id_seq, models_id_seq, model_variants_id_seq, vehicle_aliases_id_seq,
    product_categories_id_seq, product_options_id_seq, option_values_id_seq
    TO lekalo_app;

-- The directory: from a bot's id to its tenant, so that it is read before any tenant is known, and a bot is one tenant's
-- only. Everybody may look up, a tenant writes its own. -----------------------------------------------------------------

CREATE TABLE tenant_channels (
    channel     text   NOT NULL CHECK (channel IN ('whatsapp', 'telegram', 'instagram', 'web')),
    external_id text   NOT NULL CHECK (external_id <> ''),
    tenant_id   bigint NOT NULL REFERENCES tenants (id),
    PRIMARY KEY (channel, external_id)
);
COMMENT ON COLUMN tenant_channels.external_id IS 'The bot''s own id on that channel.';
CREATE INDEX tenant_channels_by_tenant ON tenant_channels (tenant_id);
ALTER TABLE tenant_channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_channels FORCE ROW LEVEL SECURITY;
CREATE POLICY directory_lookup ON tenant_channels FOR SELECT USING (true);
CREATE POLICY tenant_isolation ON tenant_channels
    USING (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint)
    WITH CHECK (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_channels TO lekalo_app;

-- Tenant tables: tenant_id comes first in every key; row-level security follows below. ----------------------------------

CREATE TABLE tenant_contacts (
    tenant_id  bigint   NOT NULL REFERENCES tenants (id),
    kind       text     NOT NULL CHECK (kind <> ''),
    value      text     NOT NULL CHECK (value <> ''),
    sort_order smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, kind, value)
);

-- A bot that a shop's own ADMIN names is the shop's once an ADMIN of every tenant has named it too.
CREATE TABLE channel_claims (
    tenant_id   bigint NOT NULL REFERENCES tenants (id),
    channel     text   NOT NULL CHECK (channel IN ('whatsapp', 'telegram', 'instagram', 'web')),
    external_id text   NOT NULL CHECK (external_id <> ''),
    PRIMARY KEY (tenant_id, channel, external_id)
);
COMMENT ON TABLE channel_claims IS 'Bots that shops say are theirs and nobody has approved yet.';

CREATE TABLE tenant_categories (
    tenant_id    bigint   NOT NULL REFERENCES tenants (id),
    category_id  bigint   NOT NULL,
    sort_order   smallint NOT NULL DEFAULT 0,
    options      text[]   NOT NULL DEFAULT '{}',
    active       boolean  NOT NULL DEFAULT true,
    code         text     CHECK (code ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
    names        jsonb    NOT NULL DEFAULT '{}',
    descriptions jsonb    NOT NULL DEFAULT '{}',
    emoji        text     NOT NULL DEFAULT '',
    revision     bigint   NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, category_id),
    UNIQUE (tenant_id, code),
    CONSTRAINT tenant_categories_shared_or_own
        CHECK (CASE WHEN category_id > 0 THEN code IS NULL ELSE code IS NOT NULL AND names ? 'ru' END)
);
COMMENT ON COLUMN tenant_categories.category_id IS 'That of product_categories; of a category of the tenant''s own a number below zero.';
COMMENT ON COLUMN tenant_categories.options IS 'Codes of the options this tenant offers, in its order.';
COMMENT ON COLUMN tenant_categories.code IS 'The code of a category of the tenant''s own; null: it is a shared one.';
COMMENT ON COLUMN tenant_categories.names IS 'The tenant''s own, which go before the shared ones.';
COMMENT ON COLUMN tenant_categories.revision IS 'Grows with every change: the etag.';

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

CREATE TABLE patterns (
    tenant_id   bigint      NOT NULL REFERENCES tenants (id),
    id          bigserial   NOT NULL,
    category_id bigint      NOT NULL,
    model_id    bigint      NOT NULL,
    variant_id  bigint      NOT NULL,
    steering    text        CHECK (steering IN ('left', 'right', 'both')),
    borders     text        CHECK (borders IN ('with', 'without', 'medium', 'high')),
    seat_rows   text        CHECK (seat_rows IN ('2', '3', 'full', 'front_only')),
    trunk       text        CHECK (trunk IN ('yes', 'no')),
    notes       text        NOT NULL DEFAULT '',
    available   boolean     NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    revision    bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    FOREIGN KEY (model_id, variant_id) REFERENCES model_variants (model_id, id),
    CONSTRAINT patterns_identity UNIQUE NULLS NOT DISTINCT
        (tenant_id, category_id, model_id, variant_id, steering, borders, seat_rows, trunk, notes)
);
COMMENT ON TABLE patterns IS 'What a shop can sew: one cut for one car, told apart by everything the price list says.';
COMMENT ON COLUMN patterns.notes IS 'What tells the pattern from others and has no column: version, drive, cab.';
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

CREATE TABLE prices (
    tenant_id       bigint        NOT NULL REFERENCES tenants (id),
    id              bigserial     NOT NULL,
    category_id     bigint        NOT NULL,
    body_type       text          REFERENCES body_types (code),
    brand_id        bigint        REFERENCES brands (id),
    option_id       bigint,
    option_value_id bigint,
    with_value_id   bigint,
    amount          numeric(12,2) NOT NULL CHECK (amount >= 0),
    amount_max      numeric(12,2) CHECK (amount_max >= amount),
    at_least        boolean       NOT NULL DEFAULT false,
    currency        text          NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    validity        tstzrange     NOT NULL CHECK (NOT isempty(validity) AND lower_inc(validity) AND NOT upper_inc(validity)),
    created_at      timestamptz   NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (option_value_id IS NULL OR option_id IS NOT NULL),
    CONSTRAINT prices_least_or_range CHECK (NOT at_least OR amount_max IS NULL),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    CONSTRAINT prices_do_not_overlap EXCLUDE USING gist (
        tenant_id WITH =, category_id WITH =,
        (coalesce(body_type, '')) WITH =, (coalesce(brand_id, 0)) WITH =,
        (coalesce(option_id, 0)) WITH =, (coalesce(option_value_id, 0)) WITH =, (coalesce(with_value_id, 0)) WITH =,
        validity WITH &&)
);
COMMENT ON TABLE prices IS 'Price lines; a null dimension means any. Without option_id it is the base price, else a surcharge.';
COMMENT ON COLUMN prices.with_value_id IS 'The value a chosen option must have for this line to hold (the base price with crocodile leather).';
COMMENT ON COLUMN prices.amount_max IS 'Upper end of a range; null for one exact amount.';
COMMENT ON COLUMN prices.at_least IS 'The amount is the least: what is yet to be settled may make it more.';

CREATE TABLE bot_texts (
    tenant_id  bigint      NOT NULL REFERENCES tenants (id),
    key        text        NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_.]{0,126}$'),
    language   text        NOT NULL CHECK (language IN ('ru', 'ky', 'en')),
    value      text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    items      text[]      CHECK (cardinality(items) >= 1 AND cardinality(items) <= 100 AND array_position(items, NULL) IS NULL),
    flag       boolean,
    PRIMARY KEY (tenant_id, key, language),
    CONSTRAINT bot_texts_of_one_kind
        CHECK (num_nonnulls(items, flag) <= 1 AND value = coalesce(array_to_string(items, E'\n'), flag::text, value))
);
COMMENT ON COLUMN bot_texts.items IS 'Of a list its items; null for a phrase or a switch.';
COMMENT ON COLUMN bot_texts.flag IS 'What a switch says; null for a phrase or a list.';

CREATE TABLE documents (
    tenant_id    bigint NOT NULL REFERENCES tenants (id),
    key          text   NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_.]{0,63}$'),
    language     text   NOT NULL CHECK (language IN ('ru', 'ky', 'en')),
    last_version bigint NOT NULL CHECK (last_version > 0),
    PRIMARY KEY (tenant_id, key, language)
);
COMMENT ON TABLE documents IS 'How far the versions of each document have been counted; it stays when the document is deleted, so that no number comes twice.';

CREATE TABLE document_versions (
    tenant_id  bigint      NOT NULL REFERENCES tenants (id),
    key        text        NOT NULL,
    language   text        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    title      text        NOT NULL DEFAULT '',
    content    text        NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576),
    actor      text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key, language, version),
    FOREIGN KEY (tenant_id, key, language) REFERENCES documents (tenant_id, key, language)
);
COMMENT ON TABLE document_versions IS 'What documents say: the newest version is the current one; a document without any is deleted.';
COMMENT ON COLUMN document_versions.actor IS 'Who wrote it: the label of the API key or the subject of the JWT.';

CREATE TABLE customers (
    tenant_id   bigint      NOT NULL REFERENCES tenants (id),
    id          bigserial   NOT NULL,
    channel     text        NOT NULL CHECK (channel IN ('whatsapp', 'telegram', 'instagram', 'web')),
    external_id text        NOT NULL CHECK (external_id <> ''),
    name        text        NOT NULL DEFAULT '',
    phone       text        CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
    username    text        NOT NULL DEFAULT '',
    language    text        NOT NULL DEFAULT 'ru' CHECK (language IN ('ru', 'ky', 'en')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    revision    bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, channel, external_id)
);
COMMENT ON COLUMN customers.revision IS 'Grows with every change: the etag.';

CREATE TABLE applications (
    tenant_id        bigint        NOT NULL REFERENCES tenants (id),
    id               uuid          NOT NULL,
    request_id       uuid          NOT NULL,
    request_sha256   bytea         CHECK (octet_length(request_sha256) = 32),
    kind             text          NOT NULL CHECK (kind IN ('order', 'individual_measure', 'callback', 'complaint')),
    status           text          NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'in_progress', 'completed', 'cancelled')),
    customer_id      bigint,
    contact_name     text          NOT NULL DEFAULT '',
    contact_phone    text          CHECK (contact_phone ~ '^\+[1-9][0-9]{6,14}$'),
    contact_username text          NOT NULL DEFAULT '',
    contact_language text          NOT NULL DEFAULT 'ru' CHECK (contact_language IN ('ru', 'ky', 'en')),
    category_id      bigint,
    brand_id         bigint        REFERENCES brands (id),
    model_id         bigint        REFERENCES models (id),
    generation       text          NOT NULL DEFAULT '',
    year             smallint      CHECK (year BETWEEN 1900 AND 2100),
    vehicle_text     text          NOT NULL DEFAULT '',
    selections       jsonb         NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(selections) = 'array'),
    quoted_total     numeric(12,2) CHECK (quoted_total >= 0),
    quoted_total_max numeric(12,2) CHECK (quoted_total_max >= quoted_total),
    quoted_at_least  boolean       NOT NULL DEFAULT false,
    quoted_currency  text          CHECK (quoted_currency ~ '^[A-Z]{3}$'),
    message          text          NOT NULL DEFAULT '',
    assignee         text          NOT NULL DEFAULT '',
    revision         bigint        NOT NULL DEFAULT 1,
    created_at       timestamptz   NOT NULL DEFAULT now(),
    updated_at       timestamptz   NOT NULL DEFAULT now(),
    erased_channel   text          CHECK (erased_channel IN ('whatsapp', 'telegram', 'instagram', 'web')),
    external_refs    jsonb         NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(external_refs) = 'array'),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    CONSTRAINT applications_least_or_range CHECK (NOT quoted_at_least OR quoted_total_max IS NULL),
    CONSTRAINT applications_of_somebody_or_erased CHECK ((customer_id IS NULL) = (erased_channel IS NOT NULL))
);
COMMENT ON COLUMN applications.erased_channel IS 'Where its customer wrote, once the customer is erased; null before.';
COMMENT ON COLUMN applications.external_refs IS 'What it is called elsewhere: a list of system, id and url.';
COMMENT ON COLUMN applications.contact_name IS 'As known when the application was created, like the other contact columns.';
COMMENT ON COLUMN applications.assignee IS 'Who moved it to in_progress; empty while nobody works on it.';
COMMENT ON COLUMN applications.quoted_total_max IS 'Upper end of a range; null for one amount.';
COMMENT ON COLUMN applications.quoted_at_least IS 'The amount quoted was the least.';
CREATE INDEX applications_by_status ON applications (tenant_id, status, created_at DESC, id DESC);
CREATE INDEX applications_by_customer ON applications (tenant_id, customer_id);
CREATE INDEX applications_newest ON applications (tenant_id, created_at DESC, id DESC);

CREATE TABLE application_events (
    tenant_id      bigint      NOT NULL REFERENCES tenants (id),
    id             bigint      NOT NULL,
    application_id uuid        NOT NULL,
    from_status    text,
    to_status      text        NOT NULL,
    actor          text        NOT NULL DEFAULT '',
    note           text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    kind           text        CHECK (kind IN ('noted', 'updated', 'customer_deleted')),
    fields         text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id)
);
COMMENT ON COLUMN application_events.kind IS 'Null: it was created (without from_status) or moved.';
COMMENT ON COLUMN application_events.fields IS 'What was changed, of one that was updated.';
COMMENT ON COLUMN application_events.id IS 'Place in the tenant''s feed, from 1, without gaps.';
CREATE INDEX application_events_by_application ON application_events (tenant_id, application_id, id);

CREATE TABLE imports (
    tenant_id              bigint      NOT NULL REFERENCES tenants (id),
    id                     uuid        NOT NULL,
    category_id            bigint      NOT NULL,
    file_name              text        NOT NULL,
    sha256                 bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    mode                   text        NOT NULL CHECK (mode IN ('merge', 'replace')),
    validate_only          boolean     NOT NULL DEFAULT false,
    allow_large_withdrawal boolean     NOT NULL DEFAULT false,
    request_id             uuid,
    state                  text        NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'validated', 'succeeded', 'failed', 'cancelled', 'reverted')),
    rows_read              bigint      NOT NULL DEFAULT 0,
    created                bigint      NOT NULL DEFAULT 0,
    updated                bigint      NOT NULL DEFAULT 0,
    unchanged              bigint      NOT NULL DEFAULT 0,
    merged                 bigint      NOT NULL DEFAULT 0,
    rejected               bigint      NOT NULL DEFAULT 0,
    headers                bigint      NOT NULL DEFAULT 0,
    withdrawn              bigint      NOT NULL DEFAULT 0,
    error_code             text,
    error_message          text,
    error_hint             text,
    step                   text        CHECK (step IN ('reading', 'writing')),
    rows_done              bigint      NOT NULL DEFAULT 0,
    rows_total             bigint      NOT NULL DEFAULT 0,
    write_number           bigint,
    last_write_number      bigint,
    lease_until            timestamptz,
    revision               bigint      NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    finished_at            timestamptz,
    holder                 uuid,
    tries_left             smallint    NOT NULL DEFAULT 0 CHECK (tries_left >= 0),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_id),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    CONSTRAINT imports_lose_no_row CHECK (rows_read = created + updated + unchanged + merged + rejected + headers)
);
COMMENT ON COLUMN imports.step IS 'What a running import was doing at its last sign of life; null before the first.';
COMMENT ON COLUMN imports.rows_done IS 'Rows it had read by then.';
COMMENT ON COLUMN imports.rows_total IS 'Rows of its file; 0 while that is not known.';
COMMENT ON COLUMN imports.write_number IS 'Its place among the writes into the category, from 1; null: nothing written, or before there were numbers.';
COMMENT ON COLUMN imports.last_write_number IS 'The same of its latest write: rows may be taken in later.';
COMMENT ON COLUMN imports.lease_until IS 'The running process renews it; past it the import counts as interrupted.';
COMMENT ON COLUMN imports.holder IS 'The process that carries it out, until its lease is over.';
COMMENT ON COLUMN imports.tries_left IS 'How often it may yet be begun. With none it counts as interrupted past its lease, else it is taken over.';
CREATE INDEX imports_unfinished ON imports (tenant_id) WHERE state IN ('queued', 'running');
CREATE INDEX imports_newest ON imports (tenant_id, created_at DESC, id DESC);

-- That the tenant of a row, an issue or a change exists is what the reference to its import says already.
CREATE TABLE import_files (
    tenant_id bigint  NOT NULL,
    import_id uuid    NOT NULL,
    number    integer NOT NULL CHECK (number > 0),
    chunk     bytea   NOT NULL CHECK (octet_length(chunk) > 0),
    PRIMARY KEY (tenant_id, import_id, number),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE import_files IS 'The files of imports under way, in pieces; they go when the import ends.';

CREATE TABLE import_rows (
    tenant_id    bigint  NOT NULL,
    import_id    uuid    NOT NULL,
    position     integer NOT NULL,
    page_number  integer NOT NULL,
    row_number   integer NOT NULL,
    source_id    text    NOT NULL DEFAULT '',
    cells        text[]  NOT NULL,
    make         text    NOT NULL DEFAULT '',
    model        text    NOT NULL DEFAULT '',
    generation   text    NOT NULL DEFAULT '',
    year_from    smallint,
    year_to      smallint,
    body_type    text,
    steering     text,
    borders      text,
    seat_rows    text,
    trunk        text,
    notes        text    NOT NULL DEFAULT '',
    confidence   text    NOT NULL CHECK (confidence IN ('high', 'medium', 'low')),
    outcome      text    NOT NULL CHECK (outcome IN ('created', 'updated', 'unchanged', 'merged', 'rejected', 'header')),
    pattern_id   bigint,
    same_as      integer,
    write_number bigint,
    accepted     boolean,
    -- No reference to its import: it is only ever written in the transaction that ends that one.
    PRIMARY KEY (tenant_id, import_id, position)
);
COMMENT ON TABLE import_rows IS 'Every row of every imported document with what became of it.';
COMMENT ON COLUMN import_rows.position IS 'Place in the whole document, headers included, from 1.';
COMMENT ON COLUMN import_rows.accepted IS 'Whether cleaning was sure enough of the row; null: recorded before this was.';
COMMENT ON COLUMN import_rows.write_number IS 'The write that took the row in, if that was a later one than its import''s first.';
-- The outcome comes first: beside an index that begins like the primary key, each issue's foreign key would be looked up
-- through all rows of its import. Outcomes that are rare in a long list are looked up; for the usual ones its rows are
-- read in their order.
CREATE INDEX import_rows_by_outcome ON import_rows (outcome, tenant_id, import_id, position)
    WHERE outcome NOT IN ('created', 'unchanged');
CREATE INDEX import_rows_by_pattern ON import_rows (tenant_id, pattern_id) WHERE pattern_id IS NOT NULL;

CREATE TABLE import_issues (
    tenant_id  bigint   NOT NULL,
    import_id  uuid     NOT NULL,
    position   integer  NOT NULL,
    number     smallint NOT NULL,
    code       text     NOT NULL,
    field      text     NOT NULL,
    message    text     NOT NULL,
    suggestion text     NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, import_id, position, number),
    FOREIGN KEY (tenant_id, import_id, position) REFERENCES import_rows (tenant_id, import_id, position) ON DELETE CASCADE
);

CREATE TABLE import_changes (
    tenant_id    bigint NOT NULL,
    import_id    uuid   NOT NULL,
    pattern_id   bigint NOT NULL,
    kind         text   NOT NULL CHECK (kind IN ('created', 'updated', 'withdrawn')),
    before       jsonb,
    write_number bigint,
    PRIMARY KEY (tenant_id, import_id, pattern_id),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN import_changes.write_number IS 'The write that made the change, if that was a later one than its import''s first.';
COMMENT ON TABLE import_changes IS 'What an import did (a validated one: would do) to patterns that were there before it, and how each was: what a revert needs. Those recorded before version 11 have the created ones too.';
CREATE INDEX import_changes_by_pattern ON import_changes (tenant_id, pattern_id);

-- A tenant's events have places in one feed, in the order of commits: whoever appends takes the next place and holds
-- the row until the commit, so that no event becomes visible before an earlier one. A sequence would not do: its
-- numbers are taken in one order and committed in another.

CREATE TABLE application_feeds (
    tenant_id  bigint NOT NULL REFERENCES tenants (id),
    last_place bigint NOT NULL CHECK (last_place > 0),
    PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE application_feeds IS 'How many application events a tenant has, and the lock under which they are appended.';

CREATE TABLE api_key_tenants (
    tenant_id  bigint NOT NULL REFERENCES tenants (id),
    api_key_id uuid   NOT NULL REFERENCES api_keys (id),
    PRIMARY KEY (tenant_id, api_key_id)
);
CREATE INDEX api_key_tenants_of_key ON api_key_tenants (api_key_id);

-- Answers of writes by the client's request_id: the same request again gets the same answer and changes nothing.
CREATE TABLE write_requests (
    tenant_id   bigint      NOT NULL REFERENCES tenants (id),
    method      text        NOT NULL,
    request_id  uuid        NOT NULL,
    body_sha256 bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
    answer      bytea       NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, method, request_id)
);
CREATE INDEX write_requests_oldest ON write_requests (tenant_id, created_at);
COMMENT ON TABLE write_requests IS 'What a tenant''s write answered, kept for a week.';

-- Who changed what, when and from where: an event is written with the change that it tells of.
CREATE TABLE audit_events (
    tenant_id     bigint      NOT NULL REFERENCES tenants (id),
    occurred_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    id            uuid        NOT NULL,
    method        text        NOT NULL,
    resource_kind text        NOT NULL,
    resource      text        NOT NULL,
    summary       text        NOT NULL DEFAULT '',
    actor         text        NOT NULL CHECK (actor IN ('api_key', 'jwt', 'no_key', 'command_line', 'system')),
    key_prefix    text,
    actor_name    text        NOT NULL DEFAULT '',
    peer          inet,
    request_id    text        NOT NULL DEFAULT '',
    -- The only index: lists are by time, and what is old goes first.
    PRIMARY KEY (tenant_id, occurred_at, id),
    CONSTRAINT audit_events_name_their_key CHECK ((actor = 'api_key') = (key_prefix IS NOT NULL))
);
COMMENT ON TABLE audit_events IS 'Who changed what of a tenant''s. Nobody changes an event; a month old it may be deleted.';
COMMENT ON COLUMN audit_events.actor_name IS 'What the API key is for, the JWT''s subject, or the account that ran the command.';
COMMENT ON COLUMN audit_events.request_id IS 'The call''s x-request-id, as its line in the log has it.';

-- Row-level security of tenant tables, forced: it holds for the owner, too. A policy reads app.current_tenant_id, which
-- each transaction sets with SET LOCAL; unset or '' shows nothing.
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY[
        'tenant_contacts', 'channel_claims', 'tenant_categories', 'tenant_options', 'tenant_option_values',
        'patterns', 'pattern_edits', 'prices', 'bot_texts', 'documents',
        'document_versions', 'customers', 'applications', 'application_events', 'application_feeds',
        'imports', 'import_files', 'import_rows', 'import_issues', 'import_changes',
        'api_key_tenants', 'write_requests', 'audit_events'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant_isolation ON %I
             USING (tenant_id = nullif(current_setting(''app.current_tenant_id'', true), '''')::bigint)
             WITH CHECK (tenant_id = nullif(current_setting(''app.current_tenant_id'', true), '''')::bigint)',
            tenant_table);
    END LOOP;
END
$$;

-- One reader looks after the feeds of all tenants that somebody watches. It says so in its transaction; anybody else
-- sees their own feed only.
CREATE POLICY feed_watch ON application_feeds FOR SELECT
    USING (current_setting('app.watches_feeds', true) = 'on');

-- Each server sweeps: it looks for imports of all tenants whose lease is over. It says so in its transaction and sees those; what
-- it does about them, taking them over or ending them, it does as their tenant.
CREATE POLICY import_sweep ON imports FOR SELECT
    USING (current_setting('app.sweeps_imports', true) = 'on' AND lease_until < now());

-- Each server reads what the API keys are for, whosever they are. It says so in its transaction; anybody else sees what is
-- their tenant's.
CREATE POLICY api_key_check ON api_key_tenants FOR SELECT
    USING (current_setting('app.checks_api_keys', true) = 'on');

-- Whoever breaks into the service cannot wipe away what it did: the service deletes events that are a month old.
CREATE POLICY audit_retention ON audit_events AS RESTRICTIVE FOR DELETE
    USING (occurred_at < now() - interval '30 days');

-- An ADMIN of every tenant reads all events at once. It says so in its transaction; anybody else sees their tenant's.
CREATE POLICY audit_read ON audit_events FOR SELECT
    USING (current_setting('app.reads_audit_events', true) = 'on');

GRANT SELECT, INSERT, UPDATE, DELETE ON
    tenant_contacts, channel_claims, tenant_categories, tenant_options, tenant_option_values, patterns, prices,
    bot_texts, customers, applications,
    application_events, imports, import_rows, import_issues, import_changes, write_requests
    TO lekalo_app;
GRANT SELECT, INSERT, UPDATE ON application_feeds, documents TO lekalo_app;
GRANT SELECT, INSERT, DELETE ON api_key_tenants, import_files, audit_events, pattern_edits, document_versions TO lekalo_app;
GRANT USAGE ON patterns_id_seq, prices_id_seq, customers_id_seq TO lekalo_app;
