//! One tenant's catalog at one moment.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use lekalo_vehicles::resolve::ShopWords;

use super::Named;
use super::cache::Needs;
use super::lists::Assortment;
use super::patterns::Stock;
use super::prices::Menus;
use super::shared::Shared;
use super::texts::Texts;
use crate::domain::catalog::{
    CategoryRow, OptionRow, OwnCategory, OwnOption, OwnRows, PriceRow, Versions, options_of_tenant,
};
use crate::domain::error::{Error, Result};
use crate::domain::tenant::{self, CatalogMark, Language, Tenant};

/// What a tenant sells and says, at one version.
pub struct Catalog {
    pub versions: Versions,
    pub tenant: Tenant,
    pub(super) shared: Arc<Shared>,
    own: Arc<Own>,
    /// Each category that the tenant has ever sold, as the tenant has it, by id.
    categories: HashMap<i64, CategoryRow>,
    /// The options of those categories of which the tenant changed or added any.
    options: HashMap<i64, Vec<OptionRow>>,
    pub(super) texts: Texts,
    /// Of the categories that were asked for.
    patterns: HashMap<i64, Patterns>,
    pub(super) menus: Menus,
    shop_words: OnceLock<Arc<ShopWords>>,
}

/// What is the tenant's alone, whatever all share.
struct Own {
    rows: OwnRows,
    /// Of each category, in the order they were set.
    prices: HashMap<i64, Vec<usize>>,
}

/// A category's patterns, and the lists made of them.
struct Patterns {
    stock: Arc<Stock>,
    assortment: Assortment,
}

/// A category as the tenant stands to it.
#[derive(Clone, Copy)]
pub struct Category<'a> {
    pub(super) row: &'a CategoryRow,
    /// None where the tenant has never sold it.
    pub(super) own: Option<&'a OwnCategory>,
}

impl<'a> Category<'a> {
    pub fn id(&self) -> i64 {
        self.row.id
    }

    /// Whether the tenant sells it.
    pub fn is_sold(&self) -> bool {
        self.own.is_some_and(|own| own.active)
    }

    /// Itself if the tenant sells it.
    ///
    /// # Errors
    /// `FailedPrecondition` `CATEGORY_NOT_SOLD` if not.
    pub fn sold_by(self, tenant: &Tenant) -> Result<Self> {
        if self.is_sold() { Ok(self) } else { Err(Error::category_not_sold(&tenant.slug, &self.row.code)) }
    }

    pub(super) fn row(&self) -> &'a CategoryRow {
        self.row
    }
}

impl Catalog {
    /// Of what was read at one moment; patterns are still to come.
    pub(super) fn new(versions: Versions, rows: OwnRows, shared: Arc<Shared>) -> Self {
        let mut prices: HashMap<i64, Vec<usize>> = HashMap::new();
        for (place, price) in rows.prices.iter().enumerate() {
            prices.entry(price.category_id).or_default().push(place);
        }
        Self::made_of(versions, Arc::new(Own { rows, prices }), shared, [].into_iter())
    }

    fn made_of(
        versions: Versions,
        own: Arc<Own>,
        shared: Arc<Shared>,
        stocks: impl Iterator<Item = (i64, Arc<Stock>)>,
    ) -> Self {
        let texts = Texts::new(&own.rows.texts, &own.rows.texts_version, &shared.texts, &shared.texts_version);
        let of_tenant = |own: &OwnCategory| Some((own.id, own.row(shared.categories.get(&own.id))?));
        let categories = own.rows.categories.iter().filter_map(of_tenant).collect();
        let mut own_options: HashMap<i64, Vec<OwnOption>> = HashMap::new();
        for option in &own.rows.options {
            own_options.entry(option.category_id).or_default().push(option.clone());
        }
        let of_category = |(id, own): (&i64, &Vec<OwnOption>)| (*id, options_of_tenant(shared.options_of(*id), own));
        let options = own_options.iter().map(of_category).collect();
        let patterns = |(category, stock): (i64, Arc<Stock>)| {
            let assortment = Assortment::new(stock.models(&shared), &shared);
            (category, Patterns { stock, assortment })
        };
        Self {
            versions,
            tenant: own.rows.tenant.clone(),
            patterns: stocks.map(patterns).collect(),
            own,
            categories,
            options,
            texts,
            menus: Menus::default(),
            shop_words: OnceLock::new(),
            shared,
        }
    }

    /// The tenant as it is at that time, by which some of its prices have begun and ended.
    pub fn tenant_at(&self, now: SystemTime) -> Tenant {
        let bounds = self.own.rows.prices.iter().flat_map(|row| [Some(row.line.valid_from), row.line.valid_to]);
        let passed = bounds.flatten().filter(|bound| *bound <= now).count();
        let price_changes = i64::try_from(passed).unwrap_or(i64::MAX);
        let catalog = CatalogMark { shared: self.versions.shared, price_changes, ..self.tenant.catalog };
        Tenant { catalog, ..self.tenant.clone() }
    }

    /// The same with these categories' patterns, which are of the same moment.
    pub(super) fn with_patterns(&self, more: impl IntoIterator<Item = (i64, Arc<Stock>)>) -> Self {
        Self::made_of(self.versions, self.own.clone(), self.shared.clone(), self.stocks().chain(more))
    }

