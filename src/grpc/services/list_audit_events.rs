//! ListAuditEvents: who changed what, when and from where.

use crate::domain::Result;
use crate::domain::api_key::MARK;
use crate::domain::audit::{Event, Filter};
use crate::domain::page::Page;
use crate::grpc::convert::{count, fitting};
use crate::grpc::validation::{INVALID, OUT_OF_RANGE, Validator, given};
use crate::grpc::{Services, call};
use crate::proto::lekalo::v1 as pb;

/// The longest method and the longest resource.
const MAX_TEXT: usize = 128;

pub async fn list_audit_events(
    services: &Services,
    request: pb::ListAuditEventsRequest,
) -> Result<pb::ListAuditEventsResponse> {
    let mut check = Validator::default();
    let slug = check.optional_name("tenant", request.tenant.clone());
    let filter = Filter {
        occurred_after: check.any_time("occurred_after", request.occurred_after),
        occurred_before: check.any_time("occurred_before", request.occurred_before),
        method: given(check.text("method", request.method, MAX_TEXT)),
        key_prefix: given(check.optional_name("key_prefix", request.key_prefix)),
        resource: given(check.text("resource", request.resource, MAX_TEXT)),
    };
    refuse_what_is_none(&mut check, &filter);
    let filter_text = format!("{filter:?}");
    let bound_to = ["list_audit_events", &request.tenant, &filter_text];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    check.done()?;

    let found: Page<Event> = match slug.as_str() {
        "" => {
            call::caller()?.must_be_for_every_tenant()?;
            services.db.list_audit_events(&filter, &page).await?
        }
        slug => {
            let tenant = services.find_tenant(slug).await?;
            services.db.tenant(tenant.id).list_audit_events(&filter, &page).await?
        }
    };
    let total_size = count(found.total);
    let (audit_events, next_page_token) = fitting(&page, found, Into::into);
    Ok(pb::ListAuditEventsResponse { audit_events, next_page_token, total_size })
}

/// Refuses what no event can have: it is a slip, and would find nothing without a word.
fn refuse_what_is_none(check: &mut Validator, filter: &Filter) {
    if let (Some(after), Some(before)) = (filter.occurred_after, filter.occurred_before)
        && before <= after
    {
        check.refuse("occurred_before", OUT_OF_RANGE, "must be after occurred_after");
    }
    let is_of_a_method = |ch: char| ch.is_ascii_alphanumeric() || "./- ".contains(ch);
    if filter.method.as_ref().is_some_and(|method| !method.chars().all(is_of_a_method)) {
        check.refuse("method", INVALID, "must be a method or a command, such as SetPrices or `lekalo key issue`");
    }
    // Whoever gives a whole key by mistake is told so, and it is nowhere repeated.
    let is_prefix = |prefix: &str| {
        prefix.strip_prefix(MARK).is_some_and(|id| !id.is_empty() && id.chars().all(|ch| ch.is_ascii_alphanumeric()))
    };
    if filter.key_prefix.as_ref().is_some_and(|prefix| !is_prefix(prefix)) {
        check.refuse("key_prefix", INVALID, "must be a key's prefix, such as lk_Ab12Cd34Ef56");
    }
}
