//! Creating and changing tenants. Each step runs in the caller's transaction.

use std::collections::HashSet;

use tokio_postgres::types::Type;

use super::catalog_writes::{CatalogChange, Whose};
use super::query::{Query, at_most_one, one};
use super::{Db, Transaction};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::tenant::{self, Channel, Contact, TenantChange, TenantId};

impl Db {
    /// Whether PostgreSQL knows the time zone. It reads hundreds of files to say so, hence only once.
    pub async fn is_time_zone(&self, name: &str) -> Result<bool> {
        let read = async || {
            let [rows] = self.read([Query::new("-- time_zones\nSELECT name FROM pg_timezone_names")]).await?;
            rows.iter().map(|row| Ok(row.try_get("name")?)).collect::<Result<HashSet<String>>>()
        };
        Ok(self.time_zones.get_or_try_init(read).await?.contains(name))
    }
}

/// The channels' words and the bots' ids on them.
fn columns<'a>(channels: &[&'a Channel]) -> (Vec<&'a str>, Vec<&'a str>) {
    channels.iter().map(|bot| (bot.channel.as_str(), bot.external_id.as_str())).unzip()
}

impl Transaction {
    /// Makes a tenant and goes on in its context.
    ///
    /// # Errors
    /// `AlreadyExists` `TENANT_EXISTS` where the slug is taken.
    pub async fn create_tenant(&mut self, slug: &str, currency: &str, change: &TenantChange) -> Result<()> {
        let rows = self
            .query(
                Query::new(
                    "-- create_tenant
                    INSERT INTO tenants (slug, display_name, currency)
                    VALUES ($1 /* slug */, $2 /* display_name */, $3 /* currency */)
                    ON CONFLICT (slug) DO NOTHING
                    RETURNING id",
                )
                .bind(&slug, Type::TEXT)
                .bind(&change.display_name, Type::TEXT)
                .bind(&currency, Type::TEXT),
            )
            .await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::AlreadyExists {
            reason: "TENANT_EXISTS",
            message: format!("another tenant is called `{slug}`"),
            metadata: vec![("tenant", slug.to_owned())],
        })?;
        let id = TenantId(row.try_get("id")?);
        self.enter(id).await?;
        self.changes(Change::of(ResourceKind::Tenant, slug, "created"));
        self.change_tenant(id, change).await
    }

    /// The tenant's revision; nobody else changes the tenant until this transaction ends. Rows that refer to it come all the
    /// same: an import's, or a `request_id` that was claimed before this.
    pub async fn lock_tenant(&self, id: TenantId) -> Result<i64> {
        let rows = self
            .query(
                Query::new(
                    "-- lock_tenant
                    SELECT revision FROM tenants WHERE id = $1 /* id */ FOR NO KEY UPDATE",
                )
                .bind(&id.0, Type::INT8),
            )
            .await?;
        Ok(one(rows)?.try_get("revision")?)
    }

    /// Writes what is given; lists are replaced as a whole.
    ///
    /// # Errors
    /// `NotFound` for an unknown category, `AlreadyExists` `CHANNEL_TAKEN` for another tenant's bot.
    pub async fn update_tenant(&self, tenant: &tenant::Tenant, change: &TenantChange) -> Result<()> {
        let fields = change.fields().join(", ");
        self.changes(Change::of(ResourceKind::Tenant, &tenant.slug, format!("updated: {fields}")));
        self.change_tenant(tenant.id, change).await
    }

    async fn change_tenant(&self, id: TenantId, change: &TenantChange) -> Result<()> {
        let language = change.default_language.map(|language| language.word());
        let changed = self
            .query(
                Query::new(
                    "-- change_tenant
                UPDATE tenants
                SET display_name = coalesce($2 /* display_name */, display_name),
                    default_language = coalesce($3 /* default_language */, default_language),
                    time_zone = coalesce($4 /* time_zone */, time_zone),
                    prices_visible = coalesce($5 /* prices_visible */, prices_visible),
                    active = coalesce($6 /* active */, active),
                    settings = coalesce($7 /* settings */, settings),
                    revision = revision + 1, catalog_version = catalog_version + 1, updated_at = now()
                WHERE id = $1 /* id */
                RETURNING catalog_version",
                )
                .bind(&id.0, Type::INT8)
                .bind(&change.display_name, Type::TEXT)
                .bind(&language, Type::TEXT)
                .bind(&change.time_zone, Type::TEXT)
                .bind(&change.prices_visible, Type::BOOL)
                .bind(&change.active, Type::BOOL)
                .bind(&change.settings, Type::JSONB),
            )
            .await?;
        self.note_catalog_change("tenant", Whose::Of(id), one(changed)?.try_get("catalog_version")?);
        if let Some(contacts) = &change.contacts {
            self.replace_contacts(id, contacts).await?;
        }
        if let Some(channels) = &change.channels {
            self.replace_channels(id, channels).await?;
        }
        if let Some(categories) = &change.categories {
            self.replace_categories(id, categories).await?;
        }
        Ok(())
    }

    /// Tells clients that what they keep of the tenant's catalog, prices and texts is stale.
    pub(super) async fn bump_catalog_version(&self, cause: &'static str) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        let bumped = self
            .query(
                Query::new(
                    "-- bump_catalog_version
                    UPDATE tenants
                    SET catalog_version = catalog_version + 1
                    WHERE id = $1 /* id */
                    RETURNING catalog_version",
                )
                .bind(&tenant_id, Type::INT8),
            )
            .await?;
        self.note_catalog_change(cause, Whose::Of(TenantId(tenant_id)), one(bumped)?.try_get("catalog_version")?);
        Ok(())
    }

    /// Has it told once it lasts.
    pub(super) fn note_catalog_change(&self, cause: &'static str, whose: Whose, version: Option<i64>) {
        self.catalog_change.get_or_init(|| CatalogChange { cause, whose, version });
    }

    async fn replace_contacts(&self, id: TenantId, contacts: &[Contact]) -> Result<()> {
        let kinds: Vec<&str> = contacts.iter().map(|contact| contact.kind.as_str()).collect();
        let values: Vec<&str> = contacts.iter().map(|contact| contact.value.as_str()).collect();
        self.execute(
            Query::new(
                "-- delete_contacts
                DELETE FROM tenant_contacts WHERE tenant_id = $1 /* tenant_id */",
            )
            .bind(&id.0, Type::INT8),
        )
        .await?;
        self.execute(
            Query::new(
                "-- insert_contacts
                INSERT INTO tenant_contacts (tenant_id, kind, value, sort_order)
                SELECT $1 /* tenant_id */, kind, value, place
                FROM unnest($2::text[] /* kinds */, $3::text[] /* values */) WITH ORDINALITY AS c (kind, value, place)
                ON CONFLICT DO NOTHING",
            )
            .bind(&id.0, Type::INT8)
            .bind(&kinds, Type::TEXT_ARRAY)
            .bind(&values, Type::TEXT_ARRAY),
        )
        .await?;
        Ok(())
    }

    /// What is pending and is the shop's already stays so; of anything else that is pending nobody learns whose it is.
    async fn replace_channels(&self, id: TenantId, channels: &[Channel]) -> Result<()> {
        let (pending, approved): (Vec<&Channel>, Vec<&Channel>) = channels.iter().partition(|bot| bot.pending);
        self.execute(
            Query::new(
                "-- delete_claims
                DELETE FROM channel_claims WHERE tenant_id = $1 /* tenant_id */",
            )
            .bind(&id.0, Type::INT8),
        )
        .await?;
        let (kinds, ids) = columns(&pending);
        self.execute(
            Query::new(
                "-- delete_channels
                DELETE FROM tenant_channels
                WHERE tenant_id = $1 /* tenant_id */
                  AND (channel, external_id) NOT IN (SELECT kept.channel, kept.external_id
                                                     FROM unnest($2::text[] /* channels */, $3::text[] /* external_ids */)
                                                          AS kept (channel, external_id))",
            )
            .bind(&id.0, Type::INT8)
            .bind(&kinds, Type::TEXT_ARRAY)
            .bind(&ids, Type::TEXT_ARRAY),
        )
        .await?;
        self.approve_channels(id, &approved).await?;
        self.execute(
            Query::new(
                "-- claim_channels
                INSERT INTO channel_claims (tenant_id, channel, external_id)
                SELECT $1 /* tenant_id */, named.channel, named.external_id
                FROM unnest($2::text[] /* channels */, $3::text[] /* external_ids */) AS named (channel, external_id)
                WHERE NOT EXISTS (SELECT FROM tenant_channels c
                                  WHERE c.tenant_id = $1
                                    AND c.channel = named.channel AND c.external_id = named.external_id)",
            )
            .bind(&id.0, Type::INT8)
            .bind(&kinds, Type::TEXT_ARRAY)
            .bind(&ids, Type::TEXT_ARRAY),
        )
        .await?;
        Ok(())
    }

    async fn approve_channels(&self, id: TenantId, channels: &[&Channel]) -> Result<()> {
        let (kinds, ids) = columns(channels);
        let written = self
            .query(
                Query::new(
                    "-- insert_channels
                    INSERT INTO tenant_channels (channel, external_id, tenant_id)
                    SELECT channel, external_id, $1 /* tenant_id */
                    FROM unnest($2::text[] /* channels */, $3::text[] /* external_ids */) AS c (channel, external_id)
                    ON CONFLICT (channel, external_id) DO NOTHING
                    RETURNING channel, external_id",
                )
                .bind(&id.0, Type::INT8)
                .bind(&kinds, Type::TEXT_ARRAY)
                .bind(&ids, Type::TEXT_ARRAY),
            )
            .await?;
        let written: Vec<(&str, &str)> = written
            .iter()
            .map(|row| Ok((row.try_get("channel")?, row.try_get("external_id")?)))
            .collect::<Result<_>>()?;
        let taken = |channel: &&&Channel| !written.contains(&(channel.channel.as_str(), channel.external_id.as_str()));
        match channels.iter().find(taken) {
            None => Ok(()),
            Some(Channel { channel, external_id, .. }) => Err(Error::AlreadyExists {
                reason: "CHANNEL_TAKEN",
                message: format!("the {channel} bot `{external_id}` speaks for another tenant"),
                metadata: vec![("channel", channel.clone()), ("external_id", external_id.clone())],
            }),
        }
    }

    /// A category that is no longer sold keeps its patterns and prices, out of sight.
    async fn replace_categories(&self, id: TenantId, names: &[String]) -> Result<()> {
        self.execute(
            Query::new(
                "-- retire_categories
                UPDATE tenant_categories SET active = false, revision = revision + 1
                WHERE tenant_id = $1 /* tenant_id */",
            )
            .bind(&id.0, Type::INT8),
        )
        .await?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.find_categories(&names).await?;
        let unknown: Vec<&str> = names.iter().copied().filter(|name| !found.contains_key(*name)).collect();
        if !unknown.is_empty() {
            return Err(Error::not_found(Kind::Category, unknown.join("`, `")));
        }
        let ids: Vec<i64> = names.iter().filter_map(|name| found.get(*name)).map(|category| category.id).collect();
        for (place, id) in ids.iter().enumerate() {
            if let Some(first) = ids[..place].iter().position(|earlier| earlier == id) {
                let problem = format!("`{}` is the same category as `{}`", names[place], names[first]);
                return Err(Error::invalid(format!("tenant.categories[{place}]"), "FIELD_INVALID", problem));
            }
        }
        self.sell_shared(id, &ids).await?;
        self.execute(
            Query::new(
                "-- sell_categories
                UPDATE tenant_categories tc
                SET active = true, sort_order = asked.place - 1
                FROM unnest($2::bigint[] /* ids */) WITH ORDINALITY AS asked (id, place)
                WHERE tc.tenant_id = $1 /* tenant_id */ AND tc.category_id = asked.id",
            )
            .bind(&id.0, Type::INT8)
            .bind(&ids, Type::INT8_ARRAY),
        )
        .await?;
        Ok(())
    }

    /// Gives a tenant those of these shared categories that it has never sold, with all their options.
    pub(super) async fn sell_shared(&self, id: TenantId, ids: &[i64]) -> Result<()> {
        self.execute(
            Query::new(
                "-- sell_shared_categories
                INSERT INTO tenant_categories (tenant_id, category_id, options)
                SELECT $1 /* tenant_id */, c.id,
                       ARRAY(SELECT o.code FROM product_options o WHERE o.category_id = c.id
                             ORDER BY o.sort_order, o.code)
                FROM product_categories c
                WHERE c.id = ANY ($2 /* ids */)
                ON CONFLICT (tenant_id, category_id) DO NOTHING",
            )
            .bind(&id.0, Type::INT8)
            .bind(&ids, Type::INT8_ARRAY),
        )
        .await?;
        Ok(())
    }
}
