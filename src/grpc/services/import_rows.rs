//! ListImportRows and ListPatternRows: what became of every row of a price list, and the rows that a pattern came from.

use super::imports::scope_and_id;
use crate::domain::Result;
use crate::domain::error::Kind;
use crate::domain::id::numeric;
use crate::domain::import::PatternRow;
use crate::grpc::Services;
use crate::grpc::convert::{self, count, fitting};
use crate::grpc::validation::Validator;
use crate::proto::lekalo::v1 as pb;

pub async fn list_import_rows(
    services: &Services,
    request: pb::ListImportRowsRequest,
) -> Result<pb::ListImportRowsResponse> {
    let mut check = Validator::default();
    let outcome: pb::RowOutcome = check.enumeration("outcome", request.outcome);
    let bound_to = ["list_import_rows", &request.tenant, &request.id, outcome.as_str_name(), &request.language];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let language = check.language("language", request.language);

    let (scope, id) = scope_and_id(services, check, request.tenant, request.id).await?;
    let found = scope.own.list_import_rows(id, convert::outcome(outcome), &page).await?;
    let total_size = count(found.total);
    let language = language.unwrap_or(scope.tenant.default_language);
    let (rows, next_page_token) = fitting(&page, found, |row| row.in_language(language).into());
    let language = language.word().to_owned();
    Ok(pb::ListImportRowsResponse { rows, next_page_token, total_size, language })
}

pub async fn list_pattern_rows(
    services: &Services,
    request: pb::ListPatternRowsRequest,
) -> Result<pb::ListPatternRowsResponse> {
    let mut check = Validator::default();
    let bound_to = ["list_pattern_rows", &request.tenant, &request.pattern_id, &request.language];
    let page =
        check.page(services.db.page_key().await?, request.page_size, &request.page_token, request.skip, &bound_to);
    let tenant = check.name("tenant", request.tenant);
    let pattern_id = check.name("pattern_id", request.pattern_id);
    let language = check.language("language", request.language);

    let scope = services.scope(check, &tenant).await?;
    let id = numeric(Kind::Pattern, &pattern_id)?;
    let found = scope.own.list_pattern_rows(id, &page).await?;
    let total_size = count(found.total);
    let language = language.unwrap_or(scope.tenant.default_language);
    let in_language = |row: PatternRow| PatternRow { found: row.found.in_language(language), ..row };
    let (rows, next_page_token) = fitting(&page, found, |row| in_language(row).into());
    let language = language.word().to_owned();
    Ok(pb::ListPatternRowsResponse { rows, next_page_token, total_size, language })
}
