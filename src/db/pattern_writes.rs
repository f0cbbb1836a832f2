//! Patterns added, changed and deleted by hand. Each step runs in the caller's transaction.

use std::collections::{HashMap, HashSet};

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::catalog::{brand_and_model, find_brand_and_model};
use super::patterns::{pattern_columns, pattern_joins, record};
use super::query::{Query, at_most_one, one};
use super::{Transaction, audit};
use crate::domain::audit::{self as trail, ResourceKind};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::etag::check_etag;
use crate::domain::pattern::Pattern;
use crate::domain::pattern::record::{Change, Field, Record, check_years};
use crate::domain::vehicle::Attributes;

/// Where a pattern is to stand.
struct Place {
    category_id: i64,
    model_id: i64,
    variant_id: i64,
}

/// A pattern that is there, with what it refers to.
struct Found {
    record: Record,
    category_id: i64,
    model_id: i64,
    variant_id: i64,
}

impl Transaction {
    /// Adds an available pattern to a category, by its code or alias, of the tenant of this slug.
    ///
    /// # Errors
    /// `NotFound` for a category, brand or model that there is not, `AlreadyExists` `PATTERN_EXISTS`, `FailedPrecondition`
    /// where the tenant does not sell the category, or `IMPORT_RUNNING`.
    pub async fn create_pattern(&self, tenant: &str, category: &str, pattern: &Pattern) -> Result<Record> {
        let found = self.find_categories(&[category]).await?.remove(category);
        let category = found.ok_or_else(|| Error::not_found(Kind::Category, category))?.sold_by(tenant)?;
        let rows = self.query(find_brand_and_model(&pattern.brand.as_str(), &pattern.model.as_str())).await?;
        let (_, model_id) = brand_and_model(rows, &pattern.brand, &pattern.model)?;
        let model_id = model_id.ok_or_else(|| Error::not_found(Kind::Model, &pattern.model))?;

        self.try_for_turn(category.id).await?;
        let variant_id = self.variant(model_id, pattern).await?;
        let place = Place { category_id: category.id, model_id, variant_id };
        self.refuse_same_pattern(&place, pattern, 0).await?;
        let [steering, borders, seat_rows, trunk] = words(&pattern.attributes);
        let created = self
            .query(
                Query::new(
                    "-- create_pattern
                    INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, steering, borders, seat_rows, trunk,
                                          notes)
                    VALUES ($1 /* tenant_id */, $2 /* category_id */, $3 /* model_id */, $4 /* variant_id */,
                            $5 /* steering */, $6 /* borders */, $7 /* seat_rows */, $8 /* trunk */, $9 /* notes */)
                    RETURNING id",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&place.category_id, Type::INT8)
                .bind(&place.model_id, Type::INT8)
                .bind(&place.variant_id, Type::INT8)
                .bind(&steering, Type::TEXT)
                .bind(&borders, Type::TEXT)
                .bind(&seat_rows, Type::TEXT)
                .bind(&trunk, Type::TEXT)
                .bind(&pattern.notes, Type::TEXT),
            )
            .await?;
        let id: i64 = one(created)?.try_get("id")?;
        self.record_edit(id, 1, &[]).await?;
        self.bump_catalog_version("patterns").await?;
        let car = format!("created: {} {} in {}", pattern.brand, pattern.model, category.code);
        self.changes(trail::Change::of(ResourceKind::Pattern, id, car));
        let found = self.find_patterns(&[id]).await?;
        found.into_iter().next().map(|found| found.record).ok_or_else(|| Error::internal("the pattern just added"))
    }

