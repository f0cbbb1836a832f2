//! Tenants and categories as people type them. Whoever has the command line may know all of them, so a wrong name is answered
//! with the one that was probably meant; over gRPC a tenant's caller must not learn of others.

use super::database::DatabaseArgs;
use super::output::UserError;
use crate::db::catalog::CategoryRef;
use crate::db::{self, Db};
use crate::domain::Error;
use crate::domain::tenant::Tenant;

/// How similar (Jaro-Winkler) a name must be to be suggested.
const MIN_SIMILARITY: f64 = 0.8;
/// How many names to list where none is similar.
const MAX_LISTED: usize = 10;

/// A tenant by its slug.
///
/// # Errors
/// The user's, with what to say instead.
pub async fn tenant(db: &Db, slug: &str, args: &DatabaseArgs) -> anyhow::Result<Tenant> {
    let missing = match db.find_tenant(slug).await {
        Err(error @ Error::NotFound { .. }) => error,
        found => return Ok(found?),
    };
    let slugs: Vec<String> = db.tenant_ids().await?.into_iter().map(|(_, slug)| slug).collect();
    if slugs.is_empty() {
        return Err(UserError::error(
            format!("{missing}: there are no tenants yet"),
            format!("run `lekalo seed{}`", args.as_flags()),
        ));
    }
    Err(UserError::error(missing.to_string(), suggest(slug, &slugs)))
}

/// A category by its code or alias.
///
/// # Errors
/// The user's, with what to say instead.
pub async fn category(own: db::Tenant<'_>, tenant: &Tenant, code: &str) -> anyhow::Result<CategoryRef> {
    match own.find_category(code).await {
        Err(missing @ Error::NotFound { .. }) => {
            let sold = own.complete(tenant.clone()).await?.categories;
            Err(UserError::error(missing.to_string(), suggest(code, &sold)))
        }
        found => Ok(found?),
    }
}

fn suggest(typed: &str, known: &[String]) -> String {
    let similarity = |name: &&String| strsim::jaro_winkler(name, &typed.to_lowercase());
    if known.is_empty() {
        return "there are none".to_owned();
    }
    match known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))) {
        Some(nearest) if similarity(&nearest) >= MIN_SIMILARITY => format!("did you mean `{nearest}`?"),
        _ => {
            let more = if known.len() > MAX_LISTED { ", …" } else { "" };
            format!(
                "there are: {}{more}",
                known.iter().take(MAX_LISTED).map(String::as_str).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_told_from_another_name() {
        let known = ["evopoliki", "five_deluxe"].map(str::to_owned);
        for (typed, hint) in [
            ("evopolki", "did you mean `evopoliki`?"),
            ("Evopoliki", "did you mean `evopoliki`?"),
            ("five-deluxe", "did you mean `five_deluxe`?"),
            ("nobody", "there are: evopoliki, five_deluxe"),
        ] {
            assert_eq!(suggest(typed, &known), hint, "{typed}");
        }
        let many: Vec<String> = (0..12).map(|number| format!("shop{number}")).collect();
        assert!(suggest("x", &many).ends_with("shop9, …"), "{}", suggest("x", &many));
    }
}
