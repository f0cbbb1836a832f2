//! Statistics beside what is counted by hand from the rows themselves.

use std::collections::{BTreeMap, BTreeSet};

use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::admin_service_client::AdminServiceClient;
use tokio_postgres::Client;
use tonic::Code;

use crate::support::{TestServer, connect};

/// Patterns of both tenants in several categories and of many bodies, withdrawn ones too; prices that are over, to come,
/// a brand's, an option's or of a choice; texts, customers and applications; imports in every state, with issues.
const FILL: &str = "
    INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering, available)
    SELECT tc.tenant_id, tc.category_id, v.model_id, v.id, 'left', (v.id + tc.tenant_id) % 3 <> 0
    FROM tenant_categories tc, model_variants v WHERE (v.id * 7 + tc.category_id + tc.tenant_id) % 13 = 0;
    UPDATE model_variants SET body_type = (ARRAY['wagon', 'pickup', 'van', 'minivan', 'convertible', 'minivan_large'])[1 + id % 6]
    WHERE id % 5 = 0;
    UPDATE models SET body_type = NULL WHERE id % 50 = 0;
    INSERT INTO prices (tenant_id, category_id, body_type, brand_id, option_id, amount, currency, validity)
    SELECT tc.tenant_id, tc.category_id, p.body, (SELECT id FROM brands WHERE slug = p.brand),
           (SELECT id FROM product_options o WHERE o.category_id = c.id AND p.has_option ORDER BY id LIMIT 1), 1, 'KGS', p.validity
    FROM tenant_categories tc JOIN product_categories c ON c.id = tc.category_id JOIN tenants t ON t.id = tc.tenant_id,
         (VALUES ('wagon', NULL, false, tstzrange('2020-01-01', '2021-01-01')), ('pickup', NULL, false, tstzrange('2090-01-01', NULL)),
                 ('van', 'toyota', false, tstzrange('2020-01-01', NULL)), ('minivan', NULL, true, tstzrange('2020-01-01', NULL)))
         AS p (body, brand, has_option, validity)
    WHERE c.code IN ('eva_mats', '5d_mats');
    INSERT INTO prices (tenant_id, category_id, body_type, amount, currency, validity)
    SELECT t.id, c.id, 'minivan_small', 1, 'KGS', tstzrange('2020-01-01', NULL)
    FROM tenants t, product_categories c WHERE t.slug = 'five_deluxe' AND c.code = 'alcantara_dash';
    UPDATE tenant_categories SET active = false WHERE category_id = (SELECT id FROM product_categories WHERE code = 'trunk_mats');
    INSERT INTO bot_texts (tenant_id, key, language, value)
    SELECT id, 'stat_' || n, 'ru', 'x' FROM tenants, generate_series(1, 2 + length(slug)) AS n;
    INSERT INTO customers (tenant_id, channel, external_id) SELECT id, 'web', 'stats' FROM tenants;
    INSERT INTO applications (tenant_id, id, request_id, request_sha256, customer_id, kind, status)
    SELECT c.tenant_id, gen_random_uuid(), gen_random_uuid(), sha256('x'), c.id, 'callback', 'cancelled'
    FROM customers c JOIN tenants t ON t.id = c.tenant_id, generate_series(1, length(t.slug) % 7) AS n;
    UPDATE product_categories SET names = names - 'en' WHERE code = 'eva_mats';
    UPDATE product_options SET names = names - 'ky' WHERE code = 'trunk';
    UPDATE option_values SET names = names - 'ky' - 'en' WHERE code = 'press';
    DELETE FROM shared_texts WHERE key = 'back' AND language IN ('ru', 'en')";

/// The rows that have issues, and which.
type Issues = &'static [(i32, &'static str)];

