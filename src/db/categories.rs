//! A shop's categories as it keeps them, and changing them. Each step of a write runs in the caller's transaction.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::query::{Query, one};
use super::snapshot::names;
use super::{Tenant, Transaction};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::catalog::Names;
use crate::domain::category::{Field, MAX_CATEGORIES, ShopCategory};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::etag::check_etag;
use crate::domain::tenant::{Language, TenantId};

/// A tenant's categories in its order, then the shared ones that it never sold. A shared one whose code a category of its own
/// has is nothing that it could name. Bind: tenant_id.
const LIST: &str = "-- list_shop_categories
    SELECT tc.category_id AS id, coalesce(tc.code, c.code) AS code, tc.names, tc.descriptions,
           coalesce(c.names, '{}') AS shared_names, coalesce(c.descriptions, '{}') AS shared_descriptions,
           tc.emoji, tc.sort_order, tc.active, tc.revision
    FROM tenant_categories tc
    LEFT JOIN product_categories c ON c.id = tc.category_id
    WHERE tc.tenant_id = $1 /* tenant_id */
    UNION ALL
    SELECT c.id, c.code, '{}', '{}', c.names, c.descriptions, '', 0::smallint, false, 0
    FROM product_categories c
    WHERE NOT EXISTS (SELECT FROM tenant_categories tc
                      WHERE tc.tenant_id = $1 AND (tc.category_id = c.id OR tc.code = c.code))";

impl Tenant<'_> {
    /// Every category that there is for the tenant: what it has in its order, then the shared ones that it never sold.
    pub async fn list_shop_categories(&self) -> Result<Vec<ShopCategory>> {
        let [rows] = self.read([Query::new(LIST).bind(&self.id.0, Type::INT8)]).await?;
        listed(&rows)
    }
}