    /// The same beside what all share by now.
    pub(super) fn beside(&self, shared: Arc<Shared>) -> Self {
        let versions = Versions { shared: shared.version, ..self.versions };
        Self::made_of(versions, self.own.clone(), shared, self.stocks())
    }

    fn stocks(&self) -> impl Iterator<Item = (i64, Arc<Stock>)> {
        self.patterns.iter().map(|(category, patterns)| (*category, patterns.stock.clone()))
    }

    /// Whether all is there that a call needs.
    pub fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Own => true,
            Needs::Category(id) => self.has_patterns(id),
            Needs::Everything => self.categories().all(|category| self.has_patterns(category.id())),
        }
    }

    /// Whether a category's patterns are there.
    pub(super) fn has_patterns(&self, category_id: i64) -> bool {
        self.patterns.contains_key(&category_id)
    }

    pub(super) fn stock(&self, category: &Category<'_>) -> Option<&Stock> {
        self.patterns.get(&category.id()).map(|patterns| &*patterns.stock)
    }

    pub(super) fn assortment(&self, category: &Category<'_>) -> Option<&Assortment> {
        self.patterns.get(&category.id()).map(|patterns| &patterns.assortment)
    }

    /// The bytes it takes beside what all share, about.
    pub(super) fn weight(&self) -> usize {
        let weight = |patterns: &Patterns| patterns.stock.weight() + patterns.assortment.weight();
        let patterns: usize = self.patterns.values().map(weight).sum();
        let prices = self.own.rows.prices.len() * (size_of::<PriceRow>() + 400);
        patterns + prices + self.texts.weight() + 4096
    }

    /// The category of that code or alias; the tenant's own go before shared ones.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub fn find_category(&self, name: &str) -> Result<Category<'_>> {
        let mut all = self.categories();
        if let Some(found) = all.find(|category| category.own.is_some_and(|own| own.code.as_deref() == Some(name))) {
            return Ok(found);
        }
        let shared = self.shared.find_category(name)?;
        let known = self.categories().find(|category| category.id() == shared.id);
        Ok(known.unwrap_or(Category { row: shared, own: None }))
    }

    /// Every category that the tenant has ever sold.
    pub fn categories(&self) -> impl Iterator<Item = Category<'_>> {
        let own = self.own.rows.categories.iter();
        own.filter_map(|own| Some(Category { row: self.categories.get(&own.id)?, own: Some(own) }))
    }

    /// What the tenant sells, in its order.
    pub fn list_categories(&self, asked: Language) -> Vec<Named<tenant::Category>> {
        let languages = self.languages(asked);
        let mut sold: Vec<Category<'_>> = self.categories().filter(Category::is_sold).collect();
        sold.sort_by_key(|category| (category.own.map(|own| own.sort_order), &category.row.code));
        let shown = |category: Category<'_>| {
            let (name, language) = category.row.names.first(&languages)?;
            let description = category.row.descriptions.first(&languages).map(|(text, _)| text.to_string());
            let shown = tenant::Category {
                code: category.row.code.clone(),
                display_name: name.to_string(),
                description: description.unwrap_or_default(),
                sort_order: category.own.map_or(0, |own| own.sort_order.into()),
                model_count: category.own.map_or(0, |own| own.models),
                emoji: category.own.map(|own| own.emoji.clone()).unwrap_or_default(),
            };
            Some((shown, language))
        };
        sold.into_iter().filter_map(shown).collect()
    }

    /// A category's options as the tenant has them.
    pub(super) fn options_of(&self, category_id: i64) -> &[OptionRow] {
        self.options.get(&category_id).map_or_else(|| self.shared.options_of(category_id), Vec::as_slice)
    }

    /// In which order to look for names.
    pub fn languages(&self, asked: Language) -> Vec<Language> {
        asked.fallbacks(self.tenant.default_language)
    }

    /// A category's prices, whenever they hold.
    pub(super) fn prices_of(&self, category: &Category<'_>) -> impl Iterator<Item = &PriceRow> {
        let places = self.own.prices.get(&category.id()).into_iter().flatten();
        places.filter_map(|place| self.own.rows.prices.get(*place))
    }

    /// What the tenant calls its goods, in every language: the names of its categories, their aliases, options and values.
    pub fn shop_words(&self) -> Arc<ShopWords> {
        let words = || {
            let sold: Vec<Category<'_>> = self.categories().filter(Category::is_sold).collect();
            let rows = sold.iter().map(Category::row);
            let names = rows.clone().flat_map(|row| row.names.all()).map(|name| &**name);
            let aliases = rows.clone().flat_map(|row| &row.aliases).map(String::as_str);
            let options = || rows.clone().flat_map(|row| self.options_of(row.id));
            let of_options = options().flat_map(|option| option.names.all()).map(|name| &**name);
            let values = options().flat_map(|option| &option.values).flat_map(|value| value.names.all());
            Arc::new(ShopWords::new(names.chain(aliases).chain(of_options).chain(values.map(|name| &**name))))
        };
        self.shop_words.get_or_init(words).clone()
    }
}
