//! What a tenant's products cost at some time, and what can be chosen with them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use super::{Catalog, Category};
use crate::domain::catalog::{Names, PriceRow, shown_options};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::price::{Body, PriceLine, ProductOption, Sheet};
use crate::domain::tenant::Language;

/// The options and bodies of categories in each language, made when first asked for.
#[derive(Debug, Default)]
pub struct Menus(RwLock<HashMap<(i64, Language), Arc<Menu>>>);

/// What can be chosen with a category's products, as it is shown in a language.
#[derive(Debug)]
struct Menu {
    options: Arc<[ProductOption]>,
    /// Of the options' names.
    languages: Vec<Language>,
    bodies: Arc<[Body]>,
}

impl Catalog {
    /// What a category's products cost at that time, with the languages of the options' names.
    pub fn price_sheet(&self, category: &Category<'_>, at: SystemTime, asked: Language) -> (Sheet, Vec<Language>) {
        let menu = self.menu(category, asked);
        let lines = self.prices_of(category).filter(|price| price.holds(at)).map(|price| price.line.clone());
        let sheet = Sheet {
            category: category.row.code.clone(),
            options: menu.options.clone(),
            lines: lines.filter(|line| line.is_current(&menu.options)).collect(),
            bodies: menu.bodies.clone(),
        };
        (sheet, menu.languages.clone())
    }

    /// One page of the prices in effect at that time, of one category or of all that are sold: by category, body, brand,
    /// option.
    pub fn list_prices(
        &self,
        category: Option<&Category<'_>>,
        at: SystemTime,
        page: &PageRequest,
    ) -> Page<Arc<PriceLine>> {
        let of = |category: &Category<'_>| -> Vec<&PriceRow> {
            if !category.is_sold() {
                return Vec::new();
            }
            let menu = self.menu(category, self.tenant.default_language);
            self.prices_of(category).filter(|price| price.holds(at) && price.line.is_current(&menu.options)).collect()
        };
        let mut listed = match category {
            Some(category) => of(category),
            None => self.categories().flat_map(|category| of(&category)).collect(),
        };
        listed.sort_by(|a, b| a.place.cmp(&b.place));
        let total = listed.len() as i64;
        let begin = page.after.as_ref().map_or(0, |after| listed.partition_point(|price| price.place <= after.text));
        let rest = listed.into_iter().skip(begin).skip(usize::try_from(page.skip).unwrap_or(usize::MAX));
        let rows = rest.take(usize::try_from(page.limit()).unwrap_or(0)).collect();
        let Page { items, next, total, .. } =
            page.page_of_small(rows, total, |price| SortKey { text: price.place.clone(), ..SortKey::default() });
        Page { items: items.into_iter().map(|price| price.line.clone()).collect(), next, total, key: None }
    }

    fn menu(&self, category: &Category<'_>, asked: Language) -> Arc<Menu> {
        let key = (category.id(), asked);
        let made = self.menus.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        made.unwrap_or_else(|| {
            let menu = Arc::new(self.make_menu(category, &self.languages(asked)));
            self.menus.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, menu.clone());
            menu
        })
    }

    fn make_menu(&self, category: &Category<'_>, languages: &[Language]) -> Menu {
        let (options, used) = match category.own {
            Some(own) => shown_options(self.options_of(category.id()), &own.options, languages),
            None => (Vec::new(), Vec::new()),
        };
        let body = |row: &crate::domain::catalog::BodyRow| Body {
            code: row.code,
            parent: row.parent,
            priced_as: row.priced_as,
            display_name: shown(&row.names, languages, row.code.word()),
        };
        Menu { options: options.into(), languages: used, bodies: self.shared.bodies.iter().map(body).collect() }
    }
}

fn shown(names: &Names, languages: &[Language], code: &str) -> String {
    names.first(languages).map_or_else(|| code.to_owned(), |(name, _)| name.to_string())
}