impl Transaction {
    /// Adds a category of the tenant's own, and sells it; a `sort_order` of 0 puts it last.
    ///
    /// # Errors
    /// `AlreadyExists` `CATEGORY_EXISTS`, `FailedPrecondition` `CATEGORY_LIMIT`.
    pub async fn create_category(&self, category: &ShopCategory) -> Result<ShopCategory> {
        let tenant_id = self.tenant_id()?;
        let all = self.lock_shop_categories().await?;
        if let Some(other) = self.find_categories(&[&category.code]).await?.remove(&category.code) {
            return Err(taken(&category.code, &other.code, other.id > 0, other.sold));
        }
        refuse_one_more(&all)?;
        let new = ShopCategory {
            id: all.iter().map(|other| other.id).min().unwrap_or_default().min(0) - 1,
            sort_order: if category.sort_order == 0 { behind(&all) } else { category.sort_order },
            active: true,
            ..category.clone()
        };
        self.execute(
            Query::new(
                "-- create_category
                INSERT INTO tenant_categories (tenant_id, category_id, code, names, descriptions, emoji, sort_order)
                VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* code */, $4 /* names */, $5 /* descriptions */,
                        $6 /* emoji */, $7 /* sort_order */)",
            )
            .bind(&tenant_id, Type::INT8)
            .bind(&new.id, Type::INT8)
            .bind(&new.code, Type::TEXT)
            .bind(&new.names.json(), Type::JSONB)
            .bind(&new.descriptions.json(), Type::JSONB)
            .bind(&new.emoji, Type::TEXT)
            .bind(&new.sort_order, Type::INT2),
        )
        .await?;
        self.bump_catalog_version("categories").await?;
        self.changes(Change::of(ResourceKind::Category, &new.code, "created"));
        self.shop_category(new.id).await
    }

    /// Writes these fields of the category of that code or alias.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`, `Invalid` where a category of the tenant's own would lose its Russian name,
    /// `FailedPrecondition` `CATEGORY_LIMIT`.
    pub async fn update_category(
        &self,
        code: &str,
        to: &ShopCategory,
        fields: &[Field],
        etag: &str,
    ) -> Result<ShopCategory> {
        let tenant_id = self.tenant_id()?;
        let all = self.lock_shop_categories().await?;
        let before = self.find_shop_category(&all, code).await?;
        check_etag(etag, before.revision)?;
        let mut after = before.clone();
        let changed: Vec<Field> = fields.iter().copied().filter(|field| changes(*field, to, &mut after)).collect();
        if changed.is_empty() {
            self.changes_nothing();
            return Ok(after);
        }
        if after.names.get(Language::Ru).is_none() {
            let problem = "must be given: a category of the shop's own needs a Russian name";
            return Err(Error::invalid("category.display_names.ru", "FIELD_REQUIRED", problem));
        }
        if before.revision == 0 {
            refuse_one_more(&all)?;
            self.sell_shared(TenantId(tenant_id), &[after.id]).await?;
            if !fields.contains(&Field::SortOrder) {
                after.sort_order = behind(&all);
            }
        }
        let own_names = after.names.unlike(&after.shared_names).json();
        let own_descriptions = after.descriptions.unlike(&after.shared_descriptions).json();
        let revision = before.revision + 1;
        self.execute(
            Query::new(
                "-- update_category
                UPDATE tenant_categories
                SET names = $3 /* names */, descriptions = $4 /* descriptions */, emoji = $5 /* emoji */,
                    sort_order = $6 /* sort_order */, active = $7 /* active */, revision = $8 /* revision */
                WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* id */",
            )
            .bind(&tenant_id, Type::INT8)
            .bind(&after.id, Type::INT8)
            .bind(&own_names, Type::JSONB)
            .bind(&own_descriptions, Type::JSONB)
            .bind(&after.emoji, Type::TEXT)
            .bind(&after.sort_order, Type::INT2)
            .bind(&after.active, Type::BOOL)
            .bind(&revision, Type::INT8),
        )
        .await?;
        self.bump_catalog_version("categories").await?;
        let names = changed.iter().map(|field| field.word()).collect::<Vec<_>>().join(", ");
        self.changes(Change::of(ResourceKind::Category, &after.code, format!("updated: {names}")));
        self.shop_category(after.id).await
    }

    /// Deletes a category of the tenant's own that nothing hangs on.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`, `FailedPrecondition` `CATEGORY_SHARED` or `CATEGORY_IN_USE`.
    pub async fn delete_category(&self, code: &str, etag: &str) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        let all = self.lock_shop_categories().await?;
        let category = self.find_shop_category(&all, code).await?;
        check_etag(etag, category.revision)?;
        if category.is_shared() {
            return Err(Error::FailedPrecondition {
                reason: "CATEGORY_SHARED",
                message: format!("all shops share `{}`: stop selling it instead (`active` false)", category.code),
                metadata: vec![("category", category.code)],
            });
        }
        let used = self
            .query(
                Query::new(
                    "-- count_what_hangs_on_a_category
                    SELECT (SELECT count(*) FROM patterns WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* id */)
                               AS patterns,
                           (SELECT count(*) FROM prices WHERE tenant_id = $1 AND category_id = $2) AS prices,
                           (SELECT count(*) FROM imports WHERE tenant_id = $1 AND category_id = $2) AS imports,
                           (SELECT count(*) FROM applications WHERE tenant_id = $1 AND category_id = $2) AS applications",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&category.id, Type::INT8),
            )
            .await?;
        refuse_used(&category.code, &one(used)?)?;
        let delete_values = Query::new(
            "-- delete_category_values
            DELETE FROM tenant_option_values
            WHERE tenant_id = $1 /* tenant_id */
              AND option_id IN (SELECT option_id FROM tenant_options WHERE tenant_id = $1 AND category_id = $2 /* id */)",
        );
        self.execute(delete_values.bind(&tenant_id, Type::INT8).bind(&category.id, Type::INT8)).await?;
        let delete_options = Query::new(
            "-- delete_category_options
            DELETE FROM tenant_options WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* id */",
        );
        self.execute(delete_options.bind(&tenant_id, Type::INT8).bind(&category.id, Type::INT8)).await?;
        let delete = Query::new(
            "-- delete_category
            DELETE FROM tenant_categories WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* id */",
        );
        self.execute(delete.bind(&tenant_id, Type::INT8).bind(&category.id, Type::INT8)).await?;
        self.bump_catalog_version("categories").await?;
        self.changes(Change::of(ResourceKind::Category, &category.code, "deleted"));
        Ok(())
    }

    /// The tenant's categories, which nobody else changes until this transaction ends.
    async fn lock_shop_categories(&self) -> Result<Vec<ShopCategory>> {
        let tenant_id = self.tenant_id()?;
        self.lock_tenant(TenantId(tenant_id)).await?;
        listed(&self.query(Query::new(LIST).bind(&tenant_id, Type::INT8)).await?)
    }

    async fn find_shop_category(&self, all: &[ShopCategory], code: &str) -> Result<ShopCategory> {
        let found = self.find_categories(&[code]).await?.remove(code);
        let found = found.and_then(|found| all.iter().find(|category| category.id == found.id));
        found.cloned().ok_or_else(|| Error::not_found(Kind::Category, code))
    }

    async fn shop_category(&self, id: i64) -> Result<ShopCategory> {
        let tenant_id = self.tenant_id()?;
        let all = listed(&self.query(Query::new(LIST).bind(&tenant_id, Type::INT8)).await?)?;
        all.into_iter().find(|category| category.id == id).ok_or_else(|| Error::internal("the category just written"))
    }
}

