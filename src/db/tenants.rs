//! Tenants and their contacts.

use std::collections::HashMap;

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::Db;
use super::query::{Query, at_most_one, one, word};
use crate::domain::api_key::Reach;
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::{CatalogMark, Channel, Contact, Tenant, TenantId};

/// What [`tenant`] reads, of `tenants t`.
macro_rules! tenant_columns {
    () => {
        "t.id, t.slug, t.display_name, t.default_language, t.currency, t.time_zone, t.prices_visible, t.active,
               t.settings, t.catalog_version, (SELECT r.catalog_version FROM vehicle_reference r) AS shared_version,
               t.revision"
    };
}

impl Db {
    /// Every tenant, by slug.
    pub async fn tenant_ids(&self) -> Result<Vec<(TenantId, String)>> {
        let [rows] = self
            .read([Query::new(
                "-- tenant_ids
                SELECT id, slug FROM tenants ORDER BY slug",
            )])
            .await?;
        rows.iter().map(|row| Ok((TenantId(row.try_get("id")?), row.try_get("slug")?))).collect()
    }

    /// Those of these slugs that there are.
    pub async fn tenants_by_slug(&self, slugs: &[String]) -> Result<HashMap<String, TenantId>> {
        let [rows] = self.read([by_slug(&slugs)]).await?;
        tenants_by_slug(rows)
    }

    /// The numbers of a reach's tenants; none is every tenant.
    pub(super) async fn tenant_numbers(&self, reach: &Reach) -> Result<Option<Vec<i64>>> {
        let found = match reach.slugs() {
            [] => HashMap::new(),
            slugs => self.tenants_by_slug(slugs).await?,
        };
        Ok(reach.numbers(&found))
    }

    /// The tenant of that slug, without what its own tables say.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn find_tenant(&self, slug: &str) -> Result<Tenant> {
        let [rows] = self.read([find_tenant(&slug)]).await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Tenant, slug))?;
        tenant(&row)
    }

    /// One page of the tenants within a reach by slug, without what their own tables say.
    pub async fn list_tenants(&self, within: &Reach, page: &PageRequest) -> Result<Page<Tenant>> {
        let within = self.tenant_numbers(within).await?;
        let after = page.after.as_ref().map(|key| key.id.as_str());
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(concat!(
                    "-- list_tenants
                    SELECT ",
                    tenant_columns!(),
                    " FROM tenants t
                    WHERE ($1 /* after */ IS NULL OR slug COLLATE \"C\" > $1)
                      AND ($4 /* within */ IS NULL OR id = ANY ($4))
                    ORDER BY slug COLLATE \"C\"
                    LIMIT $2 /* limit */ OFFSET $3 /* skip */",
                ))
                .bind(&after, Type::TEXT)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8)
                .bind(&within, Type::INT8_ARRAY),
                Query::new(
                    "-- count_tenants
                    SELECT count(*) AS total FROM tenants WHERE $1 /* within */ IS NULL OR id = ANY ($1)",
                )
                .bind(&within, Type::INT8_ARRAY),
            ])
            .await?;
        let tenants = rows.iter().map(tenant).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(tenants, total, |tenant| SortKey { id: tenant.slug.clone(), ..SortKey::default() }))
    }
}

impl super::Tenant<'_> {
    /// Adds what the tenant's own tables say of it: contacts, channels, categories.
    pub async fn complete(&self, tenant: Tenant) -> Result<Tenant> {
        let answers = self.read(own_rows(&self.id.0)).await?;
        complete(tenant, answers)
    }
}

impl super::Transaction {
    /// The tenant as this transaction has made it.
    pub async fn read_tenant(&self, slug: &str) -> Result<Tenant> {
        let tenant = tenant(&one(self.query(find_tenant(&slug)).await?)?)?;
        let answers = self.query_all(own_rows(&tenant.id.0)).await?;
        complete(tenant.clone(), answers)
    }
}

pub(super) fn by_slug<'a>(slugs: &'a (dyn ToSql + Sync)) -> Query<'a> {
    Query::new(
        "-- tenants_by_slug
        SELECT id, slug FROM tenants WHERE slug = ANY ($1 /* slugs */)",
    )
    .bind(slugs, Type::TEXT_ARRAY)
}

