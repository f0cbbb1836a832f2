//! Random small catalogs, and questions about them.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::rows::{
    Brand, Catalog, Category, LANGUAGES, Model, Names, OptionValue, Pattern, Period, Price, ProductOption, Seeded,
    Sold, Tenant,
};

/// Few names, so that they meet: alike but for case or ё, and in other alphabets.
pub const NAMES: [&str; 11] =
    ["Ёлка", "елка", "Ёж", "пёс", "Вольво", "вольво", "Zorva", "zorva", "Zo", "Өзгөн", "Ак-Суу %_"];
/// Names that nobody gave stay English.
const ENGLISH: [&str; 4] = ["Zorva", "zorva", "Volvo", "Ak"];
/// In another order than as numbers, as a dictionary has them, or as they were written.
const SLUGS: [&str; 4] = ["b-x", "bx", "a9", "a10"];
pub const GENERATIONS: [&str; 14] =
    ["", "", "70", "75", "XV70", "50-55", "8", "W212", "W211/W212", "Mk 2", "2", "F15", "xv70", "ZZ1"];
pub const BODIES: [&str; 7] = ["sedan", "wagon", "coupe", "suv", "minivan", "minivan_medium", "minivan_large"];
const OPTIONS: [&str; 5] = ["leather", "stitch", "trunk", "rows", "alone"];

/// One place of several; which, only the catalog knows.
pub type Pick = u8;

pub fn of<T>(all: &[T], pick: Pick) -> usize {
    usize::from(pick) % all.len()
}

