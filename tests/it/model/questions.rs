//! Questions about a catalog, made up of dice: mostly about what is there, now and then about what is not.

use lekalo::proto::lekalo::v1 as pb;

use super::random::{BODIES, GENERATIONS, NAMES, of};
use super::rows::{Brand, Catalog, LANGUAGES};

/// What a question is made of.
pub type Dice = [u8; 12];

#[derive(Debug)]
pub enum Question {
    Tenant(pb::GetTenantRequest),
    Categories(pb::ListCategoriesRequest),
    Options(pb::ListOptionsRequest),
    /// With the generation that is asked for in Latin letters.
    Patterns(pb::FindPatternsRequest, String),
    Vehicle(pb::ResolveVehicleRequest),
    /// With the sizes of pages, and how many items to pass over before each.
    Brands(pb::ListBrandsRequest, Vec<(i32, i32)>),
    Models(pb::ListModelsRequest, Vec<(i32, i32)>),
    Aliases(pb::ListAliasesRequest, Vec<(i32, i32)>),
}

/// Tags of languages: served or not, with a region or without.
const TAGS: [&str; 8] = ["", "ru", "ky", "en", "ru-KG", "ky_KG", "EN-us", "de"];
/// Cars, makes, and cars that a text names as clearly as others.
const TEXTS: [&str; 12] = [
    "камри",
    "камри 70",
    "тойота",
    "х5 2015",
    "е класс",
    "цивик",
    "одиссей",
    "мерседес",
    "хонда цивик 8",
    "альфард",
    "привет",
    "5",
];
/// Codes in Cyrillic letters, and what they are in Latin ones.
const CYRILLIC: [(&str, &str); 3] = [("ХV70", "XV70"), ("ф15", "F15"), ("в211", "B211")];

impl Question {
    pub const KINDS: usize = 8;

    pub const fn kind(&self) -> usize {
        match self {
            Self::Tenant(_) => 0,
            Self::Categories(_) => 1,
            Self::Options(_) => 2,
            Self::Patterns(..) => 3,
            Self::Vehicle(_) => 4,
            Self::Brands(..) => 5,
            Self::Models(..) => 6,
            Self::Aliases(..) => 7,
        }
    }

    pub fn about(catalog: &Catalog, dice: Dice) -> Self {
        let [kind, tenant, category, brand, language, rest @ ..] = dice;
        // The first tenant has most patterns.
        let tenant = match tenant {
            0 => "nobody".to_owned(),
            other => {
                catalog.tenants[usize::from(other % 4 / 2).min(usize::from(other) % catalog.tenants.len())].slug.clone()
            }
        };
        let category = match category {
            0 => "nothing".to_owned(),
            other => {
                let category = &catalog.categories[of(&catalog.categories, other)];
                if other % 4 == 0 {
                    category.aliases[of(&category.aliases, other / 4)].clone()
                } else {
                    category.code.clone()
                }
            }
        };
        let language = TAGS[of(&TAGS, language)].to_owned();
        // Mostly where there is something to list.
        let own: Vec<_> = catalog.patterns.iter().filter(|it| catalog.tenants[it.tenant].slug == tenant).collect();
        let known = (!own.is_empty() && brand % 8 > 1).then(|| own[of(&own, brand)]);
        let listed =
            known.map_or_else(|| category.clone(), |pattern| catalog.categories[pattern.category].code.clone());
        let make = known.map_or_else(|| of(&catalog.brands, brand), |pattern| catalog.models[pattern.model].brand);
        match kind % 17 {
            16 => Self::aliases(catalog, brand, rest),
            0 => Self::Tenant(pb::GetTenantRequest { tenant }),
            1 => Self::Categories(pb::ListCategoriesRequest { tenant, language }),
            2..=4 => {
                let body_type = if rest[0] % 3 == 0 { "" } else { BODIES[of(&BODIES, rest[1])] }.to_owned();
                Self::Options(pb::ListOptionsRequest { tenant, category, body_type, language })
            }
            5..=8 => Self::patterns(catalog, tenant, category, brand, rest),
            9 => Self::vehicle(tenant, category, rest),
            10..=12 => {
                let request = pb::ListBrandsRequest {
                    tenant,
                    category: listed,
                    language,
                    name_prefix: prefix(&catalog.brands[make], rest[0]),
                    order_by: i32::from(rest[1] % 3),
                    ..Default::default()
                };
                Self::Brands(request, steps(rest))
            }
            _ => {
                let brand = if rest[0] == 0 { "nothing".to_owned() } else { catalog.brands[make].slug.clone() };
                let order_by = i32::from(rest[1] % 3);
                let request =
                    pb::ListModelsRequest { tenant, category: listed, brand, language, order_by, ..Default::default() };
                Self::Models(request, steps(rest))
            }
        }
    }

