//! What the program ships in `data/`: tenants, categories, options, prices, texts and the vehicle reference, read
//! into the rows that [`crate::db::seed`] writes.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::seed::{Seed, TenantSeed};
use crate::domain::tenant::Language;
use crate::domain::text::TextValue;
use crate::domain::vehicle::slug;
use lekalo_vehicles::Reference;

/// Reads the shipped files.
///
/// # Errors
/// When one of them is not well-formed, which a test rules out for a build.
pub fn shipped() -> anyhow::Result<Seed> {
    let catalog: Catalog = toml::from_str(include_str!("../data/seed.toml")).context("data/seed.toml")?;
    let texts: SharedTexts = toml::from_str(include_str!("../data/texts.toml")).context("data/texts.toml")?;
    read(catalog, &texts, Reference::shipped())
}

fn read(catalog: Catalog, texts: &SharedTexts, reference: &Reference) -> anyhow::Result<Seed> {
    let mut seed = Seed::default();
    for (place, body) in catalog.body_types.iter().enumerate() {
        seed.body_types.push(json!({
            "code": body.code, "parent": body.parent, "priced_as": body.priced_as,
            "names": body.names.json(), "sort_order": place,
        }));
    }
    for category in &catalog.categories {
        seed.product_categories.push(json!({
            "code": category.code, "names": category.names.json(), "descriptions": category.description.json(),
        }));
        for alias in &category.aliases {
            seed.category_aliases.push(json!({ "alias": alias, "category": category.code }));
        }
        for (place, option) in category.options.iter().enumerate() {
            seed.product_options.push(json!({
                "category": category.code, "code": option.code, "kind": option.kind, "names": option.names.json(),
                "body_types": option.body_types, "sort_order": place,
            }));
            for (place, value) in option.values.iter().enumerate() {
                seed.option_values.push(json!({
                    "category": category.code, "option": option.code, "code": value.code,
                    "names": value.names.json(), "sort_order": place,
                }));
            }
        }
    }
    for (key, text) in texts {
        let languages = [(Language::Ru, &text.ru), (Language::Ky, &text.ky), (Language::En, &text.en)];
        seed.shared_texts.extend(languages.map(|(language, value)| value.row(key, language)));
    }
    for tenant in &catalog.tenants {
        seed.tenants.push(tenant_seed(tenant)?);
    }
    add_vehicles(&mut seed, reference);
    Ok(seed)
}

fn tenant_seed(tenant: &Tenant) -> anyhow::Result<TenantSeed> {
    let categories = tenant.categories.iter().enumerate().map(
        |(place, category)| json!({ "category": category.code, "options": category.options, "sort_order": place }),
    );
    let mut prices = Vec::new();
    for price in &tenant.prices {
        let (with_option, with_value) = match price.with.as_deref().map(|with| with.split_once('/')) {
            None => (None, None),
            Some(Some((option, value))) => (Some(option), Some(value)),
            Some(None) => bail!("{}: `with` must be option/value, not {:?}", tenant.slug, price.with),
        };
        prices.push(json!({
            "category": price.category, "body_type": price.body, "brand": price.brand, "option": price.option,
            "with_option": with_option, "with_value": with_value,
            "amount": price.amount, "amount_max": price.amount_max, "currency": tenant.currency,
            "valid_from": tenant.prices_from.to_string(),
        }));
    }
    Ok(TenantSeed {
        slug: tenant.slug.clone(),
        row: json!({
            "slug": tenant.slug, "display_name": tenant.display_name, "default_language": tenant.default_language,
            "currency": tenant.currency, "time_zone": tenant.time_zone, "prices_visible": tenant.prices_visible,
        }),
        categories: categories.collect(),
        prices,
    })
}

fn add_vehicles(seed: &mut Seed, reference: &Reference) {
    for brand in &reference.brands {
        let brand_slug = slug(&brand.name);
        seed.brands
            .push(json!({ "slug": brand_slug, "name": brand.name, "names": display_names(&brand.name, &brand.ru) }));
        for alias in &brand.aliases {
            seed.vehicle_aliases
                .push(json!({ "brand": brand_slug, "model": null, "alias": alias, "ambiguous": false }));
        }
        for model in &brand.models {
            let model_slug = slug(&model.name);
            seed.models.push(json!({
                "brand": brand_slug, "slug": model_slug, "name": model.name,
                "names": display_names(&model.name, &model.ru), "body_type": model.body,
            }));
            let aliases = model.aliases.iter().map(|alias| (alias, false));
            for (alias, ambiguous) in aliases.chain(model.ambiguous.iter().map(|alias| (alias, true))) {
                seed.vehicle_aliases
                    .push(json!({ "brand": brand_slug, "model": model_slug, "alias": alias, "ambiguous": ambiguous }));
            }
            for generation in &model.generations {
                seed.model_variants.push(json!({
                    "brand": brand_slug, "model": model_slug, "generation": generation.label(),
                    "year_from": generation.from, "year_to": generation.to, "body_type": generation.body,
                }));
            }
        }
    }
    unique(&mut seed.vehicle_aliases);
    unique(&mut seed.model_variants);
}