/// What a catalog is made of: its rows name each other by picks.
#[derive(Debug, Clone)]
pub struct Made {
    tenants: Vec<(&'static str, bool, bool)>,
    categories: Vec<(Names, Names, bool)>,
    sold: Vec<(i16, Option<bool>, Vec<&'static str>)>,
    options: Vec<AnOption>,
    brands: Vec<(Names, &'static str, &'static str, Vec<&'static str>)>,
    models: Vec<(Pick, Names, &'static str, &'static str, Vec<&'static str>)>,
    patterns: Vec<APattern>,
    prices: Vec<APrice>,
}

type AnOption = (Pick, &'static str, Names, Option<Vec<&'static str>>, i16, Vec<(Names, i16)>);
type APattern = ((Pick, Pick, Pick), Variant, Cut, bool);
type APrice = ((Pick, Pick), Target, (i64, Option<i64>, bool), Period);
type Variant = (&'static str, (Option<i16>, Option<i16>), Option<&'static str>);
type Cut = (Option<&'static str>, Option<&'static str>, Option<&'static str>, Option<&'static str>, &'static str);
/// Body, make, option, value, and what must be chosen besides.
type Target = (Option<&'static str>, Option<Pick>, Option<Pick>, Pick, Option<Pick>);

fn names() -> impl Strategy<Value = Names> {
    let name = || weighted(0.5, select(&NAMES).prop_map(str::to_owned));
    (name(), name(), name()).prop_map(|(ru, ky, en)| Names([ru, ky, en]))
}

fn years() -> impl Strategy<Value = (Option<i16>, Option<i16>)> {
    let year = || 2004_i16..2024;
    prop_oneof![
        3 => Just((None, None)),
        2 => year().prop_map(|year| (Some(year), Some(year))),
        3 => (year(), 1..8_i16).prop_map(|(from, more)| (Some(from), Some(from + more))),
        1 => year().prop_map(|from| (Some(from), None)),
        1 => year().prop_map(|to| (None, Some(to))),
    ]
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    weighted(0.6, select(words))
}

fn patterns() -> impl Strategy<Value = Vec<APattern>> {
    let variant = (select(&GENERATIONS), years(), weighted(0.4, select(&BODIES)));
    let notes = prop_oneof![3 => Just(""), 1 => Just("гибрид"), 1 => Just("4WD")];
    let rows = word(&["2", "3", "full", "front_only"]);
    let cut = (
        word(&["left", "right", "both"]),
        word(&["with", "without", "medium", "high"]),
        rows,
        word(&["yes", "no"]),
        notes,
    );
    vec(((any::<Pick>(), any::<Pick>(), any::<Pick>()), variant, cut, prop::bool::weighted(0.7)), 0..70)
}

fn prices() -> impl Strategy<Value = Vec<APrice>> {
    let pick = |chance| weighted(chance, any::<Pick>());
    let target = (weighted(0.4, select(&BODIES)), pick(0.25), pick(0.75), any::<Pick>(), pick(0.3));
    let amount = (select(vec![0, 1, 4550, 100_000, 350_000]), weighted(0.2, select(vec![0, 50, 1000])), any::<bool>());
    let period = prop_oneof![1 => Just(Period::Past), 5 => Just(Period::Now), 1 => Just(Period::Future)];
    vec(((any::<Pick>(), any::<Pick>()), target, amount, period), 0..30)
}

/// The parts of a catalog.
pub fn made() -> impl Strategy<Value = Made> {
    let tenants = vec((select(&LANGUAGES), any::<bool>(), prop::bool::weighted(0.8)), 2..=3);
    let categories = vec((names(), names(), any::<bool>()), 3);
    let offered = vec(select(&OPTIONS), 0..4);
    let sold = vec((-2..3_i16, weighted(0.85, prop::bool::weighted(0.8)), offered), 9);
    let values = vec((names(), -1..2_i16), 0..4);
    let kinds = select(vec!["boolean", "choice", "choice", "addon"]);
    let bodies = weighted(0.4, vec(select(&BODIES), 0..3));
    let options = vec((any::<Pick>(), kinds, names(), bodies, -1..2_i16, values), 0..8);
    let aliases = || vec(select(&NAMES), 0..2);
    let brands = vec((names(), select(&ENGLISH), select(&SLUGS), aliases()), 1..4);
    let models = vec((any::<Pick>(), names(), select(&ENGLISH), select(&SLUGS), aliases()), 2..10);
    let cars = (brands, models);
    (tenants, categories, sold, options, cars, patterns(), prices()).prop_map(
        |(tenants, categories, sold, options, (brands, models), patterns, prices)| Made {
            tenants,
            categories,
            sold,
            options,
            brands,
            models,
            patterns,
            prices,
        },
    )
}

impl Made {
    /// The catalog with this number, beside what the database has already.
    pub fn catalog(&self, number: usize, seeded: &Seeded) -> Catalog {
        let mut catalog = Catalog {
            number,
            bodies: seeded.bodies.clone(),
            brands: seeded.brands.clone(),
            models: seeded.models.clone(),
            ..Catalog::default()
        };
        for (place, (language, prices_visible, active)) in self.tenants.iter().enumerate() {
            catalog.tenants.push(Tenant {
                slug: format!("made{number}-{place}"),
                language,
                currency: if *active { "KGS" } else { "USD" },
                prices_visible: *prices_visible,
                active: *active,
            });
        }
        for (place, (names, descriptions, is_crossed)) in self.categories.iter().enumerate() {
            let code = |place: usize| format!("{}{number}", ["mats_b", "covers", "mats"][place]);
            // A category's alias may be another one's code, which goes first.
            let crossed = is_crossed.then(|| code((place + 1) % 3));
            let aliases =
                [format!("alias{number}_{place}")].into_iter().chain(crossed.filter(|_| place == 0)).collect();
            let names = names.clone().with_russian("Коврики");
            catalog.categories.push(Category { code: code(place), aliases, names, descriptions: descriptions.clone() });
        }
        for (place, (sort_order, active, options)) in self.sold.iter().enumerate() {
            let (tenant, category) = (place / 3, place % 3);
            let Some(active) = active.filter(|_| tenant < self.tenants.len()) else { continue };
            let mut options: Vec<String> = options.iter().map(|code| (*code).to_owned()).collect();
            options.dedup();
            catalog.sold.push(Sold { tenant, category, sort_order: *sort_order, active, options });
        }
        self.add_options(&mut catalog);
        self.add_cars(&mut catalog);
        self.add_patterns(&mut catalog);
        self.add_prices(&mut catalog);
        catalog
    }

    fn add_options(&self, catalog: &mut Catalog) {
        for (pick, kind, names, bodies, sort_order, values) in &self.options {
            let (category, code) = (of(&catalog.categories, *pick), OPTIONS[usize::from(*pick / 3) % OPTIONS.len()]);
            if catalog.options.iter().any(|option| option.category == category && option.code == code) {
                continue;
            }
            let value = |(place, (names, sort_order)): (usize, &(Names, i16))| OptionValue {
                code: ["press", "croc", "a"][place].to_owned(),
                names: names.clone().with_russian("Кожа"),
                sort_order: *sort_order,
            };
            // Only a choice has values.
            let values = if *kind == "choice" { values.iter().enumerate().map(value).collect() } else { Vec::new() };
            let names = names.clone().with_russian("Опция");
            catalog.options.push(ProductOption {
                category,
                code: code.to_owned(),
                kind,
                names,
                bodies: bodies.clone(),
                sort_order: *sort_order,
                values,
            });
        }
    }

    fn add_cars(&self, catalog: &mut Catalog) {
        let number = catalog.number;
        for (names, english, slug, aliases) in &self.brands {
            // Names and slugs of brands are nobody else's in the whole database.
            let place = catalog.brands.len();
            catalog.brands.push(Brand {
                is_known: false,
                slug: format!("{slug}-{number}-{place}"),
                name: format!("{english} {number} {place}"),
                names: names.clone(),
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            });
        }
        let made = catalog.brands.len() - self.brands.len();
        for (pick, names, english, slug, aliases) in &self.models {
            let brand = made + of(&self.brands, *pick);
            let own = || catalog.models.iter().filter(|model| model.brand == brand);
            if own().any(|model| model.slug == *slug) {
                continue;
            }
            let is_taken = own().any(|model| model.name == *english);
            let name = if is_taken { format!("{english} {slug}") } else { (*english).to_owned() };
            let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            let (slug, names) = ((*slug).to_owned(), names.clone());
            catalog.models.push(Model { is_known: false, brand, slug, name, names, aliases });
        }
    }

    fn add_patterns(&self, catalog: &mut Catalog) {
        let first = super::write::id(catalog, 0);
        for (place, ((tenant, sold, model), variant, cut, available)) in self.patterns.iter().enumerate() {
            // More of the first tenant's, so that they meet.
            let own: Vec<&Sold> = catalog.sold.iter().filter(|it| it.tenant == usize::from(*tenant % 4 / 2)).collect();
            let Some(sold) = own.get(usize::from(*sold) % own.len().max(1)) else { continue };
            let model = of(&catalog.models, *model);
            let (mut generation, (mut from, mut to), body) = *variant;
            if let Some((code, year)) = of_reference(catalog, model, *tenant).filter(|_| place % 3 > 0) {
                (generation, from, to) = (code, year, year);
            }
            let (steering, borders, seat_rows, trunk, notes) = *cut;
            let mut pattern = Pattern {
                // In another order than they are written.
                id: first + i64::try_from(place * 37 % 101).unwrap(),
                tenant: sold.tenant,
                category: sold.category,
                model,
                generation,
                from,
                to,
                body,
                steering,
                borders,
                seat_rows,
                trunk,
                notes,
                available: *available,
            };
            // Some are another cut for the very car of the one before.
            if let Some(before) = catalog.patterns.last().filter(|_| place % 3 == 2) {
                let Pattern { tenant, category, model, generation, from, to, body, .. } = *before;
                pattern = Pattern { tenant, category, model, generation, from, to, body, ..pattern };
            }
            if catalog.patterns.iter().all(|other| other.identity() != pattern.identity()) {
                catalog.patterns.push(pattern);
            }
        }
    }

    fn add_prices(&self, catalog: &mut Catalog) {
        for ((sold, place), (body, brand, option, value, with), (amount, more, at_least), period) in &self.prices {
            let Some(sold) = catalog.sold.get(usize::from(*sold) % catalog.sold.len().max(1)) else { continue };
            let own: Vec<usize> =
                (0..catalog.options.len()).filter(|it| catalog.options[*it].category == sold.category).collect();
            let option = option.and_then(|pick| own.get(usize::from(pick) % own.len().max(1)).copied());
            let value_of = |option: usize, pick: Pick| {
                let values = &catalog.options[option].values;
                (!values.is_empty()).then(|| of(values, pick))
            };
            let with = with.and_then(|pick| own.get(usize::from(pick) % own.len().max(1)).copied());
            let with = with.filter(|with| Some(*with) != option);
            let price = Price {
                tenant: sold.tenant,
                category: sold.category,
                body: *body,
                brand: brand.map(|pick| of(&catalog.brands, pick)),
                option,
                value: option.and_then(|option| value_of(option, *value)),
                with: with.and_then(|with| Some((with, value_of(with, *place)?))),
                amount: *amount,
                end: more.map(|more| amount + more),
                at_least: *at_least && more.is_none(),
                period: *period,
            };
            if catalog.prices.iter().all(|other| other.target() != price.target()) {
                catalog.prices.push(price);
            }
        }
    }
}

/// One of the reference's latest generations, by any of its names or by nothing but a year, and one of its first years.
fn of_reference(catalog: &Catalog, model: usize, pick: Pick) -> Option<(&'static str, Option<i16>)> {
    let generation = catalog.reference(model)?.generations.iter().rev().nth(usize::from(pick % 3))?;
    let names: Vec<&str> = generation.code.iter().chain(&generation.also).map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| name.is_ascii()).collect();
    let year = generation.from? + i16::from(pick % 5);
    match pick % 8 {
        0 | 1 => Some(("", Some(year))),
        2 | 3 => Some((names.first()?, Some(year))),
        _ => Some((names.get(usize::from(pick / 8) % names.len().max(1))?, None)),
    }
}
