//! Prices: what is asked and set, and what the answers and refusals say.

use lekalo::proto::google::r#type::Money;
use lekalo::proto::lekalo::v1 as pb;
use lekalo::proto::lekalo::v1::pricing_service_client::PricingServiceClient;
use prost_types::Timestamp;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use super::TestServer;

pub type Client = PricingServiceClient<Channel>;
pub const EVA: &str = "evopoliki/eva_mats";
pub const EVO_5D: &str = "evopoliki/5d_mats";
pub const DELUXE_5D: &str = "five_deluxe/5d_mats";
pub const PREMIUM: &str = "five_deluxe/premium_covers";
pub const ALCANTARA: &str = "five_deluxe/alcantara_dash";

pub async fn served() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let client = PricingServiceClient::new(server.channel.clone());
    (server, client)
}

pub fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

pub fn metadata(status: &Status, key: &str) -> String {
    status.get_error_details().error_info().and_then(|info| info.metadata.get(key).cloned()).unwrap_or_default()
}

pub fn fields(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|v| (v.field, v.reason)).collect()
}

pub fn soms(units: i64) -> Option<Money> {
    Some(Money { currency_code: "KGS".into(), units, nanos: 0 })
}

/// 12:00 UTC on a day.
pub fn noon(days_since_1970: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: days_since_1970 * 86_400 + 43_200, nanos: 0 })
}

/// "leather=press third_row".
pub fn selections(text: &str) -> Vec<pb::Selection> {
    let selection = |part: &str| {
        let (option, value) = part.split_once('=').unwrap_or((part, ""));
        pb::Selection { option: option.into(), value: value.into() }
    };
    text.split_whitespace().map(selection).collect()
}

/// "evopoliki/eva_mats", "suv" or "lexus" or "toyota/camry", what is selected.
pub fn ask(product: &str, car: &str, selected: &str) -> pb::QuotePriceRequest {
    let (tenant, category) = product.split_once('/').unwrap();
    let body = car.parse::<lekalo::domain::vehicle::BodyType>().map(|body| body.to_string());
    let (brand, model) = car.split_once('/').unwrap_or((car, ""));
    pb::QuotePriceRequest {
        tenant: tenant.into(),
        category: category.into(),
        brand: if body.is_ok() { String::new() } else { brand.into() },
        model: model.into(),
        body_type: body.unwrap_or_default(),
        selections: selections(selected),
        ..Default::default()
    }
}

pub async fn quote(client: &mut Client, request: pb::QuotePriceRequest) -> pb::Quote {
    client.quote_price(request).await.unwrap().into_inner().quote.unwrap()
}

pub async fn refused(client: &mut Client, request: pb::QuotePriceRequest) -> Status {
    client.quote_price(request).await.unwrap_err()
}

/// A fixed price for EVA mats in a SUV.
pub fn suv(amount: i64) -> pb::Price {
    pb::Price {
        category: "eva_mats".into(),
        body_type: "suv".into(),
        kind: pb::PriceKind::Fixed.into(),
        amount: soms(amount),
        ..Default::default()
    }
}

pub async fn set(client: &mut Client, prices: Vec<pb::Price>) -> Result<Vec<pb::Price>, Status> {
    let request = pb::SetPricesRequest { tenant: "evopoliki".into(), prices, ..Default::default() };
    Ok(client.set_prices(request).await?.into_inner().prices)
}
