-- Reference tables: shared by all tenants, no row-level security.
-- The owner (whoever runs this) migrates; the service works as lekalo_app, which owns nothing.

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
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint  NOT NULL DEFAULT 1
);
COMMENT ON TABLE vehicle_reference IS 'Its version grows with every change of a spelling: servers then read the spellings anew.';
INSERT INTO vehicle_reference DEFAULT VALUES;

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
    PRIMARY KEY (key, language)
);
COMMENT ON TABLE shared_texts IS 'Bot texts every tenant has until it writes its own (bot_texts).';

GRANT SELECT, INSERT, UPDATE, DELETE ON
    tenants, body_types, brands, models, model_variants, vehicle_aliases, vehicle_reference,
    product_categories, category_aliases, product_options, option_values, shared_texts
    TO lekalo_app;
GRANT USAGE ON
    tenants_id_seq, brands_id_seq, models_id_seq, model_variants_id_seq, vehicle_aliases_id_seq,
    product_categories_id_seq, product_options_id_seq, option_values_id_seq
    TO lekalo_app;