    /// About the car of one of the patterns, or one like it.
    fn patterns(catalog: &Catalog, tenant: String, category: String, model: u8, rest: [u8; 7]) -> Self {
        let [near, year, steering, generation, body, ..] = rest;
        let own: Vec<_> = catalog
            .patterns
            .iter()
            .filter(|pattern| catalog.tenants[pattern.tenant].slug == tenant)
            .filter(|pattern| catalog.categories[pattern.category].code == category || model < 128)
            .collect();
        let known = (!own.is_empty() && near % 8 != 0).then(|| own[of(&own, model)]);
        let place = known.map_or_else(|| of(&catalog.models, model), |pattern| pattern.model);
        let car = &catalog.models[place];
        let years = known.and_then(|pattern| pattern.from.or(pattern.to)).unwrap_or(2012);
        let year = match year % 6 {
            0 => Some(0),
            1 | 2 => None,
            3 => Some([1900, 2100, 1998][usize::from(year) % 3]),
            _ => Some(i32::from(years) - 3 + i32::from(year / 6 % 8)),
        };
        let steering = [None, None, Some(0), Some(1), Some(2), Some(3)][usize::from(steering) % 6];
        let own = known.map_or("", |pattern| pattern.generation);
        let (asked, meant) = match generation % 6 {
            0 | 1 => (String::new(), String::new()),
            2 => in_cyrillic(own).unwrap_or_else(|| {
                let (asked, meant) = CYRILLIC[of(&CYRILLIC, generation / 6)];
                (asked.to_owned(), meant.to_owned())
            }),
            3 if generation < 128 => (own.to_lowercase(), own.to_lowercase()),
            3 => (own.to_owned(), own.to_owned()),
            _ => {
                let code = GENERATIONS[of(&GENERATIONS, generation / 6)];
                (code.to_owned(), code.to_owned())
            }
        };
        let body = match body % 4 {
            0 | 1 => None,
            2 => Some(BODIES[of(&BODIES, body / 4)].to_owned()),
            // That of the pattern; where it names none, a usual one of the generation.
            _ => {
                let usual = known.and_then(|pattern| Some(catalog.reference(place)?.bodies(pattern.generation, None)));
                let usual: Vec<&str> = usual.into_iter().flatten().map(|body| body.word()).collect();
                let usual = usual.get(usize::from(body / 4) % usual.len().max(1)).copied();
                Some(known.and_then(|pattern| pattern.body).or(usual).unwrap_or_default().to_owned())
            }
        };
        let request = pb::FindPatternsRequest {
            tenant,
            category: known.map_or(category, |pattern| catalog.categories[pattern.category].code.clone()),
            brand: if near == 0 { "nothing".to_owned() } else { catalog.brands[car.brand].slug.clone() },
            model: if near == 8 { "nothing".to_owned() } else { car.slug.clone() },
            year,
            steering,
            generation: (generation % 6 != 0).then_some(asked),
            body_type: body,
            language: ["", "ru", "ky", "en-US", "de"][usize::from(rest[5]) % 5].to_owned(),
        };
        Self::Patterns(request, meant)
    }

