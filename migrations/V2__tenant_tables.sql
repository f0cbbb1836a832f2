-- Tenant tables: tenant_id comes first in every key, and row-level security is forced, for the owner too.
-- A policy reads app.current_tenant_id, which each transaction sets with SET LOCAL; unset or '' shows nothing.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE tenant_contacts (
    tenant_id  bigint   NOT NULL REFERENCES tenants (id),
    kind       text     NOT NULL CHECK (kind <> ''),
    value      text     NOT NULL CHECK (value <> ''),
    sort_order smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, kind, value)
);

CREATE TABLE tenant_categories (
    tenant_id   bigint   NOT NULL REFERENCES tenants (id),
    category_id bigint   NOT NULL REFERENCES product_categories (id),
    sort_order  smallint NOT NULL DEFAULT 0,
    options     text[]   NOT NULL DEFAULT '{}',
    active      boolean  NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, category_id)
);
COMMENT ON COLUMN tenant_categories.options IS 'Codes of the options this tenant offers, in its order.';

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
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    FOREIGN KEY (model_id, variant_id) REFERENCES model_variants (model_id, id),
    CONSTRAINT patterns_identity UNIQUE NULLS NOT DISTINCT
        (tenant_id, category_id, model_id, variant_id, steering, borders, seat_rows, trunk, notes)
);
COMMENT ON TABLE patterns IS 'What a shop can sew: one cut for one car, told apart by everything the price list says.';
COMMENT ON COLUMN patterns.notes IS 'What tells the pattern from others and has no column: version, drive, cab.';

CREATE TABLE prices (
    tenant_id        bigint        NOT NULL REFERENCES tenants (id),
    id               bigserial     NOT NULL,
    category_id      bigint        NOT NULL,
    body_type        text          REFERENCES body_types (code),
    brand_id         bigint        REFERENCES brands (id),
    option_id        bigint        REFERENCES product_options (id),
    option_value_id  bigint        REFERENCES option_values (id),
    with_value_id    bigint        REFERENCES option_values (id),
    amount           numeric(12,2) NOT NULL CHECK (amount >= 0),
    amount_max       numeric(12,2) CHECK (amount_max >= amount),
    currency         text          NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    validity         tstzrange     NOT NULL CHECK (NOT isempty(validity) AND lower_inc(validity) AND NOT upper_inc(validity)),
    created_at       timestamptz   NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (option_value_id IS NULL OR option_id IS NOT NULL),
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

CREATE TABLE bot_texts (
    tenant_id  bigint      NOT NULL REFERENCES tenants (id),
    key        text        NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_.]{0,126}$'),
    language   text        NOT NULL CHECK (language IN ('ru', 'ky', 'en')),
    value      text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key, language)
);

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
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, channel, external_id)
);

CREATE TABLE applications (
    tenant_id       bigint        NOT NULL REFERENCES tenants (id),
    id              uuid          NOT NULL,
    request_id      uuid          NOT NULL,
    request_sha256  bytea         NOT NULL CHECK (octet_length(request_sha256) = 32),
    kind            text          NOT NULL CHECK (kind IN ('order', 'individual_measure', 'callback')),
    status          text          NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'in_progress', 'completed', 'cancelled')),
    customer_id     bigint        NOT NULL,
    category_id     bigint        REFERENCES product_categories (id),
    model_id        bigint        REFERENCES models (id),
    generation      text          NOT NULL DEFAULT '',
    year            smallint      CHECK (year BETWEEN 1900 AND 2100),
    vehicle_text    text          NOT NULL DEFAULT '',
    selections      jsonb         NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(selections) = 'array'),
    quoted_total    numeric(12,2) CHECK (quoted_total >= 0),
    quoted_currency text          CHECK (quoted_currency ~ '^[A-Z]{3}$'),
    message         text          NOT NULL DEFAULT '',
    revision        bigint        NOT NULL DEFAULT 1,
    created_at      timestamptz   NOT NULL DEFAULT now(),
    updated_at      timestamptz   NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX applications_newest ON applications (tenant_id, created_at DESC, id DESC);

