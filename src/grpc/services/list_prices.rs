//! ListPrices: a tenant's prices as they were set, of one category or of all.

use crate::domain::Result;
use crate::grpc::Services;
use crate::grpc::convert::count;
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_prices(services: &Services, request: pb::ListPricesRequest) -> Result<pb::ListPricesResponse> {
    let mut check = Validator::default();
    let at_time = request.at_time.map(|time| format!("{}.{}", time.seconds, time.nanos)).unwrap_or_default();
    let bound_to = ["list_prices", &request.tenant, &request.category, &at_time];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);
    let category = check.optional_name("category", request.category);
    let at = check.time("at_time", request.at_time);

    let shop = services.shop(check, &tenant).await?;
    let category = match category.as_str() {
        "" => None,
        code => Some(shop.sold_category(code)?),
    };
    let found = shop.catalog.list_prices(category.as_ref(), at.unwrap_or_else(|| shop.now()), &page);
    Ok(pb::ListPricesResponse {
        prices: found.items.iter().map(|line| line.as_ref().clone().into()).collect(),
        next_page_token: page.next_token(found.next),
        total_size: count(found.total),
    })
}
