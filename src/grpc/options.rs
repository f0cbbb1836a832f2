//! CatalogService's ListOptions: what can be chosen with a product, and what choosing it costs.

use tonic::Status;

use super::Services;
use super::convert::{language_used, price};
use super::validation::Validator;
use crate::domain::vehicle::BodyType;
use crate::proto::lekalo::v1 as pb;

impl Services {
    pub(super) async fn options(&self, request: pb::ListOptionsRequest) -> Result<pb::ListOptionsResponse, Status> {
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let category = check.name("category", request.category);
        let body_type: Option<BodyType> = check.word("body_type", request.body_type);
        let language = check.language("language", request.language);
        check.done()?;

        let (tenant, category) = self.sold_category(&tenant, &category).await?;
        let asked = language.unwrap_or(tenant.default_language);
        let languages = asked.fallbacks(tenant.default_language);
        let (sheet, shown) = self.db.tenant(tenant.id).price_sheet(&category, None, &languages).await?;
        let offers = sheet.offers(body_type);
        // The sheet has more options than are offered; only names that come back say which language is used.
        let named = sheet.options.iter().zip(shown);
        let named = named.filter(|(option, _)| offers.iter().any(|offer| offer.option.id == option.id));
        Ok(pb::ListOptionsResponse {
            language: language_used(asked, named.map(|(_, language)| language)),
            options: offers.into_iter().map(|offer| price::product_option(offer, &tenant.currency)).collect(),
            prices_visible: tenant.prices_visible,
        })
    }
}
