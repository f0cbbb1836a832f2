//! What the contract says of categories, makes and models, over plain rows.

use std::collections::BTreeMap;

use lekalo::proto::lekalo::v1 as pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::rows::{Catalog, LANGUAGES, Names, Pattern, Sold};
use super::walk::List;

/// A refusal, as far as a client may go by it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub reason: String,
    pub metadata: BTreeMap<String, String>,
    /// Type and name of what is not there.
    pub resource: Option<(String, String)>,
}

impl Refusal {
    pub fn not_found(kind: &str, name: &str) -> Self {
        Self {
            code: Code::NotFound,
            reason: format!("{}_NOT_FOUND", kind.to_uppercase()),
            metadata: BTreeMap::from([(kind.to_owned(), name.to_owned())]),
            resource: Some((kind.to_owned(), name.to_owned())),
        }
    }

    fn not_sold(tenant: &str, category: &str) -> Self {
        let metadata = [("tenant", tenant), ("category", category)];
        Self {
            code: Code::FailedPrecondition,
            reason: "CATEGORY_NOT_SOLD".to_owned(),
            metadata: metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            resource: None,
        }
    }

    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        Self {
            code: status.code(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
            resource: details.resource_info().map(|it| (it.resource_type.clone(), it.resource_name.clone())),
        }
    }
}

/// The language that a tag means, where it is served: a region is ignored.
pub fn served(tag: &str) -> Option<&'static str> {
    let language = tag.split(['-', '_']).next()?.to_lowercase();
    LANGUAGES.into_iter().find(|known| *known == language)
}

/// Letter case aside, and ё is е: how names are compared.
pub fn folded(name: &str) -> String {
    name.to_lowercase().replace('ё', "е")
}

/// The languages to look for a name in.
pub struct Wanted {
    /// The one asked for.
    pub asked: &'static str,
    order: [&'static str; 3],
}

impl Wanted {
    /// The text and its language, in the first language that has it.
    pub fn find<'a>(&self, names: &'a Names) -> Option<(&'a str, &'static str)> {
        self.order.into_iter().find_map(|language| Some((names.get(language)?, language)))
    }

    /// A car's name: the canonical one is the English one, and stands in where there is none.
    fn name_of_car<'a>(&self, names: &'a Names, canonical: &'a str) -> (&'a str, &'static str) {
        let in_language = |language| names.get(language).or((language == "en").then_some(canonical));
        let found = self.order.into_iter().find_map(|language| Some((in_language(language)?, language)));
        found.unwrap_or((canonical, self.asked))
    }
}