pub(super) fn tenants_by_slug(rows: Vec<Row>) -> Result<HashMap<String, TenantId>> {
    rows.iter().map(|row| Ok((row.try_get("slug")?, TenantId(row.try_get("id")?)))).collect()
}

fn find_tenant<'a>(slug: &'a &str) -> Query<'a> {
    Query::new(concat!(
        "-- find_tenant
        SELECT ",
        tenant_columns!(),
        " FROM tenants t
        WHERE t.slug = $1 /* slug */",
    ))
    .bind(slug, Type::TEXT)
}

pub(super) fn by_id(id: &i64) -> Query<'_> {
    Query::new(concat!(
        "-- tenant_by_id
        SELECT ",
        tenant_columns!(),
        " FROM tenants t
        WHERE t.id = $1 /* id */",
    ))
    .bind(id, Type::INT8)
}

pub(super) fn own_rows(tenant_id: &i64) -> [Query<'_>; 4] {
    [
        Query::new(
            "-- list_contacts
            SELECT kind, value
            FROM tenant_contacts
            WHERE tenant_id = $1 /* tenant_id */
            ORDER BY sort_order, kind, value",
        )
        .bind(tenant_id, Type::INT8),
        Query::new(
            "-- list_channels
            SELECT channel, external_id, false AS pending
            FROM tenant_channels
            WHERE tenant_id = $1 /* tenant_id */
            UNION ALL
            SELECT channel, external_id, true
            FROM channel_claims
            WHERE tenant_id = $1
              AND (channel, external_id) NOT IN (SELECT c.channel, c.external_id FROM tenant_channels c WHERE c.tenant_id = $1)
            ORDER BY channel, external_id",
        )
        .bind(tenant_id, Type::INT8),
        Query::new(
            "-- list_category_codes
            SELECT coalesce(tc.code, c.code) AS code
            FROM tenant_categories tc
            LEFT JOIN product_categories c ON c.id = tc.category_id
            WHERE tc.tenant_id = $1 /* tenant_id */ AND tc.active
            ORDER BY tc.sort_order, coalesce(tc.code, c.code)",
        )
        .bind(tenant_id, Type::INT8),
        Query::new(
            "-- count_price_changes
            SELECT count(*) AS changes
            FROM prices p
            CROSS JOIN LATERAL (VALUES (lower(p.validity)), (upper(p.validity))) AS bounds (bound)
            WHERE p.tenant_id = $1 /* tenant_id */ AND bound <= clock_timestamp()",
        )
        .bind(tenant_id, Type::INT8),
    ]
}

pub(super) fn complete(mut tenant: Tenant, [contacts, channels, categories, prices]: [Vec<Row>; 4]) -> Result<Tenant> {
    for row in &contacts {
        tenant.contacts.push(Contact { kind: row.try_get("kind")?, value: row.try_get("value")? });
    }
    for row in &channels {
        let (channel, external_id) = (row.try_get("channel")?, row.try_get("external_id")?);
        tenant.channels.push(Channel { channel, external_id, pending: row.try_get("pending")? });
    }
    for row in &categories {
        tenant.categories.push(row.try_get("code")?);
    }
    tenant.catalog.price_changes = one(prices)?.try_get("changes")?;
    Ok(tenant)
}

pub(super) fn tenant(row: &Row) -> Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        display_name: row.try_get("display_name")?,
        default_language: word(row, "default_language")?,
        currency: row.try_get("currency")?,
        time_zone: row.try_get("time_zone")?,
        prices_visible: row.try_get("prices_visible")?,
        active: row.try_get("active")?,
        contacts: Vec::new(),
        channels: Vec::new(),
        categories: Vec::new(),
        settings: row.try_get("settings")?,
        catalog: CatalogMark {
            own: row.try_get("catalog_version")?,
            shared: row.try_get("shared_version")?,
            price_changes: 0,
        },
        revision: row.try_get("revision")?,
    })
}