    /// Writes these fields of several patterns, one after another; `path` names each in the request.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`, `Invalid` where years would end before they begin, `AlreadyExists`
    /// `PATTERN_EXISTS`, `FailedPrecondition` `IMPORT_RUNNING`: for the first that cannot be written.
    pub async fn update_patterns(
        &self,
        changes: &[Change],
        fields: &[Field],
        path: impl Fn(usize) -> String,
    ) -> Result<Vec<Record>> {
        let ids: Vec<i64> = changes.iter().map(|change| change.to.id).collect();
        self.wait_for_categories(&ids).await?;
        let before: HashMap<i64, Found> =
            self.lock_patterns(&ids).await?.into_iter().map(|found| (found.record.pattern.id, found)).collect();
        for change in changes {
            let id = change.to.id;
            let found = before.get(&id).ok_or_else(|| Error::not_found(Kind::Pattern, id.to_string()))?;
            check_etag(&change.etag, found.record.revision)?;
        }
        let (mut written, mut touched) = (Vec::new(), HashSet::new());
        for (number, change) in changes.iter().enumerate() {
            let Some(found) = before.get(&change.to.id) else { continue };
            let mut after = found.record.pattern.clone();
            let mut changes_something = |field: &Field| {
                let before = after.clone();
                field.copy(&change.to, &mut after);
                after != before
            };
            let changed: Vec<Field> = fields.iter().copied().filter(|field| changes_something(field)).collect();
            if changed.is_empty() {
                continue;
            }
            if let Some(violation) = check_years(after.years, &path(number)) {
                return Err(Error::Invalid(vec![violation]));
            }
            self.write_pattern(found, &after, &changed).await?;
            written.push(after.id.to_string());
            touched.extend(changed);
        }
        if written.is_empty() {
            self.changes_nothing();
        } else {
            self.bump_catalog_version("patterns").await?;
            let touched = fields.iter().filter(|field| touched.contains(field)).map(|field| field.word());
            let summary = format!("updated: {}", touched.collect::<Vec<_>>().join(", "));
            self.changes(trail::Change::of_all(ResourceKind::Pattern, written.iter().map(String::as_str), summary));
        }
        let mut records: HashMap<i64, Record> =
            self.find_patterns(&ids).await?.into_iter().map(|found| (found.record.pattern.id, found.record)).collect();
        Ok(ids.iter().filter_map(|id| records.remove(id)).collect())
    }

    /// Deletes a pattern with what is known of its edits.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`, `FailedPrecondition` `IMPORT_RUNNING`.
    pub async fn delete_pattern(&self, id: i64, etag: &str) -> Result<()> {
        self.wait_for_categories(&[id]).await?;
        let found = self.lock_patterns(&[id]).await?.pop();
        let found = found.ok_or_else(|| Error::not_found(Kind::Pattern, id.to_string()))?;
        check_etag(etag, found.record.revision)?;
        let tenant_id = self.tenant_id()?;
        let delete = Query::new(
            "-- delete_pattern
            DELETE FROM patterns WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
        );
        self.execute(delete.bind(&tenant_id, Type::INT8).bind(&id, Type::INT8)).await?;
        let forget = Query::new(
            "-- delete_pattern_edits
            DELETE FROM pattern_edits WHERE tenant_id = $1 /* tenant_id */ AND pattern_id = $2 /* pattern_id */",
        );
        self.execute(forget.bind(&tenant_id, Type::INT8).bind(&id, Type::INT8)).await?;
        self.bump_catalog_version("patterns").await?;
        let Record { pattern, category, .. } = found.record;
        let car = format!("deleted: {} {} in {category}", pattern.brand, pattern.model);
        self.changes(trail::Change::of(ResourceKind::Pattern, id, car));
        Ok(())
    }

