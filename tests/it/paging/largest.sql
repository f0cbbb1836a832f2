-- As much of everything as the contract lets in, where it is long: {t} is the shop that is asked, {c} the category whose options
-- are listed, {values} how many values they may have together. A car is one character of four bytes.
CREATE FUNCTION pg_temp.long(count int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT repeat('🚗', $1) $$;
CREATE FUNCTION pg_temp.long(count int, number bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT repeat('🚗', $1 - 6) || lpad($2::text, 6, '0') $$;
CREATE FUNCTION pg_temp.named(count int) RETURNS jsonb LANGUAGE sql IMMUTABLE
    AS $$ SELECT jsonb_build_object('ru', pg_temp.long($1), 'ky', pg_temp.long($1), 'en', pg_temp.long($1)) $$;
CREATE FUNCTION pg_temp.code(number bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lpad($1::text, 63, '0') $$;

-- 100 categories.
INSERT INTO tenant_categories (tenant_id, category_id, code, names, descriptions, emoji, sort_order)
SELECT t.id, -n, pg_temp.code(n), pg_temp.named(200), pg_temp.named(1000), pg_temp.long(16), 9999
FROM tenants t, generate_series(1, 100) n
WHERE t.id = {t} AND n <= 100 - (SELECT count(*) FROM tenant_categories c WHERE c.tenant_id = t.id);

-- 100 options with their values, each with a price.
INSERT INTO tenant_options (tenant_id, option_id, category_id, code, kind, names, emoji, body_types)
SELECT {t}, -n, {c}, pg_temp.code(n), CASE WHEN n <= {values} / 50 THEN 'choice' ELSE 'addon' END, pg_temp.named(200), pg_temp.long(16),
       ARRAY(SELECT code FROM body_types)
FROM generate_series(1, 100) n
WHERE n <= 100 - (SELECT count(*) FROM product_options WHERE category_id = {c});
INSERT INTO tenant_option_values (tenant_id, value_id, option_id, code, names, emoji, sort_order)
SELECT {t}, -n, -(n + 49) / 50, pg_temp.code(n), pg_temp.named(200), pg_temp.long(16), n FROM generate_series(1, {values}) n;
UPDATE tenant_categories SET options = options || ARRAY(SELECT code FROM tenant_options WHERE tenant_id = {t})
WHERE tenant_id = {t} AND category_id = {c};
INSERT INTO prices (tenant_id, category_id, option_id, option_value_id, amount, amount_max, currency, validity)
SELECT {t}, {c}, o.option_id, v.value_id, 99999999.99, 100000000, 'KGS', tstzrange('2020-01-01', NULL)
FROM tenant_options o
LEFT JOIN tenant_option_values v ON v.tenant_id = {t} AND v.option_id = o.option_id
WHERE o.tenant_id = {t};

-- Applications, one with a long history.
INSERT INTO customers (tenant_id, channel, external_id, name, username)
SELECT {t}, 'telegram', pg_temp.long(128, n), pg_temp.long(120), pg_temp.long(64) FROM generate_series(1, 600) n;
UPDATE applications SET
    message = pg_temp.long(4096), vehicle_text = pg_temp.long(256), generation = pg_temp.long(64), assignee = pg_temp.long(120),
    contact_name = pg_temp.long(120), contact_username = pg_temp.long(64),
    selections = (SELECT jsonb_agg(jsonb_build_object('option', pg_temp.code(n), 'value', pg_temp.code(n)))
                  FROM generate_series(1, 32) n),
    external_refs = (SELECT jsonb_agg(jsonb_build_object('system', pg_temp.long(64, n), 'id', pg_temp.long(128),
                                                         'url', 'https://' || pg_temp.long(504)))
                     FROM generate_series(1, 16) n);
INSERT INTO application_events (tenant_id, id, application_id, to_status, actor, note, kind)
SELECT {t}, 1000000 + n, (SELECT min(id::text)::uuid FROM applications), 'new', pg_temp.long(120), pg_temp.long(2000), 'noted'
FROM generate_series(1, 500) AS n;

-- Texts and documents.
INSERT INTO bot_texts (tenant_id, key, language, value)
SELECT {t}, 'large_' || n, 'ru', repeat('я', 4096) FROM generate_series(1000, 1499) AS n;
INSERT INTO documents (tenant_id, key, language, last_version)
SELECT {t}, 'faq', 'ru', 50 UNION ALL SELECT {t}, lpad(n::text, 64, '0'), 'ru', 1 FROM generate_series(1, 198) n;
INSERT INTO document_versions (tenant_id, key, language, version, title, content, actor)
SELECT {t}, key, 'ru', version, pg_temp.long(200), repeat('x', CASE WHEN version = 50 THEN 1048576 ELSE 1 END), pg_temp.long(120)
FROM documents, generate_series(1, last_version) version WHERE tenant_id = {t};

-- Patterns of one car, one with a long history; a large import, whose first rows are as long as any, and many small ones.
INSERT INTO model_variants (model_id, generation, year_from, year_to)
SELECT m.id, pg_temp.long(64), 2018, 2020 FROM models m JOIN brands b ON b.id = m.brand_id WHERE (b.slug, m.slug) = ('toyota', 'camry');
INSERT INTO patterns (tenant_id, id, category_id, model_id, variant_id, steering, borders, seat_rows, trunk, notes,
                      revision)
SELECT {t}, 800000 + n, {c}, v.model_id, v.id, 'left', 'without', 'front_only', 'yes', pg_temp.long(500, n), 200
FROM model_variants v, generate_series(1, 600) n WHERE v.generation = pg_temp.long(64);
INSERT INTO pattern_edits (tenant_id, pattern_id, revision, actor, fields)
SELECT {t}, 800001, n, pg_temp.long(120), '{generation,year_from,year_to,body_type,steering,borders,seat_rows,trunk,notes,available}'
FROM generate_series(1, 200) n;
INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, state, finished_at, error_code, error_message, error_hint)
SELECT {t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13'::uuid, {c}, pg_temp.long(255), sha256(''), 'replace', 'succeeded', now(), NULL, NULL,
       NULL
UNION ALL
SELECT {t}, gen_random_uuid(), {c}, pg_temp.long(255), sha256(''), 'merge', 'failed', now(), 'COLUMNS_DIFFER',
       pg_temp.long(1000), pg_temp.long(200)
FROM generate_series(1, 599);
INSERT INTO import_rows (tenant_id, import_id, position, page_number, row_number, source_id, cells, confidence, outcome, pattern_id)
SELECT {t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', n, 1, n, text, ARRAY[text], 'high', 'created', 800001
FROM generate_series(1, 300) n, repeat('я', CASE WHEN n <= 3 THEN 512 * 1024 ELSE 4096 END) AS text;
INSERT INTO import_issues (tenant_id, import_id, position, number, code, field, message, suggestion)
SELECT tenant_id, import_id, position, n, 'YEAR_UNKNOWN', 'year', pg_temp.long(100), pg_temp.long(100)
FROM import_rows, generate_series(1, 5) n;
INSERT INTO import_changes (tenant_id, import_id, pattern_id, kind)
SELECT {t}, '0a4c0c5e-2f6e-7a9e-9d5b-3b0d4c0f1a13', id, 'withdrawn' FROM patterns WHERE tenant_id = {t};
INSERT INTO audit_events (tenant_id, id, method, resource_kind, resource, actor, actor_name, request_id)
SELECT {t}, gen_random_uuid(), 'lekalo.v1.PricingService/SetPrices', 'prices', repeat(pg_temp.code(n) || ', ', 20), 'jwt',
       pg_temp.long(255), repeat('x', 128)
FROM generate_series(1, 600) n;

-- Shops, keys for a thousand of them, and what shops have taught.
INSERT INTO tenants (slug, display_name, settings)
SELECT 't' || pg_temp.code(n), pg_temp.long(120),
       CASE WHEN n <= 60 THEN jsonb_build_object('x', (SELECT jsonb_agg(1) FROM generate_series(1, 8000))) ELSE '{}' END
FROM generate_series(1, 1000) n;
INSERT INTO tenant_contacts (tenant_id, kind, value) SELECT {t}, 'instagram', pg_temp.long(200, n) FROM generate_series(1, 20) n;
INSERT INTO tenant_channels (tenant_id, channel, external_id)
SELECT {t}, 'instagram', pg_temp.long(128, n) FROM generate_series(1, 20) n;
INSERT INTO api_keys (id, prefix, secret_sha256, role, label)
SELECT gen_random_uuid(), 'lk_' || n, sha256(n::text::bytea), 'admin', pg_temp.long(120) FROM generate_series(1, 35) n;
INSERT INTO api_key_tenants (tenant_id, api_key_id)
SELECT t.id, k.id FROM tenants t, api_keys k WHERE t.slug LIKE 't0%' AND k.prefix LIKE 'lk\_%';
INSERT INTO vehicle_aliases (brand_id, alias, source)
SELECT id, pg_temp.long(64, n), 'shop' FROM brands, generate_series(1, 600) n WHERE slug = 'kia';
