//! The rows of a made-up catalog: plain data. Rows name each other by their places.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Row};

/// The languages that are served, in the order of [`Names`].
pub const LANGUAGES: [&str; 3] = ["ru", "ky", "en"];

/// A name, or a text, by language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub [Option<String>; 3]);

impl Names {
    pub fn get(&self, language: &str) -> Option<&str> {
        let place = LANGUAGES.iter().position(|known| *known == language)?;
        self.0[place].as_deref()
    }

    /// The same with a Russian name, for what must have one.
    pub fn with_russian(mut self, name: &str) -> Self {
        self.0[0].get_or_insert_with(|| name.to_owned());
        self
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(String::as_str)
    }

    pub fn json(&self) -> String {
        let given = LANGUAGES.iter().zip(&self.0).filter_map(|(language, name)| Some((*language, name.as_ref()?)));
        serde_json::to_string(&given.collect::<BTreeMap<_, _>>()).unwrap()
    }

    fn read(row: &Row, column: &str) -> Self {
        let names: serde_json::Value = row.get(column);
        Self(LANGUAGES.map(|language| names[language].as_str().map(str::to_owned)))
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Tells its rows in the database from those of other catalogs.
    pub number: usize,
    pub tenants: Vec<Tenant>,
    pub categories: Vec<Category>,
    pub sold: Vec<Sold>,
    pub options: Vec<ProductOption>,
    pub brands: Vec<Brand>,
    pub models: Vec<Model>,
    pub patterns: Vec<Pattern>,
    pub prices: Vec<Price>,
    /// Of the database, the same for all catalogs.
    pub bodies: Vec<Body>,
}

#[derive(Debug, Clone)]
pub struct Tenant {
    pub slug: String,
    pub language: &'static str,
    pub currency: &'static str,
    pub prices_visible: bool,
    pub active: bool,
}

#[derive(Debug, Clone)]
pub struct Category {
    pub code: String,
    pub aliases: Vec<String>,
    pub names: Names,
    pub descriptions: Names,
}

/// That a tenant sells a category, or did.
#[derive(Debug, Clone)]
pub struct Sold {
    pub tenant: usize,
    pub category: usize,
    pub sort_order: i16,
    pub active: bool,
    /// Codes of what it offers, in its order.
    pub options: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct ProductOption {
    pub category: usize,
    pub code: String,
    pub kind: &'static str,
    pub names: Names,
    pub bodies: Option<Vec<&'static str>>,
    pub sort_order: i16,
    pub values: Vec<OptionValue>,
}

#[derive(Debug, Clone)]
pub struct OptionValue {
    pub code: String,
    pub names: Names,
    pub sort_order: i16,
}

#[derive(Debug, Clone)]
pub struct Brand {
    /// In the shipped reference, and so in the database already.
    pub is_known: bool,
    pub slug: String,
    pub name: String,
    pub names: Names,
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub is_known: bool,
    pub brand: usize,
    pub slug: String,
    pub name: String,
    pub names: Names,
    /// LiveIndex of the model, which are none of its brand.
    pub aliases: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Pattern {
    pub id: i64,
    pub tenant: usize,
    pub category: usize,
    pub model: usize,
    /// Empty: not known.
    pub generation: &'static str,
    pub from: Option<i16>,
    pub to: Option<i16>,
    pub body: Option<&'static str>,
    pub steering: Option<&'static str>,
    pub borders: Option<&'static str>,
    pub seat_rows: Option<&'static str>,
    pub trunk: Option<&'static str>,
    pub notes: &'static str,
    pub available: bool,
}

impl Pattern {
    /// What makes two patterns one.
    pub fn identity(&self) -> impl Ord + use<> {
        let car = (self.model, self.generation, self.from, self.to, self.body);
        let cut = (self.steering, self.borders, self.seat_rows, self.trunk, self.notes);
        (self.tenant, self.category, car, cut)
    }
}

/// When a price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    Past,
    Now,
    Future,
}

/// A price; what is none is any.
#[derive(Debug, Clone)]
pub struct Price {
    pub tenant: usize,
    pub category: usize,
    pub body: Option<&'static str>,
    pub brand: Option<usize>,
    /// Places of an option, and of its value.
    pub option: Option<usize>,
    pub value: Option<usize>,
    /// Places of another option and its value.
    pub with: Option<(usize, usize)>,
    /// In hundredths.
    pub amount: i64,
    pub end: Option<i64>,
    pub at_least: bool,
    pub period: Period,
}

impl Price {
    /// What two prices cannot both be for at a time.
    pub fn target(&self) -> impl Ord + use<> {
        (self.tenant, self.category, self.body, self.brand, self.option, self.value, self.with, self.period)
    }
}

#[derive(Debug, Clone)]
pub struct Body {
    pub code: String,
    pub parent: Option<String>,
    pub priced_as: Option<String>,
}

/// What the database has before any catalog is written: bodies, and cars of the shipped reference.
#[derive(Debug, Clone)]
pub struct Seeded {
    pub bodies: Vec<Body>,
    pub brands: Vec<Brand>,
    pub models: Vec<Model>,
}

/// Cars with several generations, with codes of many names, with years that overlap, with bodies that differ; two of one brand.
const KNOWN_CARS: [(&str, &str); 7] = [
    ("toyota", "camry"),
    ("toyota", "venza"),
    ("mercedes-benz", "e-class"),
    ("toyota", "alphard"),
    ("bmw", "x5"),
    ("honda", "civic"),
    ("honda", "odyssey"),
];

impl Seeded {
    pub async fn read(client: &Client) -> Self {
        let bodies =
            client.query("SELECT code, parent, priced_as FROM body_types ORDER BY sort_order, code", &[]).await;
        let body = |row: &Row| Body { code: row.get(0), parent: row.get(1), priced_as: row.get(2) };
        let mut seeded =
            Self { bodies: bodies.unwrap().iter().map(body).collect(), brands: Vec::new(), models: Vec::new() };
        for (brand, model) in KNOWN_CARS {
            let row = client
                .query_one(
                    "SELECT b.name AS brand, b.names AS brand_names, m.name, m.names,
                            ARRAY(SELECT alias FROM vehicle_aliases WHERE brand_id = b.id AND model_id IS NULL) AS aliases
                     FROM models m JOIN brands b ON b.id = m.brand_id WHERE b.slug = $1 AND m.slug = $2",
                    &[&brand, &model],
                )
                .await
                .unwrap();
            let place = seeded.brands.iter().position(|known| known.slug == brand).unwrap_or_else(|| {
                let (name, names) = (row.get("brand"), Names::read(&row, "brand_names"));
                seeded.brands.push(Brand {
                    is_known: true,
                    slug: brand.into(),
                    name,
                    names,
                    aliases: row.get("aliases"),
                });
                seeded.brands.len() - 1
            });
            let (slug, name, names) = (model.to_owned(), row.get("name"), Names::read(&row, "names"));
            seeded.models.push(Model { is_known: true, brand: place, slug, name, names, aliases: Vec::new() });
        }
        seeded
    }
}

impl Catalog {
    /// What the shipped reference says about a model.
    pub fn reference(&self, model: usize) -> Option<&'static lekalo_vehicles::Model> {
        let model = &self.models[model];
        lekalo_vehicles::Reference::shipped().find_model(&self.brands[model.brand].slug, &model.slug)
    }
}