    /// Takes the turn in every category that these patterns are of, always in the same order.
    async fn wait_for_categories(&self, ids: &[i64]) -> Result<()> {
        let rows = self
            .query(
                Query::new(
                    "-- find_pattern_categories
                    SELECT DISTINCT category_id
                    FROM patterns
                    WHERE tenant_id = $1 /* tenant_id */ AND id = ANY ($2 /* ids */)
                    ORDER BY category_id",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&ids, Type::INT8_ARRAY),
            )
            .await?;
        for row in rows {
            self.try_for_turn(row.try_get("category_id")?).await?;
        }
        Ok(())
    }

    /// These patterns, which nobody else changes until this transaction ends; those that are not there are left out.
    async fn lock_patterns(&self, ids: &[i64]) -> Result<Vec<Found>> {
        let lock = Query::new(
            "-- lock_patterns
            SELECT id FROM patterns WHERE tenant_id = $1 /* tenant_id */ AND id = ANY ($2 /* ids */) ORDER BY id FOR UPDATE",
        );
        self.query(lock.bind(&self.tenant_id()?, Type::INT8).bind(&ids, Type::INT8_ARRAY)).await?;
        self.find_patterns(ids).await
    }

    async fn find_patterns(&self, ids: &[i64]) -> Result<Vec<Found>> {
        let rows = self
            .query(
                Query::new(concat!(
                    "-- find_patterns
                    SELECT p.category_id, p.model_id, p.variant_id, ",
                    pattern_columns!(),
                    " FROM patterns p ",
                    pattern_joins!(),
                    " WHERE p.tenant_id = $1 /* tenant_id */ AND p.id = ANY ($2 /* ids */)"
                ))
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&ids, Type::INT8_ARRAY),
            )
            .await?;
        let found = |row: &Row| {
            Ok(Found {
                record: record(row)?,
                category_id: row.try_get("category_id")?,
                model_id: row.try_get("model_id")?,
                variant_id: row.try_get("variant_id")?,
            })
        };
        rows.iter().map(found).collect()
    }

    /// Writes what a pattern is to be, and who made it so.
    async fn write_pattern(&self, found: &Found, after: &Pattern, fields: &[Field]) -> Result<()> {
        let before = &found.record.pattern;
        let is_same_car =
            (&before.generation, before.years, before.body_type) == (&after.generation, after.years, after.body_type);
        let variant_id = if is_same_car { found.variant_id } else { self.variant(found.model_id, after).await? };
        let place = Place { category_id: found.category_id, model_id: found.model_id, variant_id };
        if !is_same_car || (before.attributes, &before.notes) != (after.attributes, &after.notes) {
            self.refuse_same_pattern(&place, after, after.id).await?;
        }
        let [steering, borders, seat_rows, trunk] = words(&after.attributes);
        let revision = found.record.revision + 1;
        self.execute(
            Query::new(
                "-- update_pattern
                UPDATE patterns
                SET variant_id = $3 /* variant_id */, steering = $4 /* steering */, borders = $5 /* borders */,
                    seat_rows = $6 /* seat_rows */, trunk = $7 /* trunk */, notes = $8 /* notes */,
                    available = $9 /* available */, revision = $10 /* revision */, updated_at = now()
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&after.id, Type::INT8)
            .bind(&place.variant_id, Type::INT8)
            .bind(&steering, Type::TEXT)
            .bind(&borders, Type::TEXT)
            .bind(&seat_rows, Type::TEXT)
            .bind(&trunk, Type::TEXT)
            .bind(&after.notes, Type::TEXT)
            .bind(&after.available, Type::BOOL)
            .bind(&revision, Type::INT8),
        )
        .await?;
        self.record_edit(after.id, revision, fields).await
    }