/// The language that an answer says it is in.
pub fn language_used(asked: &str, names: &[&'static str]) -> String {
    if names.contains(&asked) { asked } else { names.first().copied().unwrap_or(asked) }.to_owned()
}

impl Catalog {
    pub fn tenant(&self, slug: &str) -> Result<usize, Refusal> {
        let found = self.tenants.iter().position(|tenant| tenant.slug == slug);
        found.ok_or_else(|| Refusal::not_found("tenant", slug))
    }

    /// By its code, else by an alias.
    pub fn category(&self, code: &str) -> Result<usize, Refusal> {
        let by_code = self.categories.iter().position(|category| category.code == code);
        let by_alias = || self.categories.iter().position(|category| category.aliases.iter().any(|it| it == code));
        by_code.or_else(by_alias).ok_or_else(|| Refusal::not_found("category", code))
    }

    pub fn brand(&self, slug: &str) -> Result<usize, Refusal> {
        let found = self.brands.iter().position(|brand| brand.slug == slug);
        found.ok_or_else(|| Refusal::not_found("brand", slug))
    }

    pub fn model(&self, brand: usize, slug: &str) -> Result<usize, Refusal> {
        let found = self.models.iter().position(|model| model.brand == brand && model.slug == slug);
        found.ok_or_else(|| Refusal::not_found("model", slug))
    }

    pub fn sells(&self, tenant: usize, category: usize) -> Result<&Sold, Refusal> {
        let found = self.sold.iter().find(|it| it.tenant == tenant && it.category == category && it.active);
        let (tenant, category) = (&self.tenants[tenant], &self.categories[category]);
        found.ok_or_else(|| Refusal::not_sold(&tenant.slug, &category.code))
    }

    pub fn wanted(&self, tenant: usize, language: &str) -> Wanted {
        let own = self.tenants[tenant].language;
        let asked = served(language).unwrap_or(own);
        Wanted { asked, order: [asked, own, "ru"] }
    }

    /// What a tenant can sew in a category.
    pub fn available(&self, tenant: usize, category: usize) -> impl Iterator<Item = &Pattern> {
        let own = self.patterns.iter().filter(move |it| it.tenant == tenant && it.category == category);
        own.filter(|pattern| pattern.available)
    }

    fn sold_in_order(&self, tenant: usize) -> Vec<&Sold> {
        let mut sold: Vec<&Sold> = self.sold.iter().filter(|sold| sold.tenant == tenant && sold.active).collect();
        sold.sort_by_key(|sold| (sold.sort_order, &self.categories[sold.category].code));
        sold
    }

    /// GetTenant, but for what its other tables say.
    pub fn get_tenant(&self, request: &pb::GetTenantRequest) -> Result<pb::Tenant, Refusal> {
        let place = self.tenant(&request.tenant)?;
        let tenant = &self.tenants[place];
        let categories = self.sold_in_order(place).into_iter().map(|sold| self.categories[sold.category].code.clone());
        Ok(pb::Tenant {
            slug: tenant.slug.clone(),
            display_name: tenant.slug.clone(),
            default_language: tenant.language.to_owned(),
            currency: tenant.currency.to_owned(),
            time_zone: "Asia/Bishkek".to_owned(),
            prices_visible: tenant.prices_visible,
            active: Some(tenant.active),
            categories: categories.collect(),
            settings: Some(prost_types::Struct::default()),
            // Of what all share, too, which is what it is.
            catalog_version: String::new(),
            etag: "1".to_owned(),
            contacts: Vec::new(),
            channels: Vec::new(),
        })
    }

    pub fn list_categories(&self, request: &pb::ListCategoriesRequest) -> Result<pb::ListCategoriesResponse, Refusal> {
        let tenant = self.tenant(&request.tenant)?;
        let wanted = self.wanted(tenant, &request.language);
        let (mut categories, mut languages) = (Vec::new(), Vec::new());
        for sold in self.sold_in_order(tenant) {
            let category = &self.categories[sold.category];
            let (name, language) = wanted.find(&category.names).unwrap();
            languages.push(language);
            categories.push(pb::Category {
                code: category.code.clone(),
                display_name: name.to_owned(),
                description: wanted.find(&category.descriptions).map(|(text, _)| text.to_owned()).unwrap_or_default(),
                sort_order: sold.sort_order.into(),
                model_count: self
                    .available(tenant, sold.category)
                    .map(|pattern| pattern.model)
                    .collect::<std::collections::BTreeSet<_>>()
                    .len()
                    .try_into()
                    .unwrap(),
                emoji: String::new(),
            });
        }
        Ok(pb::ListCategoriesResponse { categories, language: language_used(wanted.asked, &languages) })
    }

    pub fn list_brands(&self, request: &pb::ListBrandsRequest) -> Result<List<pb::Brand>, Refusal> {
        let tenant = self.tenant(&request.tenant)?;
        let category = self.category(&request.category)?;
        self.sells(tenant, category)?;
        let wanted = self.wanted(tenant, &request.language);
        let prefix = folded(request.name_prefix.trim());
        let mut listed = Vec::new();
        for (place, brand) in self.brands.iter().enumerate() {
            let mut spellings = brand.names.all().chain(brand.aliases.iter().map(String::as_str)).chain([&*brand.name]);
            if !spellings.any(|spelling| folded(spelling).starts_with(&prefix)) {
                continue;
            }
            let own = self.available(tenant, category).filter(|pattern| self.models[pattern.model].brand == place);
            let mut models: Vec<usize> = own.map(|pattern| pattern.model).collect();
            let patterns = models.len();
            models.sort_unstable();
            models.dedup();
            if patterns == 0 {
                continue;
            }
            let (name, language) = wanted.name_of_car(&brand.names, &brand.name);
            let item = pb::Brand {
                slug: brand.slug.clone(),
                name: brand.name.clone(),
                display_name: name.to_owned(),
                model_count: models.len().try_into().unwrap(),
            };
            listed.push((patterns, item, language));
        }
        let by_name = |item: &pb::Brand| (folded(&item.display_name), item.slug.clone());
        Ok(in_order(listed, request.order_by(), by_name, wanted.asked))
    }

    /// LiveIndex of brands and models, without when they were taught.
    pub fn list_aliases(&self, request: &pb::ListAliasesRequest) -> Result<List<pb::Alias>, Refusal> {
        let place = self.brand(&request.brand)?;
        let brand = &self.brands[place];
        let mut spellings: Vec<(&str, &String)> = brand.aliases.iter().map(|alias| ("", alias)).collect();
        for model in self.models.iter().filter(|model| model.brand == place) {
            spellings.extend(model.aliases.iter().map(|alias| (&*model.slug, alias)));
        }
        if !request.model.is_empty() {
            self.model(place, &request.model)?;
            spellings.retain(|(model, _)| *model == request.model);
        }
        spellings.sort();
        let alias = |(model, alias): (&str, &String)| pb::Alias {
            brand: brand.slug.clone(),
            model: model.to_owned(),
            alias: alias.clone(),
            created_at: None,
        };
        let items = spellings.into_iter().map(alias).collect();
        Ok(List { items, languages: Vec::new(), asked: "" })
    }

    pub fn list_models(&self, request: &pb::ListModelsRequest) -> Result<List<pb::Model>, Refusal> {
        let tenant = self.tenant(&request.tenant)?;
        let category = self.category(&request.category)?;
        let brand = self.brand(&request.brand)?;
        self.sells(tenant, category)?;
        let wanted = self.wanted(tenant, &request.language);
        let mut listed = Vec::new();
        for (place, model) in self.models.iter().enumerate().filter(|(_, model)| model.brand == brand) {
            let own: Vec<&Pattern> = self.available(tenant, category).filter(|it| it.model == place).collect();
            if own.is_empty() {
                continue;
            }
            let (name, language) = wanted.name_of_car(&model.names, &model.name);
            // A pattern up to a year covers that year for sure, one from a year on has no end.
            let first = own.iter().filter_map(|pattern| pattern.from.or(pattern.to)).min();
            let has_no_end = own.iter().any(|pattern| pattern.from.is_some() && pattern.to.is_none());
            let last = own.iter().filter_map(|pattern| pattern.to).max().filter(|_| !has_no_end);
            let item = pb::Model {
                brand: self.brands[brand].slug.clone(),
                slug: model.slug.clone(),
                name: model.name.clone(),
                display_name: name.to_owned(),
                pattern_count: own.len().try_into().unwrap(),
                year_from: first.map_or(0, i32::from),
                year_to: last.map_or(0, i32::from),
            };
            listed.push((own.len(), item, language));
        }
        let by_name = |item: &pb::Model| (folded(&item.display_name), item.slug.clone());
        Ok(in_order(listed, request.order_by(), by_name, wanted.asked))
    }
}

/// By name, or by how many patterns there are and then by name.
fn in_order<T>(
    mut listed: Vec<(usize, T, &'static str)>,
    order: pb::OrderBy,
    by_name: impl Fn(&T) -> (String, String),
    asked: &'static str,
) -> List<T> {
    listed.sort_by_key(|(_, item, _)| by_name(item));
    if order == pb::OrderBy::Popularity {
        // Stable: those with as many keep their order by name.
        listed.sort_by_key(|(patterns, ..)| std::cmp::Reverse(*patterns));
    }
    let (items, languages) = listed.into_iter().map(|(_, item, language)| (item, language)).unzip();
    List { items, languages, asked }
}
