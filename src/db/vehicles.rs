//! Aliases of brands and models, shipped and taught.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::query::{Query, at_most_one, one};
use super::{Db, Transaction};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::vehicle::Alias;

/// An alias with when it was taught.
pub type CreatedAlias = (Alias, SystemTime);

impl Db {
    /// Grows whenever an alias is taught or deleted.
    pub async fn reference_version(&self) -> Result<i64> {
        let [rows] = self
            .read([Query::new(
                "-- reference_version
                SELECT version FROM vehicle_reference",
            )])
            .await?;
        Ok(one(rows)?.try_get("version")?)
    }

    /// Every alias there is.
    pub async fn all_aliases(&self) -> Result<Vec<Alias>> {
        let [rows] = self
            .read([Query::new(
                "-- all_aliases
                SELECT b.slug AS brand, coalesce(m.slug, '') AS model, a.alias, a.ambiguous, a.created_at
                FROM vehicle_aliases a
                JOIN brands b ON b.id = a.brand_id
                LEFT JOIN models m ON m.id = a.model_id
                ORDER BY a.id",
            )])
            .await?;
        rows.iter().map(|row| Ok(read_alias(row)?.0)).collect()
    }

    /// One page of aliases by brand, model, alias; all, or those of one brand or one model.
    pub async fn list_aliases(&self, brand: &str, model: &str, page: &PageRequest) -> Result<Page<CreatedAlias>> {
        self.find_car(brand, model).await?;
        let after = page.after.clone().map(|key| key.text);
        let (limit, skip) = (page.limit(), page.skip);
        let [rows, totals] = self
            .read([
                Query::new(
                    "-- list_aliases
                    SELECT brand, model, alias, ambiguous, created_at
                    FROM (
                        SELECT b.slug AS brand, coalesce(m.slug, '') AS model, a.alias, a.ambiguous, a.created_at,
                               concat_ws(E'\\x01', b.slug, coalesce(m.slug, ''), a.alias) COLLATE \"C\" AS place
                        FROM vehicle_aliases a
                        JOIN brands b ON b.id = a.brand_id
                        LEFT JOIN models m ON m.id = a.model_id
                        WHERE ($1 /* brand */ = '' OR b.slug = $1) AND ($2 /* model */ = '' OR m.slug = $2)
                    ) listed
                    WHERE $3 /* after */ IS NULL OR place > $3
                    ORDER BY place
                    LIMIT $4 /* limit */ OFFSET $5 /* skip */",
                )
                .bind(&brand, Type::TEXT)
                .bind(&model, Type::TEXT)
                .bind(&after, Type::TEXT)
                .bind(&limit, Type::INT8)
                .bind(&skip, Type::INT8),
                Query::new(
                    "-- count_aliases
                    SELECT count(*) AS total
                    FROM vehicle_aliases a
                    JOIN brands b ON b.id = a.brand_id
                    LEFT JOIN models m ON m.id = a.model_id
                    WHERE ($1 /* brand */ = '' OR b.slug = $1) AND ($2 /* model */ = '' OR m.slug = $2)",
                )
                .bind(&brand, Type::TEXT)
                .bind(&model, Type::TEXT),
            ])
            .await?;
        let aliases = rows.iter().map(read_alias).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(aliases, total, |(alias, _)| SortKey {
            text: format!("{}\u{1}{}\u{1}{}", alias.brand, alias.model, alias.alias),
            ..SortKey::default()
        }))
    }

    /// Makes sure that the reference has this brand and, unless empty, this model of it.
    ///
    /// # Errors
    /// `NotFound` for the one it lacks; an empty brand is no brand.
    pub async fn find_car(&self, brand: &str, model: &str) -> Result<()> {
        if brand.is_empty() {
            return Ok(());
        }
        let [rows] = self
            .read([Query::new(
                "-- find_car
                SELECT EXISTS (SELECT FROM models m WHERE m.brand_id = b.id AND m.slug = $2 /* model */) AS has_model
                FROM brands b
                WHERE b.slug = $1 /* brand */",
            )
            .bind(&brand, Type::TEXT)
            .bind(&model, Type::TEXT)])
            .await?;
        let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Brand, brand))?;
        if model.is_empty() || row.try_get("has_model")? {
            return Ok(());
        }
        Err(Error::not_found(Kind::Model, model))
    }
}