    async fn record_edit(&self, id: i64, revision: i64, fields: &[Field]) -> Result<()> {
        let origin = audit::origin();
        let fields: Vec<&str> = fields.iter().map(|field| field.word()).collect();
        self.execute(
            Query::new(
                "-- record_edit
                INSERT INTO pattern_edits (tenant_id, pattern_id, revision, actor, fields)
                VALUES ($1 /* tenant_id */, $2 /* pattern_id */, $3 /* revision */, $4 /* actor */, $5 /* fields */)",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&id, Type::INT8)
            .bind(&revision, Type::INT8)
            .bind(&origin.actor.name, Type::TEXT)
            .bind(&fields, Type::TEXT_ARRAY),
        )
        .await?;
        Ok(())
    }

    /// The variant of a model that a pattern is for, made where there is none.
    async fn variant(&self, model_id: i64, pattern: &Pattern) -> Result<i64> {
        let generation = Some(&pattern.generation).filter(|generation| !generation.is_empty());
        let body_type = pattern.body_type.map(|body| body.word());
        self.execute(
            Query::new(
                "-- create_variant
                INSERT INTO model_variants (model_id, generation, year_from, year_to, body_type)
                VALUES ($1 /* model_id */, $2 /* generation */, $3 /* year_from */, $4 /* year_to */, $5 /* body_type */)
                ON CONFLICT DO NOTHING",
            )
            .bind(&model_id, Type::INT8)
            .bind(&generation, Type::TEXT)
            .bind(&pattern.years.from, Type::INT2)
            .bind(&pattern.years.to, Type::INT2)
            .bind(&body_type, Type::TEXT),
        )
        .await?;
        let rows = self
            .query(
                Query::new(
                    "-- find_variant
                    SELECT id
                    FROM model_variants
                    WHERE model_id = $1 /* model_id */ AND generation IS NOT DISTINCT FROM $2 /* generation */
                      AND year_from IS NOT DISTINCT FROM $3 /* year_from */
                      AND year_to IS NOT DISTINCT FROM $4 /* year_to */
                      AND body_type IS NOT DISTINCT FROM $5 /* body_type */",
                )
                .bind(&model_id, Type::INT8)
                .bind(&generation, Type::TEXT)
                .bind(&pattern.years.from, Type::INT2)
                .bind(&pattern.years.to, Type::INT2)
                .bind(&body_type, Type::TEXT),
            )
            .await?;
        Ok(one(rows)?.try_get("id")?)
    }

    /// Nobody else writes into the category meanwhile; `own` is the pattern that may be the same.
    async fn refuse_same_pattern(&self, place: &Place, pattern: &Pattern, own: i64) -> Result<()> {
        let [steering, borders, seat_rows, trunk] = words(&pattern.attributes);
        let same = self
            .query(
                Query::new(
                    "-- find_same_pattern
                    SELECT id, available
                    FROM patterns
                    WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* category_id */
                      AND model_id = $3 /* model_id */ AND variant_id = $4 /* variant_id */
                      AND steering IS NOT DISTINCT FROM $5 /* steering */
                      AND borders IS NOT DISTINCT FROM $6 /* borders */
                      AND seat_rows IS NOT DISTINCT FROM $7 /* seat_rows */
                      AND trunk IS NOT DISTINCT FROM $8 /* trunk */
                      AND notes = $9 /* notes */ AND id <> $10 /* own */",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&place.category_id, Type::INT8)
                .bind(&place.model_id, Type::INT8)
                .bind(&place.variant_id, Type::INT8)
                .bind(&steering, Type::TEXT)
                .bind(&borders, Type::TEXT)
                .bind(&seat_rows, Type::TEXT)
                .bind(&trunk, Type::TEXT)
                .bind(&pattern.notes, Type::TEXT)
                .bind(&own, Type::INT8),
            )
            .await?;
        let Some(row) = at_most_one(same)? else { return Ok(()) };
        let (id, available): (i64, bool) = (row.try_get("id")?, row.try_get("available")?);
        let what_to_do = if available { "" } else { ", which is not available: mark that one available instead" };
        Err(Error::AlreadyExists {
            reason: "PATTERN_EXISTS",
            message: format!("it would be the same as pattern {id}{what_to_do}"),
            metadata: vec![("pattern", id.to_string()), ("available", available.to_string())],
        })
    }
}

/// The words of the attributes, in the order of their columns.
fn words(attributes: &Attributes) -> [Option<&'static str>; 4] {
    [
        attributes.steering.map(|it| it.word()),
        attributes.borders.map(|it| it.word()),
        attributes.seat_rows.map(|it| it.word()),
        attributes.trunk.map(|it| it.word()),
    ]
}