/// Imports of a tenant by category and state, from the oldest to the newest; each with the issues of its rows.
const IMPORTS: &[(&str, &str, Issues)] = &[
    ("eva_mats", "succeeded", &[(1, "old"), (2, "old")]),
    ("eva_mats", "succeeded", &[(1, "model_unknown"), (1, "model_unknown"), (2, "model_unknown"), (3, "year_odd")]),
    ("eva_mats", "validated", &[(1, "model_unknown"), (2, "year_odd"), (3, "year_odd"), (4, "year_odd")]),
    ("eva_mats", "validated", &[(5, "year_odd")]),
    ("eva_mats", "reverted", &[(1, "reverted")]),
    ("eva_mats", "cancelled", &[(1, "cancelled")]),
    ("eva_mats", "failed", &[(1, "failed")]),
    ("5d_mats", "succeeded", &[(1, "make_unknown"), (2, "year_odd"), (3, "make_unknown")]),
    ("5d_mats", "running", &[]),
    ("seat_covers", "queued", &[]),
];

/// Which of them began as dry runs; two were carried out since.
const DRY_RUNS: [usize; 6] = [2, 3, 4, 5, 7, 8];

async fn fill(owner: &Client) {
    owner.batch_execute(FILL).await.unwrap();
    for (tenant, from) in [("evopoliki", 0), ("five_deluxe", 7)] {
        for (number, (category, state, issues)) in
            IMPORTS.iter().enumerate().skip(from).take(if from == 0 { 10 } else { 2 })
        {
            let id = format!("00000000-0000-7000-8000-{number:012}");
            let (file_name, of) = (format!("{number}.csv"), "(SELECT id FROM tenants WHERE slug = $1)");
            let insert =
                "INSERT INTO imports (tenant_id, id, category_id, file_name, sha256, mode, state, rows_read, rejected,
                                      validate_only)
                 SELECT t.id, $2::text::uuid, c.id, $3, sha256('x'), 'merge', $4, 9, 9, $6
                 FROM tenants t, product_categories c WHERE t.slug = $1 AND c.code = $5";
            owner
                .execute(insert, &[&tenant, &id, &file_name, state, category, &DRY_RUNS.contains(&number)])
                .await
                .unwrap();
            for (place, (position, code)) in issues.iter().enumerate() {
                let row = format!(
                    "INSERT INTO import_rows (tenant_id, import_id, position, page_number, row_number, cells, confidence, outcome)
                     VALUES ({of}, $2::text::uuid, $3, 1, 1, '{{}}', 'low', 'rejected') ON CONFLICT DO NOTHING"
                );
                owner.execute(&row, &[&tenant, &id, position]).await.unwrap();
                let issue = format!(
                    "INSERT INTO import_issues (tenant_id, import_id, position, number, code, field, message)
                     VALUES ({of}, $2::text::uuid, $3, $4, $5, '', '')"
                );
                let number = i16::try_from(place).unwrap();
                owner.execute(&issue, &[&tenant, &id, position, &number, code]).await.unwrap();
            }
        }
    }
}

/// Rows of a table whose first column is the tenant's slug: how many each has.
async fn by_tenant(owner: &Client, rest: &str) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for row in owner.query(&format!("SELECT t.slug FROM tenants t JOIN {rest}"), &[]).await.unwrap() {
        *counts.entry(row.get(0)).or_default() += 1;
    }
    counts
}

async fn lines(owner: &Client, sql: &str) -> i64 {
    i64::try_from(owner.query(sql, &[]).await.unwrap().len()).unwrap()
}

