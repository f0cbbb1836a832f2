//! What a fresh database has is what the files of `data/` say, line by line: they are read here once more, by other means.

use std::collections::BTreeSet;

use lekalo::domain::vehicle::slug;
use tokio_postgres::Client;
use toml::{Table, Value};

use crate::support::{connect, database};

fn list<'a>(of: &'a Value, key: &str) -> Vec<&'a Value> {
    of.get(key).and_then(Value::as_array).into_iter().flatten().collect()
}

/// A value as the lines have it; what is not there is empty.
fn text(of: &Value, key: &str) -> String {
    match of.get(key) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join(","),
        Some(other) => other.to_string(),
    }
}

fn line(fields: &[&str]) -> String {
    fields.join("|")
}

/// A name in three languages.
fn names(of: &Value) -> String {
    line(&[&text(of, "ru"), &text(of, "ky"), &text(of, "en")])
}

fn file(content: &str) -> Value {
    Value::Table(content.parse::<Table>().unwrap())
}

/// What the database has, against what a file says.
async fn same(owner: &Client, what: &str, sql: &str, expected: BTreeSet<String>) {
    let rows = owner.query(&format!("SELECT concat_ws('|', {sql}"), &[]).await.unwrap();
    let found: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(!expected.is_empty(), "{what}");
    let lacking: Vec<_> = expected.difference(&found).take(5).collect();
    let other: Vec<_> = found.difference(&expected).take(5).collect();
    assert!(lacking.is_empty() && other.is_empty(), "{what}: lacking {lacking:#?}, instead {other:#?}");
    assert_eq!(rows.len(), expected.len(), "{what}: each once");
}

/// SQL for a name in three languages.
fn sql_names(column: &str) -> String {
    ["ru", "ky", "en"].map(|language| format!("coalesce({column} ->> '{language}', '')")).join(", ")
}

#[tokio::test]
async fn the_catalog_is_what_its_file_says() {
    let owner = connect(&database().await).await;
    let catalog = file(include_str!("../../../data/seed.toml"));
    let place = |place: usize| place.to_string();
    let bodies = list(&catalog, "body_types").into_iter().enumerate();
    let bodies = bodies.map(|(at, body)| {
        line(&[&text(body, "code"), &text(body, "parent"), &text(body, "priced_as"), &names(body), &place(at)])
    });
    let n = sql_names("names");
    let sql = format!("code, coalesce(parent, ''), coalesce(priced_as, ''), {n}, sort_order) FROM body_types");
    same(&owner, "body types", &sql, bodies.collect()).await;

    let (mut categories, mut aliases, mut options, mut values) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for category in list(&catalog, "categories") {
        let code = text(category, "code");
        let description = category.get("description").map(names).unwrap_or_else(|| "||".into());
        categories.insert(line(&[&code, &names(category), &description]));
        aliases.extend(list(category, "aliases").iter().map(|alias| line(&[alias.as_str().unwrap(), &code])));
        for (at, option) in list(category, "options").into_iter().enumerate() {
            let (name, kind) = (text(option, "code"), text(option, "kind"));
            options.insert(line(&[&code, &name, &kind, &names(option), &text(option, "body_types"), &place(at)]));
            for (at, value) in list(option, "values").into_iter().enumerate() {
                values.insert(line(&[&code, &name, &text(value, "code"), &names(value), &place(at)]));
            }
        }
    }
    let sql = format!("code, {n}, {}) FROM product_categories", sql_names("descriptions"));
    same(&owner, "categories", &sql, categories).await;
    let sql = "alias, code) FROM category_aliases a JOIN product_categories c ON c.id = a.category_id";
    same(&owner, "aliases of categories", sql, aliases).await;
    let of_category = "JOIN product_categories c ON c.id = o.category_id";
    let sql = format!(
        "c.code, o.code, kind, {}, coalesce(array_to_string(body_types, ','), ''), sort_order) FROM product_options o
         {of_category}",
        sql_names("o.names")
    );
    same(&owner, "options", &sql, options).await;
    let sql = format!(
        "c.code, o.code, v.code, {}, v.sort_order) FROM option_values v JOIN product_options o ON o.id = v.option_id
         {of_category}",
        sql_names("v.names")
    );
    same(&owner, "values of options", &sql, values).await;

    let (mut tenants, mut sold, mut prices) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for tenant in list(&catalog, "tenants") {
        let name = text(tenant, "slug");
        let own = ["display_name", "default_language", "currency", "time_zone"].map(|key| text(tenant, key)).join("|");
        tenants.insert(line(&[&name, &own, &text(tenant, "prices_visible"), "true"]));
        for (at, category) in list(tenant, "categories").into_iter().enumerate() {
            sold.insert(line(&[&name, &text(category, "code"), &text(category, "options"), &place(at), "true"]));
        }
        let from = text(tenant, "prices_from");
        let begins: String = owner
            .query_one(&format!("SELECT extract(epoch FROM '{from}'::timestamptz)::bigint::text"), &[])
            .await
            .unwrap()
            .get(0);
        for price in list(tenant, "prices") {
            let fields = ["category", "body", "brand", "option", "with", "amount", "amount_max"];
            let fields = fields.map(|key| text(price, key)).join("|");
            prices.insert(line(&[&name, &fields, &text(tenant, "currency"), &begins, ""]));
        }
    }
    let sql =
        "slug, display_name, default_language, currency, time_zone, prices_visible::text, active::text) FROM tenants";
    same(&owner, "tenants", sql, tenants).await;
    let sql = "slug, c.code, array_to_string(options, ','), sort_order, tc.active::text)
               FROM tenant_categories tc JOIN tenants t ON t.id = tenant_id JOIN product_categories c ON c.id = category_id";
    same(&owner, "what is sold", sql, sold).await;
    let sql = "t.slug, c.code, coalesce(p.body_type, ''), coalesce(b.slug, ''), coalesce(o.code, ''),
               coalesce(wo.code || '/' || w.code, ''), trim_scale(amount), coalesce(trim_scale(amount_max)::text, ''),
               p.currency, extract(epoch FROM lower(validity))::bigint, coalesce(upper(validity)::text, ''))
               FROM prices p JOIN tenants t ON t.id = tenant_id JOIN product_categories c ON c.id = category_id
               LEFT JOIN brands b ON b.id = brand_id LEFT JOIN product_options o ON o.id = p.option_id
               LEFT JOIN option_values w ON w.id = with_value_id LEFT JOIN product_options wo ON wo.id = w.option_id";
    same(&owner, "prices", sql, prices).await;

    let texts = file(include_str!("../../../data/texts.toml"));
    let texts = texts.as_table().unwrap().iter().flat_map(|(key, text)| {
        let languages = text.as_table().unwrap().iter();
        languages.map(move |(language, value)| line(&[key, language, value.as_str().unwrap()]))
    });
    same(&owner, "texts", "key, language, value) FROM shared_texts", texts.collect()).await;
}

