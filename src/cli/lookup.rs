//! Tenants and categories as people type them. Here everybody may know what there is, so a wrong name is answered with the
//! one that was probably meant; callers of the service are told of nobody else's.

use super::database::DatabaseArgs;
use super::output::UserError;
use crate::db::catalog::CategoryRef;
use crate::db::{self, Db};
use crate::domain::Error;
use crate::domain::tenant::Tenant;

/// How alike two names must be for one to be the other with a typo.
const ALIKE: f64 = 0.8;
/// How many names are told where none is alike.
const TOLD: usize = 10;

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
    Err(UserError::error(missing.to_string(), meant(slug, &slugs)))
}

/// A category by its code or alias.
///
/// # Errors
/// The user's, with what to say instead.
pub async fn category(own: db::Tenant<'_>, tenant: &Tenant, code: &str) -> anyhow::Result<CategoryRef> {
    match own.find_category(code).await {
        Err(missing @ Error::NotFound { .. }) => {
            let sold = own.complete(tenant.clone()).await?.categories;
            Err(UserError::error(missing.to_string(), meant(code, &sold)))
        }
        found => Ok(found?),
    }
}

fn meant(typed: &str, known: &[String]) -> String {
    let likeness = |name: &&String| strsim::jaro_winkler(name, &typed.to_lowercase());
    match known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(nearest) if likeness(&nearest) >= ALIKE => format!("did you mean `{nearest}`?"),
        _ => {
            let more = if known.len() > TOLD { ", …" } else { "" };
            format!("there are: {}{more}", known.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", "))
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
            assert_eq!(meant(typed, &known), hint, "{typed}");
        }
        let many: Vec<String> = (0..12).map(|number| format!("shop{number}")).collect();
        assert!(meant("x", &many).ends_with("shop9, …"), "{}", meant("x", &many));
    }
}
