//! Whom a request is about: from checked fields to the tenant, and what it sells and speaks.
//!
//! A handler checks all its fields, then hands its [`Validator`] over for a [`Scope`], so that the database is asked nothing
//! before every bad field is known (but for a time zone, which it knows). What more than one handler looks up next becomes a
//! method of [`Scope`].

use super::validation::Validator;
use super::{Services, call};
use crate::db;
use crate::db::catalog::CategoryRef;
use crate::domain::error::{Error, Kind, Result};
use crate::domain::tenant::{Language, Tenant};

/// A tenant that a request names.
pub struct Scope<'a> {
    pub tenant: Tenant,
    /// The way to its data.
    pub own: db::Tenant<'a>,
}

impl Services {
    /// Refuses the request if anything is wrong with it, then finds its tenant.
    ///
    /// # Errors
    /// `Invalid` with every violation, `NotFound` where there is no such tenant.
    pub async fn scope(&self, check: Validator, tenant: &str) -> Result<Scope<'_>> {
        check.done()?;
        let tenant = self.find_tenant(tenant).await?;
        let own = self.db.tenant(tenant.id);
        Ok(Scope { tenant, own })
    }

    /// The tenant that the call at hand is about. One that its caller's key or JWT is not for does not exist to it.
    ///
    /// # Errors
    /// `NotFound` where there is no such tenant.
    pub async fn find_tenant(&self, slug: &str) -> Result<Tenant> {
        self.visible(Some(self.db.find_tenant(slug).await?), slug)
    }

    /// The tenant that was found, if the caller may know of it; `asked` is what it was looked for by.
    ///
    /// # Errors
    /// `NotFound` where there is none, or none for this caller.
    pub fn visible(&self, found: Option<Tenant>, asked: &str) -> Result<Tenant> {
        let reach = &call::caller()?.reach;
        let tenant = found.filter(|tenant| reach.covers(tenant.id, &tenant.slug));
        let tenant = tenant.ok_or_else(|| Error::not_found(Kind::Tenant, asked))?;
        call::is_about(&tenant.slug);
        Ok(tenant)
    }
}

impl Scope<'_> {
    /// A category of the tenant's, by code or alias.
    ///
    /// # Errors
    /// `NotFound` where there is none, `FailedPrecondition` where the tenant does not sell it.
    pub async fn sold_category(&self, category: &str) -> Result<CategoryRef> {
        self.own.find_category(category).await?.sold_by(&self.tenant.slug)
    }

    /// The language to answer in, the tenant's own where none was asked for, and in which order to look for names.
    pub fn languages(&self, asked: Option<Language>) -> (Language, Vec<Language>) {
        let asked = asked.unwrap_or(self.tenant.default_language);
        (asked, asked.fallbacks(self.tenant.default_language))
    }
}