/// A row that stands twice would be updated twice by one statement, which PostgreSQL refuses.
fn unique(rows: &mut Vec<Value>) {
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| {
        let key = ["brand", "model", "alias", "generation", "year_from", "year_to", "body_type"];
        seen.insert(key.map(|column| row.get(column).map(Value::to_string)))
    });
}

fn display_names(name: &str, ru: &str) -> Value {
    if ru.is_empty() { json!({ "en": name }) } else { json!({ "en": name, "ru": ru }) }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    body_types: Vec<BodyType>,
    categories: Vec<Category>,
    tenants: Vec<Tenant>,
}

type SharedTexts = BTreeMap<String, SharedText>;

/// What is said under a key: a string, a list of strings, or true or false.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedText {
    ru: TextValue,
    ky: TextValue,
    en: TextValue,
}

#[derive(Deserialize, Default)]
struct Names {
    #[serde(default)]
    ru: String,
    #[serde(default)]
    ky: String,
    #[serde(default)]
    en: String,
}

impl Names {
    fn json(&self) -> Value {
        let mut names = serde_json::Map::new();
        for (language, name) in [("ru", &self.ru), ("ky", &self.ky), ("en", &self.en)] {
            if !name.is_empty() {
                names.insert(language.into(), name.clone().into());
            }
        }
        Value::Object(names)
    }
}

#[derive(Deserialize)]
struct BodyType {
    code: String,
    parent: Option<String>,
    priced_as: Option<String>,
    #[serde(flatten)]
    names: Names,
}

#[derive(Deserialize)]
struct Category {
    code: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(flatten)]
    names: Names,
    #[serde(default)]
    description: Names,
    #[serde(default)]
    options: Vec<ProductOption>,
}

#[derive(Deserialize)]
struct ProductOption {
    code: String,
    kind: String,
    #[serde(flatten)]
    names: Names,
    body_types: Option<Vec<String>>,
    #[serde(default)]
    values: Vec<OptionValue>,
}

#[derive(Deserialize)]
struct OptionValue {
    code: String,
    #[serde(flatten)]
    names: Names,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tenant {
    slug: String,
    display_name: String,
    default_language: String,
    currency: String,
    time_zone: String,
    prices_visible: bool,
    prices_from: toml::value::Datetime,
    categories: Vec<TenantCategory>,
    prices: Vec<Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantCategory {
    code: String,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    category: String,
    body: Option<String>,
    brand: Option<String>,
    option: Option<String>,
    with: Option<String>,
    amount: i64,
    amount_max: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_files_are_well_formed() {
        let seed = shipped().unwrap();
        assert_eq!(seed.tenants.len(), 2);
        assert_eq!(seed.product_categories.len(), 7);
        assert_eq!(seed.shared_texts.len(), 26 * 3, "26 texts in three languages");
        assert!(seed.shared_texts.iter().all(|text| text["value"] != ""), "no text is empty");
        assert!(seed.models.len() > 600, "{} models", seed.models.len());
    }

    #[test]
    fn a_shared_text_may_be_a_list_or_a_switch() {
        let texts = "[cities]\nru = ['Бишкек', 'Ош']\nky = ['Бишкек']\nen = ['Bishkek', 'Osh']\n
                     [wants_phone]\nru = true\nky = false\nen = true";
        let catalog = Catalog { body_types: vec![], categories: vec![], tenants: vec![] };
        let seed = read(catalog, &toml::from_str(texts).unwrap(), Reference::shipped()).unwrap();
        assert_eq!(
            seed.shared_texts[4],
            json!({ "key": "wants_phone", "language": "ky", "value": "false", "items": null, "flag": false })
        );
        assert_eq!(
            seed.shared_texts[2],
            json!({ "key": "cities", "language": "en", "value": "Bishkek\nOsh", "items": ["Bishkek", "Osh"], "flag": null })
        );
        assert!(toml::from_str::<SharedTexts>("[cities]\nru = ['Бишкек']\nky = ['Бишкек']").is_err(), "no English");
    }
}
