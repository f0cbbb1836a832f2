//! GetApplicationStats: how many applications were created on each day.

use crate::domain::Result;
use crate::domain::application::stats::Days;
use crate::grpc::Services;
use crate::grpc::convert::count;
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn get_application_stats(
    services: &Services,
    request: pb::GetApplicationStatsRequest,
) -> Result<pb::GetApplicationStatsResponse> {
    let mut check = Validator::default();
    let tenant = check.name("tenant", request.tenant);
    let first_day = check.optional_name("first_day", request.first_day);
    let last_day = check.optional_name("last_day", request.last_day);
    let days = Days::read(&first_day, &last_day).unwrap_or_else(|violations| {
        // What was refused already is not missing as well.
        for violation in violations {
            check.refuse(&violation.field, violation.reason, violation.description);
        }
        None
    });

    let scope = services.scope(check, &tenant).await?;
    let time_zone = scope.tenant.time_zone;
    let stats = scope.own.application_stats(days.as_ref(), &time_zone).await?;
    Ok(pb::GetApplicationStatsResponse {
        total: count(stats.total()),
        counts: stats.counts.into_iter().map(Into::into).collect(),
        first_day: stats.days.first,
        last_day: stats.days.last,
        time_zone,
    })
}