    /// Of a brand that the catalog has made up: it has no spellings but these.
    fn aliases(catalog: &Catalog, brand: u8, rest: [u8; 7]) -> Self {
        let made: Vec<usize> = (0..catalog.brands.len()).filter(|place| !catalog.brands[*place].is_known).collect();
        let place = made[of(&made, brand)];
        let models = catalog.models.iter().filter(|model| model.brand == place).map(|model| model.slug.clone());
        let models: Vec<String> = [String::new(), "nothing".to_owned()].into_iter().chain(models).collect();
        let brand = if brand == 0 { "nothing".to_owned() } else { catalog.brands[place].slug.clone() };
        let model = models[of(&models, rest[0] / 2 * (rest[0] % 2))].clone();
        Self::Aliases(pb::ListAliasesRequest { brand, model, ..Default::default() }, steps(rest))
    }

    fn vehicle(tenant: String, category: String, rest: [u8; 7]) -> Self {
        let [text, given, most, brand, year, ..] = rest;
        // Without a tenant, with a tenant, with a category of it.
        let (tenant, category) = match given % 5 {
            0 => (String::new(), String::new()),
            1 | 2 => (tenant, String::new()),
            _ => (tenant, category),
        };
        Self::Vehicle(pb::ResolveVehicleRequest {
            tenant,
            category,
            text: TEXTS[of(&TEXTS, text)].to_owned(),
            brand: ["", "", "", "honda", "тойота", "никакая"][usize::from(brand) % 6].to_owned(),
            year: [0, 0, 2015][usize::from(year) % 3],
            max_candidates: [0, 1, 2, 3, 8, 100][usize::from(most) % 6],
            language: ["", "ky"][usize::from(most) / 6 % 2].to_owned(),
        })
    }
}

/// A code with its letters in Cyrillic where they look the same, and what it is in Latin ones.
fn in_cyrillic(code: &str) -> Option<(String, String)> {
    let latin = code.to_uppercase();
    let look = |ch| "ABEKMHOPCTYX".find(ch).map_or(ch, |place| "АВЕКМНОРСТУХ".chars().nth(place).unwrap_or(ch));
    let cyrillic: String = latin.chars().map(look).collect();
    (cyrillic != latin && latin.chars().all(char::is_alphanumeric)).then_some((cyrillic, latin))
}

/// The beginning of a name or spelling, in any case, with white space around it; or of none.
fn prefix(brand: &Brand, dice: u8) -> String {
    let alias = || brand.aliases.get(usize::from(dice / 8) % brand.aliases.len().max(1));
    let name = match dice % 8 {
        0 | 1 => return String::new(),
        3 => NAMES[of(&NAMES, dice / 8)],
        4 => brand.names.all().last().unwrap_or("ёж"),
        2 | 5 => alias().map_or("тойотк", String::as_str),
        6 => "%",
        _ => &brand.name,
    };
    let length = 1 + usize::from(dice / 8) % 5;
    let beginning: String = name.chars().take(length).collect();
    match dice / 64 {
        0 => beginning.to_uppercase(),
        1 => format!(" {} ", beginning.to_lowercase()),
        _ => beginning,
    }
}

/// Small pages, all at once, with jumps, far past the end.
fn steps(rest: [u8; 7]) -> Vec<(i32, i32)> {
    let [.., first, second, skip] = rest;
    let skip = match skip % 12 {
        0 => 100_000,
        1 => i32::from(skip / 12),
        2 => 1,
        _ => 0,
    };
    let size = |dice: u8| [0, 1, 1, 2, 2, 3, 5, 500, 501][usize::from(dice) % 9];
    vec![(size(first), skip), (size(second), 0), (1, skip % 2)]
}

const _: () = assert!(LANGUAGES.len() == 3, "tags of all of them are asked for");