CREATE TABLE application_events (
    tenant_id      bigint      NOT NULL REFERENCES tenants (id),
    id             bigserial   NOT NULL,
    application_id uuid        NOT NULL,
    from_status    text,
    to_status      text        NOT NULL,
    actor          text        NOT NULL DEFAULT '',
    note           text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id)
);
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
    lease_until            timestamptz,
    revision               bigint      NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    finished_at            timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, request_id),
    FOREIGN KEY (tenant_id, category_id) REFERENCES tenant_categories (tenant_id, category_id),
    CONSTRAINT imports_lose_no_row CHECK (rows_read = created + updated + unchanged + merged + rejected + headers)
);
COMMENT ON COLUMN imports.lease_until IS 'The running process renews it; past it the import counts as interrupted.';
CREATE INDEX imports_unfinished ON imports (tenant_id) WHERE state IN ('queued', 'running');
CREATE INDEX imports_newest ON imports (tenant_id, created_at DESC, id DESC);

CREATE TABLE import_rows (
    tenant_id   bigint   NOT NULL REFERENCES tenants (id),
    import_id   uuid     NOT NULL,
    position    integer  NOT NULL,
    page_number integer  NOT NULL,
    row_number  integer  NOT NULL,
    source_id   text     NOT NULL DEFAULT '',
    cells       text[]   NOT NULL,
    make        text     NOT NULL DEFAULT '',
    model       text     NOT NULL DEFAULT '',
    generation  text     NOT NULL DEFAULT '',
    year_from   smallint,
    year_to     smallint,
    body_type   text,
    steering    text,
    borders     text,
    seat_rows   text,
    trunk       text,
    notes       text     NOT NULL DEFAULT '',
    confidence  text     NOT NULL CHECK (confidence IN ('high', 'medium', 'low')),
    outcome     text     NOT NULL CHECK (outcome IN ('created', 'updated', 'unchanged', 'merged', 'rejected', 'header')),
    pattern_id  bigint,
    same_as     integer,
    PRIMARY KEY (tenant_id, import_id, position),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE import_rows IS 'Every row of every imported document with what became of it.';
COMMENT ON COLUMN import_rows.position IS 'Place in the whole document, headers included, from 1.';
CREATE INDEX import_rows_by_outcome ON import_rows (tenant_id, import_id, outcome, position);
CREATE INDEX import_rows_by_pattern ON import_rows (tenant_id, pattern_id) WHERE pattern_id IS NOT NULL;

CREATE TABLE import_issues (
    tenant_id  bigint   NOT NULL REFERENCES tenants (id),
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
    tenant_id  bigint NOT NULL REFERENCES tenants (id),
    import_id  uuid   NOT NULL,
    pattern_id bigint NOT NULL,
    kind       text   NOT NULL CHECK (kind IN ('created', 'updated', 'withdrawn')),
    before     jsonb,
    PRIMARY KEY (tenant_id, import_id, pattern_id),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE import_changes IS 'What an import did to each pattern, and how the pattern was before: what a revert needs.';

DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY[
        'tenant_contacts', 'tenant_categories', 'patterns', 'prices', 'bot_texts',
        'customers', 'applications', 'application_events',
        'imports', 'import_rows', 'import_issues', 'import_changes'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format(
            'CREATE POLICY tenant_isolation ON %I
             USING (tenant_id = nullif(current_setting(''app.current_tenant_id'', true), '''')::bigint)
             WITH CHECK (tenant_id = nullif(current_setting(''app.current_tenant_id'', true), '''')::bigint)',
            tenant_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO lekalo_app', tenant_table);
    END LOOP;
END
$$;

-- A directory: from a bot's id to its tenant, so that it is read before any tenant is known, and a bot is one tenant's
-- only. Everybody may look up, a tenant writes its own.
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

GRANT USAGE ON patterns_id_seq, prices_id_seq, customers_id_seq, application_events_id_seq TO lekalo_app;
