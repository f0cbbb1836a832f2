//! Whom a request is about: from checked fields to the tenant, and what it sells and speaks.
//!
//! A handler checks all its fields, then hands its [`Validator`] over for a [`Scope`], so that the database is asked nothing
//! before every bad field is known (but for a time zone, which it knows). What more than one handler looks up next becomes a
//! method of [`Scope`].

use std::sync::Arc;
use std::time::SystemTime;

use super::validation::Validator;
use super::{Services, call};
use crate::catalog::{Catalog, Catalogs, Category, Current, Needs};
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

/// The catalog that a request is answered from.
pub struct Shop {
    pub catalog: Arc<Catalog>,
    catalogs: Arc<Catalogs>,
}

impl Services {
    /// Refuses the request if anything is wrong with it, then finds its tenant's catalog.
    ///
    /// # Errors
    /// `Invalid` with every violation, `NotFound` where there is no such tenant.
    pub async fn shop(&self, check: Validator, tenant: &str) -> Result<Shop> {
        check.done()?;
        self.shop_of(tenant).await
    }

    /// The catalog of the tenant that the call at hand is about. One that its caller's key or JWT is not for does not exist to
    /// it.
    ///
    /// # Errors
    /// `NotFound` where there is no such tenant.
    pub async fn shop_of(&self, slug: &str) -> Result<Shop> {
        let reach = &call::caller()?.reach;
        let least = call::min_catalog_version()?;
        let current = self.catalogs.of_slug(slug, least, |id| reach.covers(id, slug)).await?;
        Ok(self.answer_from(current))
    }

    /// The catalog of the tenant that a bot speaks for.
    ///
    /// # Errors
    /// `NotFound` where it speaks for none that this caller may know of.
    pub async fn shop_of_bot(&self, channel: &str, external_id: &str) -> Result<Shop> {
        let reach = &call::caller()?.reach;
        let least = call::min_catalog_version()?;
        let found = self.catalogs.of_bot(channel, external_id, least, |id, slug| reach.covers(id, slug)).await?;
        let not_found = || Error::not_found(Kind::Tenant, format!("{channel}:{external_id}"));
        Ok(self.answer_from(found.ok_or_else(not_found)?))
    }

    fn answer_from(&self, current: Current) -> Shop {
        call::is_about(&current.catalog.tenant.slug);
        call::is_answered_from(&current);
        Shop { catalog: current.catalog, catalogs: self.catalogs.clone() }
    }

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
}

impl Shop {
    /// With the patterns of the category of that code or alias, where the tenant sells it.
    pub async fn with_patterns(self, category: &str) -> Result<Self> {
        match self.catalog.find_category(category) {
            Ok(category) if category.is_sold() => {
                let needs = Needs::Category(category.id());
                self.with(needs).await
            }
            _ => Ok(self),
        }
    }

    /// With the patterns of every category.
    pub async fn with_all_patterns(self) -> Result<Self> {
        self.with(Needs::Everything).await
    }

    async fn with(self, needs: Needs) -> Result<Self> {
        if self.catalog.has(needs) {
            return Ok(self);
        }
        let Self { catalog, catalogs } = self;
        let current = catalogs.get(catalog.tenant.id, needs).await?;
        let current = current.ok_or_else(|| Error::not_found(Kind::Tenant, &catalog.tenant.slug))?;
        call::is_answered_from(&current);
        Ok(Self { catalog: current.catalog, catalogs })
    }

    /// A category of the tenant's, by code or alias.
    ///
    /// # Errors
    /// `NotFound` where there is none, `FailedPrecondition` where the tenant does not sell it.
    pub fn sold_category(&self, category: &str) -> Result<Category<'_>> {
        self.catalog.find_category(category)?.sold_by(&self.catalog.tenant)
    }

    /// The language to answer in: the tenant's own where none was asked for.
    pub fn language(&self, asked: Option<Language>) -> Language {
        asked.unwrap_or(self.catalog.tenant.default_language)
    }

    /// The tenant as it is by now.
    pub fn tenant(&self) -> Tenant {
        self.catalog.tenant_at(self.now())
    }

    /// The time by which prices begin and end.
    pub fn now(&self) -> SystemTime {
        self.catalogs.now()
    }
}
