//! GetApplicationStats: how many applications were created on each day.

use crate::domain::Result;
use crate::domain::application::stats::{Days, Stats};
use crate::grpc::Services;
use crate::grpc::convert::how_many_fit;
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
    let days = Days::read(["first_day", "last_day"], &first_day, &last_day).unwrap_or_else(|violations| {
        // What was refused already is not missing as well.
        for violation in violations {
            check.refuse(&violation.field, violation.reason, violation.description);
        }
        None
    });

    let scope = services.scope(check, &tenant).await?;
    let time_zone = scope.tenant.time_zone;
    let Stats { days, counts } = scope.own.application_stats(days.as_ref(), &time_zone).await?;
    let counts: Vec<pb::ApplicationCount> = counts.into_iter().map(Into::into).collect();
    let (counts, last_day) = whole_days(counts, days.last);
    Ok(pb::GetApplicationStatsResponse {
        total: counts.iter().map(|count| count.count).fold(0, i32::saturating_add),
        counts,
        first_day: days.first,
        last_day,
        time_zone,
    })
}

/// As many days as go into an answer, each whole, and the last of them. One always does: with every status, kind and channel in
/// each of a hundred categories it has 0.6 MiB.
fn whole_days(mut counts: Vec<pb::ApplicationCount>, last_day: String) -> (Vec<pb::ApplicationCount>, String) {
    let Some(cut) = counts.get(how_many_fit(&counts)).map(|count| count.day.clone()) else { return (counts, last_day) };
    counts.truncate(counts.partition_point(|count| count.day < cut));
    let last_day = counts.last().map_or(cut, |count| count.day.clone());
    (counts, last_day)
}