/// Writes a field; whether it made a difference.
fn changes(field: Field, to: &ShopCategory, category: &mut ShopCategory) -> bool {
    let before = category.clone();
    field.copy(to, category);
    *category != before
}

/// The place behind all that the tenant has ever sold.
fn behind(all: &[ShopCategory]) -> i16 {
    let last = all.iter().filter(|category| category.revision > 0).map(|category| category.sort_order).max();
    last.map_or(0, |last| last.saturating_add(1))
}

fn listed(rows: &[Row]) -> Result<Vec<ShopCategory>> {
    let category = |row: &Row| -> Result<ShopCategory> {
        let (own_names, own_descriptions): (Names, Names) = (names(row, "names")?, names(row, "descriptions")?);
        let (shared_names, shared_descriptions) = (names(row, "shared_names")?, names(row, "shared_descriptions")?);
        Ok(ShopCategory {
            id: row.try_get("id")?,
            code: row.try_get("code")?,
            names: own_names.or(&shared_names),
            descriptions: own_descriptions.or(&shared_descriptions),
            shared_names,
            shared_descriptions,
            emoji: row.try_get("emoji")?,
            sort_order: row.try_get("sort_order")?,
            active: row.try_get("active")?,
            revision: row.try_get("revision")?,
        })
    };
    let mut categories = rows.iter().map(category).collect::<Result<Vec<_>>>()?;
    categories.sort_by(|a, b| (a.revision == 0, a.sort_order, &a.code).cmp(&(b.revision == 0, b.sort_order, &b.code)));
    Ok(categories)
}

fn taken(code: &str, category: &str, is_shared: bool, is_sold: bool) -> Error {
    let alias = if code == category { String::new() } else { format!(", an alias of `{category}`,") };
    let message = match (is_shared, is_sold) {
        (true, false) => {
            format!("`{code}`{alias} is a category that all shops share: UpdateCategory with `active` sells it")
        }
        (true, true) => format!("`{code}`{alias} is a category that all shops share, and the shop sells it"),
        (false, true) => format!("the shop has a category `{code}`"),
        (false, false) => {
            format!(
                "the shop has a category `{code}` that it stopped selling: UpdateCategory with `active` sells it again"
            )
        }
    };
    let metadata = vec![("category", category.to_owned()), ("shared", is_shared.to_string())];
    Error::AlreadyExists { reason: "CATEGORY_EXISTS", message, metadata }
}

fn refuse_one_more(all: &[ShopCategory]) -> Result<()> {
    if all.iter().filter(|category| category.revision > 0).count() < MAX_CATEGORIES as usize {
        return Ok(());
    }
    Err(Error::FailedPrecondition {
        reason: "CATEGORY_LIMIT",
        message: format!(
            "the shop has {MAX_CATEGORIES} categories, those that it stopped selling included: delete one first"
        ),
        metadata: vec![("max", MAX_CATEGORIES.to_string())],
    })
}

fn refuse_used(code: &str, row: &Row) -> Result<()> {
    let mut metadata = vec![("category", code.to_owned())];
    let mut hanging = Vec::new();
    for name in ["patterns", "prices", "imports", "applications"] {
        let count: i64 = row.try_get(name)?;
        metadata.push((name, count.to_string()));
        if count > 0 {
            hanging.push(format!("{count} {name}"));
        }
    }
    if hanging.is_empty() {
        return Ok(());
    }
    let hanging = hanging.join(", ");
    Err(Error::FailedPrecondition {
        reason: "CATEGORY_IN_USE",
        message: format!("`{code}` has {hanging}: stop selling it instead (`active` false)"),
        metadata,
    })
}