/// The bodies that nothing says the price of, by tenant.
async fn unpriced(owner: &Client) -> BTreeMap<String, Vec<pb::UnpricedBody>> {
    let rows =
        owner.query("SELECT code, coalesce(parent, ''), coalesce(priced_as, '') FROM body_types", &[]).await.unwrap();
    let bodies: BTreeMap<String, (String, String)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    let base = "SELECT t.slug, c.code, coalesce(p.body_type, '*')
         FROM prices p JOIN tenants t ON t.id = p.tenant_id JOIN product_categories c ON c.id = p.category_id
         WHERE p.option_id IS NULL AND p.brand_id IS NULL AND lower(p.validity) <= now() AND coalesce(upper(p.validity) > now(), true)";
    let rows = owner.query(base, &[]).await.unwrap();
    let prices: BTreeSet<(String, String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let offered = "SELECT t.slug, c.code, coalesce(v.body_type, m.body_type, '')
         FROM patterns p JOIN tenants t ON t.id = p.tenant_id JOIN product_categories c ON c.id = p.category_id
         JOIN models m ON m.id = p.model_id JOIN model_variants v ON v.id = p.variant_id WHERE p.available";
    let mut found: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    for row in owner.query(offered, &[]).await.unwrap() {
        *found.entry((row.get(0), row.get(1), row.get(2))).or_default() += 1;
    }
    let is_priced = |(tenant, category, body): &(String, String, String)| {
        let has = |body: &str| prices.contains(&(tenant.clone(), category.clone(), body.to_owned()));
        let (parent, as_body) = bodies.get(body).cloned().unwrap_or_default();
        let further = bodies.get(&as_body).map(|(_, further)| further.clone()).unwrap_or_default();
        let mut sizes =
            bodies.iter().filter(|(_, (parent, _))| parent == body && !body.is_empty()).map(|(size, _)| size);
        has("*") || [body, &parent, &as_body, &further].into_iter().any(|body| has(body)) || sizes.any(|size| has(size))
    };
    let mut unpriced: BTreeMap<String, Vec<pb::UnpricedBody>> = BTreeMap::new();
    for (key, patterns) in found.into_iter().filter(|(key, _)| !is_priced(key)) {
        let (tenant, category, body_type) = key;
        unpriced.entry(tenant.clone()).or_default().push(pb::UnpricedBody { tenant, category, body_type, patterns });
    }
    for lines in unpriced.values_mut() {
        lines.sort_by_key(|line| (-line.patterns, line.category.clone(), line.body_type.clone()));
    }
    unpriced
}

/// The 20 brands with most models among these rows of brand, its name and model.
async fn top(owner: &Client, sql: &str) -> Vec<pb::BrandModels> {
    let mut models: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
    for row in owner.query(sql, &[]).await.unwrap() {
        models.entry((row.get(1), row.get(0))).or_default().insert(row.get(2));
    }
    let mut top: Vec<_> = models
        .into_iter()
        .map(|((brand_name, brand), models)| pb::BrandModels { brand, brand_name, models: models.len() as i64 })
        .collect();
    top.sort_by_key(|brand| -brand.models);
    assert!(top.len() > 20, "more than are listed");
    top.truncate(20);
    top
}

#[tokio::test]
async fn statistics_are_what_is_counted_by_hand() {
    let server = TestServer::start().await;
    let owner = connect(&server.config).await;
    fill(&owner).await;
    let mut client = AdminServiceClient::new(server.channel.clone());
    let mut stats = async |tenant: &str| client.get_stats(pb::GetStatsRequest { tenant: tenant.into() }).await;

    let own = [
        by_tenant(&owner, "tenant_categories x ON x.tenant_id = t.id AND x.active").await,
        by_tenant(&owner, "patterns x ON x.tenant_id = t.id").await,
        by_tenant(&owner, "patterns x ON x.tenant_id = t.id AND x.available").await,
        by_tenant(
            &owner,
            "prices x ON x.tenant_id = t.id AND lower(validity) <= now() AND coalesce(upper(validity) > now(), true)",
        )
        .await,
        by_tenant(&owner, "bot_texts x ON x.tenant_id = t.id").await,
        by_tenant(&owner, "applications x ON x.tenant_id = t.id").await,
        by_tenant(
            &owner,
            "imports x ON x.tenant_id = t.id AND NOT (x.validate_only AND x.state NOT IN ('succeeded', 'reverted'))",
        )
        .await,
    ];
    let mut shared = Vec::new();
    for table in ["tenants", "brands", "models", "model_variants", "vehicle_aliases", "shared_texts"] {
        shared.push(lines(&owner, &format!("SELECT FROM {table}")).await);
    }
    let unpriced = unpriced(&owner).await;
    let issue = |tenant: &str, number: usize, code: &str, rows| pb::OpenImportIssue {
        tenant: tenant.into(),
        import_id: format!("00000000-0000-7000-8000-{number:012}"),
        file_name: format!("{number}.csv"),
        code: code.into(),
        rows,
    };
    let evopoliki = [
        issue("evopoliki", 2, "YEAR_ODD", 3),
        issue("evopoliki", 7, "MAKE_UNKNOWN", 2),
        issue("evopoliki", 1, "MODEL_UNKNOWN", 2),
        issue("evopoliki", 2, "MODEL_UNKNOWN", 1),
        issue("evopoliki", 1, "YEAR_ODD", 1),
        issue("evopoliki", 3, "YEAR_ODD", 1),
        issue("evopoliki", 7, "YEAR_ODD", 1),
    ];
    let five_deluxe = [issue("five_deluxe", 7, "MAKE_UNKNOWN", 2), issue("five_deluxe", 7, "YEAR_ODD", 1)];
    let lacking = |table: &str, key: &str, languages: &[&str]| pb::MissingTranslation {
        tenant: String::new(),
        table: table.into(),
        key: key.into(),
        languages: languages.iter().map(|language| (*language).to_owned()).collect(),
    };
    let missing = [
        lacking("bot_texts", "back", &["en", "ru"]),
        lacking("option_values", "5d_mats/leather/press", &["en", "ky"]),
        lacking("product_categories", "eva_mats", &["en"]),
        lacking("product_options", "5d_mats/trunk", &["ky"]),
    ];
    for tenant in ["evopoliki", "five_deluxe", ""] {
        let answer = stats(tenant).await.unwrap().into_inner();
        let of = |counts: &BTreeMap<String, i64>| {
            if tenant.is_empty() { counts.values().sum() } else { counts.get(tenant).copied().unwrap_or_default() }
        };
        let counts = pb::StatsCounts {
            tenants: if tenant.is_empty() { shared[0] } else { 1 },
            brands: shared[1],
            models: shared[2],
            model_variants: shared[3],
            aliases: shared[4],
            categories: of(&own[0]),
            patterns: of(&own[1]),
            patterns_available: of(&own[2]),
            prices: of(&own[3]),
            texts: of(&own[4]) + shared[5],
            applications: of(&own[5]),
            imports: of(&own[6]),
        };
        assert_eq!(answer.counts.as_ref(), Some(&counts), "{tenant}");
        let all: Vec<_> =
            unpriced.values().flatten().filter(|line| tenant.is_empty() || line.tenant == tenant).cloned().collect();
        assert!(all.len() > 5, "{all:?}");
        assert_eq!(answer.unpriced, all, "{tenant}");
        assert_eq!(answer.missing_translations, missing, "{tenant}");
        let issues = match tenant {
            "evopoliki" => evopoliki.to_vec(),
            "five_deluxe" => five_deluxe.to_vec(),
            _ => [&evopoliki[..], &five_deluxe[..]].concat(),
        };
        assert_eq!(answer.open_import_issues, issues, "{tenant}");
        let brands = format!(
            "SELECT b.slug, b.name, m.id FROM patterns p JOIN models m ON m.id = p.model_id
             JOIN brands b ON b.id = m.brand_id JOIN tenants t ON t.id = p.tenant_id
             WHERE p.available AND '{tenant}' IN (t.slug, '')"
        );
        assert_eq!(answer.top_brands, top(&owner, &brands).await, "{tenant}");
    }
    let distinct: BTreeSet<_> = own.iter().map(|counts| counts["evopoliki"]).collect();
    assert_eq!(distinct.len(), own.len(), "no two counts are the same by chance: {own:?}");
    assert_eq!(stats("nobody").await.unwrap_err().code(), Code::NotFound);

    // At most 100, the first of them.
    let many = "INSERT INTO shared_texts (key, language, value) SELECT 'many_' || n, 'ru', 'x' FROM generate_series(100, 300) AS n";
    owner.batch_execute(many).await.unwrap();
    let listed = stats("").await.unwrap().into_inner().missing_translations;
    assert_eq!(listed.len(), 100);
    let first = std::iter::once(missing[0].clone());
    let expected = first.chain((100..199).map(|number| lacking("bot_texts", &format!("many_{number}"), &["en", "ky"])));
    assert!(listed.iter().eq(expected.collect::<Vec<_>>().iter()), "{listed:?}");
}