impl Transaction {
    /// Teaches an alias, or finds the one there is.
    pub async fn create_alias(&self, alias: &Alias) -> Result<CreatedAlias> {
        let inserted = self
            .execute(
                Query::new(
                    "-- create_alias
                    INSERT INTO vehicle_aliases (brand_id, model_id, alias, source)
                    SELECT b.id, m.id, $3 /* alias */, 'shop'
                    FROM brands b
                    LEFT JOIN models m ON m.brand_id = b.id AND m.slug = $2 /* model */
                    WHERE b.slug = $1 /* brand */
                    ON CONFLICT (brand_id, model_id, alias) DO NOTHING",
                )
                .bind(&alias.brand, Type::TEXT)
                .bind(&alias.model, Type::TEXT)
                .bind(&alias.alias, Type::TEXT),
            )
            .await?;
        if inserted > 0 {
            self.bump_reference().await?;
            let of = format!("taught: {} {}", alias.brand, alias.model);
            self.changes(Change::of(ResourceKind::Alias, &alias.alias, of.trim_end()));
        } else {
            self.changes_nothing();
        }
        let rows = self
            .query(
                Query::new(
                    "-- get_alias
                    SELECT b.slug AS brand, coalesce(m.slug, '') AS model, a.alias, a.ambiguous, a.created_at
                    FROM vehicle_aliases a
                    JOIN brands b ON b.id = a.brand_id
                    LEFT JOIN models m ON m.id = a.model_id
                    WHERE b.slug = $1 /* brand */ AND coalesce(m.slug, '') = $2 /* model */ AND a.alias = $3 /* alias */",
                )
                .bind(&alias.brand, Type::TEXT)
                .bind(&alias.model, Type::TEXT)
                .bind(&alias.alias, Type::TEXT),
            )
            .await?;
        read_alias(&one(rows)?)
    }

    /// Forgets aliases of a brand or model, written as they are stored; how many there were.
    pub async fn delete_aliases(&self, brand: &str, model: &str, aliases: &[String]) -> Result<u64> {
        let deleted = self
            .execute(
                Query::new(
                    "-- delete_aliases
                    DELETE FROM vehicle_aliases a
                    USING brands b
                    WHERE b.id = a.brand_id AND b.slug = $1 /* brand */ AND a.alias = ANY ($3 /* aliases */)
                      AND a.model_id IS NOT DISTINCT FROM
                          (SELECT m.id FROM models m WHERE m.brand_id = b.id AND m.slug = $2 /* model */)",
                )
                .bind(&brand, Type::TEXT)
                .bind(&model, Type::TEXT)
                .bind(&aliases, Type::TEXT_ARRAY),
            )
            .await?;
        if deleted > 0 {
            self.bump_reference().await?;
            let of = format!("deleted: {brand} {model}");
            let names = aliases.iter().map(String::as_str);
            self.changes(Change::of_all(ResourceKind::Alias, names, of.trim_end()));
        }
        Ok(deleted)
    }

    /// Tells every server to read the aliases anew.
    pub async fn bump_reference(&self) -> Result<()> {
        self.execute(Query::new(
            "-- bump_reference
            UPDATE vehicle_reference SET version = version + 1, catalog_version = catalog_version + 1",
        ))
        .await?;
        Ok(())
    }

    /// Tells every server to read anew what all catalogs share.
    pub(super) async fn bump_shared_catalog(&self) -> Result<()> {
        self.execute(Query::new(
            "-- bump_shared_catalog
            UPDATE vehicle_reference SET catalog_version = catalog_version + 1",
        ))
        .await?;
        Ok(())
    }
}

fn read_alias(row: &Row) -> Result<CreatedAlias> {
    let alias = Alias {
        brand: row.try_get("brand")?,
        model: row.try_get("model")?,
        alias: row.try_get("alias")?,
        ambiguous: row.try_get("ambiguous")?,
    };
    Ok((alias, row.try_get("created_at")?))
}