#[tokio::test]
async fn the_vehicles_are_what_their_file_says() {
    let owner = connect(&database().await).await;
    let vehicles = file(include_str!("../../../data/vehicles.toml"));
    let (mut brands, mut models, mut aliases, mut variants) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for brand in list(&vehicles, "brands") {
        let name = text(brand, "name");
        brands.insert(line(&[&slug(&name), &name, &text(brand, "ru"), "", &name]));
        aliases.extend(list(brand, "aliases").iter().map(|alias| line(&[&name, "", alias.as_str().unwrap(), "false"])));
        for model in list(brand, "models") {
            let (model_name, body) = (text(model, "name"), text(model, "body"));
            models.insert(line(&[&name, &slug(&model_name), &model_name, &text(model, "ru"), "", &model_name, &body]));
            let plain = list(model, "aliases");
            // Where a spelling stands in both lists, the index takes it for a plain one.
            let ambiguous = list(model, "ambiguous").into_iter().filter(|alias| !plain.contains(alias));
            let both = plain.iter().map(|alias| (*alias, "false")).chain(ambiguous.map(|alias| (alias, "true")));
            aliases.extend(both.map(|(alias, word)| line(&[&name, &model_name, alias.as_str().unwrap(), word])));
            for generation in list(model, "generations") {
                let mut label = text(generation, "code");
                if label.is_empty() {
                    label = text(generation, "number");
                }
                let years = line(&[&text(generation, "from"), &text(generation, "to")]);
                variants.insert(line(&[&name, &model_name, &label, &years, &text(generation, "body")]));
            }
        }
    }
    let n = sql_names("names");
    same(&owner, "brands", &format!("slug, name, {n}) FROM brands"), brands).await;
    let of_model = "JOIN brands b ON b.id = m.brand_id";
    let sql =
        format!("b.name, m.slug, m.name, {}, coalesce(body_type, '')) FROM models m {of_model}", sql_names("m.names"));
    same(&owner, "models", &sql, models).await;
    let sql = "b.name, coalesce(m.name, ''), alias, ambiguous::text) FROM vehicle_aliases a
               JOIN brands b ON b.id = a.brand_id LEFT JOIN models m ON m.id = a.model_id WHERE source = 'seed'";
    same(&owner, "spellings", sql, aliases).await;
    let sql = format!(
        "b.name, m.name, coalesce(generation, ''), coalesce(year_from::text, ''), coalesce(year_to::text, ''),
         coalesce(v.body_type, '')) FROM model_variants v JOIN models m ON m.id = v.model_id {of_model}"
    );
    same(&owner, "generations", &sql, variants).await;
}
