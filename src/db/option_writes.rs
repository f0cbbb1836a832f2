//! A shop's options as it keeps them, and changing them. Each step of a write runs in the caller's transaction.

use tokio_postgres::types::Type;

use super::catalog::CategoryRef;
use super::options::CategoryOptions;
use super::query::{Query, one};
use super::{Tenant, Transaction};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::catalog::{Names, OptionRow, ValueRow};
use crate::domain::error::{Error, Kind, Result, Violation};
use crate::domain::etag::check_etag;
use crate::domain::price::OptionKind;
use crate::domain::shop_option::{
    Field, MAX_OPTIONS, MAX_VALUES, MAX_VALUES_TOGETHER, OptionChange, ShopOption, ShopValue,
};
use crate::domain::tenant::{Language, TenantId};
use crate::domain::vehicle::BodyType;

/// The least number of an option, and of a value, of the tenant's own. Bind: tenant_id.
const LEAST_OPTION: &str = "-- least_option
    SELECT min(option_id) AS least FROM tenant_options WHERE tenant_id = $1 /* tenant_id */";
const LEAST_VALUE: &str = "-- least_option_value
    SELECT min(value_id) AS least FROM tenant_option_values WHERE tenant_id = $1 /* tenant_id */";

impl Tenant<'_> {
    /// Every option of a category: those that the tenant offers in its order, then the others.
    pub async fn list_shop_options(&self, category: &CategoryRef) -> Result<Vec<ShopOption>> {
        let tx = Transaction::begin_snapshot(self.db, self.id).await?;
        let options = tx.shop_options(category).await?;
        tx.changes_nothing();
        tx.commit().await?;
        Ok(options)
    }
}

impl Transaction {
    /// Adds an option of the tenant's own to a category, and offers it; a `sort_order` of 0 puts it last.
    ///
    /// # Errors
    /// `AlreadyExists` `OPTION_EXISTS`, `FailedPrecondition` `OPTION_LIMIT`, `Invalid` for values that lack a Russian name.
    pub async fn create_option(
        &self,
        category: &CategoryRef,
        code: &str,
        kind: OptionKind,
        change: &OptionChange,
    ) -> Result<ShopOption> {
        let tenant_id = self.tenant_id()?;
        self.lock_tenant(TenantId(tenant_id)).await?;
        let all = self.shop_options(category).await?;
        if let Some(other) = all.iter().find(|option| option.code == code) {
            return Err(taken(category, other));
        }
        if all.len() >= MAX_OPTIONS {
            return Err(Error::FailedPrecondition {
                reason: "OPTION_LIMIT",
                message: format!("category `{}` has {MAX_OPTIONS} options, retired ones included", category.code),
                metadata: vec![("max", MAX_OPTIONS.to_string())],
            });
        }
        let last = all.iter().filter(|option| option.place.is_some()).count();
        let values = values_after(kind, &[], &change.values, room(&all))?;
        let option = ShopOption {
            id: self.next_id(LEAST_OPTION).await?,
            code: code.to_owned(),
            kind,
            names: change.names.clone(),
            shared_names: Names::default(),
            emoji: change.emoji.clone(),
            body_types: change.body_types.clone(),
            shared_body_types: None,
            values,
            place: Some(if change.sort_order == 0 { last } else { change.sort_order }),
            retired: false,
            revision: 0,
        };
        self.write_option(category, &all, &option).await?;
        self.write_values(&option).await?;
        self.bump_catalog_version("options").await?;
        self.changes(Change::of(ResourceKind::Option, format!("{}/{code}", category.code), "created"));
        self.shop_option(category, code).await
    }

    /// Writes these fields of an option.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`, `Invalid` where what is the tenant's own would lack a Russian name, or for values
    /// of what is no choice.
    pub async fn update_option(
        &self,
        category: &CategoryRef,
        code: &str,
        change: &OptionChange,
        fields: &[Field],
        etag: &str,
    ) -> Result<ShopOption> {
        let tenant_id = self.tenant_id()?;
        self.lock_tenant(TenantId(tenant_id)).await?;
        let all = self.shop_options(category).await?;
        let before = all.iter().find(|option| option.code == code);
        let before = before.ok_or_else(|| Error::not_found(Kind::Option, code))?;
        check_etag(etag, before.revision)?;
        let mut after = before.clone();
        let mut changed = Vec::new();
        for field in fields {
            let was = after.clone();
            copy(*field, change, &mut after, &all)?;
            if after != was {
                changed.push(field.word());
            }
        }
        if changed.is_empty() {
            self.changes_nothing();
            return Ok(after);
        }
        if after.names.get(Language::Ru).is_none() {
            let problem = "must be given: an option of the shop's own needs a Russian name";
            return Err(Error::invalid("option.display_names.ru", "FIELD_REQUIRED", problem));
        }
        self.write_option(category, &all, &after).await?;
        if after.values != before.values {
            self.write_values(&after).await?;
        }
        self.bump_catalog_version("options").await?;
        let summary = format!("updated: {}", changed.join(", "));
        self.changes(Change::of(ResourceKind::Option, format!("{}/{code}", category.code), summary));
        self.shop_option(category, code).await
    }

    /// A category's options: those that the tenant offers in its order, then the others.
    async fn shop_options(&self, category: &CategoryRef) -> Result<Vec<ShopOption>> {
        let of = self.options_of(&[category.id]).await?.remove(&category.id);
        let of = of.ok_or_else(|| Error::not_found(Kind::Category, &category.code))?;
        Ok(shop_options(&of))
    }

    async fn shop_option(&self, category: &CategoryRef, code: &str) -> Result<ShopOption> {
        let all = self.shop_options(category).await?;
        all.into_iter().find(|option| option.code == code).ok_or_else(|| Error::internal("the option just written"))
    }

    /// A number that no option of the tenant's own has, or no value. Nobody else takes one meanwhile.
    async fn next_id(&self, least: &'static str) -> Result<i64> {
        let rows = self.query(Query::new(least).bind(&self.tenant_id()?, Type::INT8)).await?;
        let least: Option<i64> = one(rows)?.try_get("least")?;
        Ok(least.unwrap_or_default().min(0) - 1)
    }

    /// Writes all that is the tenant's of an option but its values; its place is then among `all`.
    async fn write_option(&self, category: &CategoryRef, all: &[ShopOption], option: &ShopOption) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        let is_own = !option.is_shared();
        let code = is_own.then_some(&option.code);
        let kind = is_own.then_some(option.kind.word());
        let names = option.names.unlike(&option.shared_names).json();
        let body_types = (option.shared_body_types.as_ref() != Some(&option.body_types)).then_some(&option.body_types);
        let body_types: Option<Vec<&str>> = body_types.map(|bodies| bodies.iter().map(|body| body.word()).collect());
        let (active, revision) = (!option.retired, option.revision + 1);
        self.execute(
            Query::new(
                "-- write_option
                INSERT INTO tenant_options (tenant_id, option_id, category_id, code, kind, names, emoji, body_types, active,
                                            revision)
                VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* category_id */, $4 /* code */, $5 /* kind */, $6 /* names */,
                        $7 /* emoji */, $8 /* body_types */, $9 /* active */, $10 /* revision */)
                ON CONFLICT (tenant_id, option_id) DO UPDATE
                SET names = EXCLUDED.names, emoji = EXCLUDED.emoji, body_types = EXCLUDED.body_types,
                    active = EXCLUDED.active, revision = EXCLUDED.revision",
            )
            .bind(&tenant_id, Type::INT8)
            .bind(&option.id, Type::INT8)
            .bind(&category.id, Type::INT8)
            .bind(&code, Type::TEXT)
            .bind(&kind, Type::TEXT)
            .bind(&names, Type::JSONB)
            .bind(&option.emoji, Type::TEXT)
            .bind(&body_types, Type::TEXT_ARRAY)
            .bind(&active, Type::BOOL)
            .bind(&revision, Type::INT8),
        )
        .await?;
        let offered: Vec<&str> = in_order(all, option);
        self.execute(
            Query::new(
                "-- write_option_order
                UPDATE tenant_categories SET options = $3 /* options */
                WHERE tenant_id = $1 /* tenant_id */ AND category_id = $2 /* category_id */",
            )
            .bind(&tenant_id, Type::INT8)
            .bind(&category.id, Type::INT8)
            .bind(&offered, Type::TEXT_ARRAY),
        )
        .await?;
        Ok(())
    }

    async fn write_values(&self, option: &ShopOption) -> Result<()> {
        let tenant_id = self.tenant_id()?;
        let mut next = self.next_id(LEAST_VALUE).await?;
        for (place, value) in (0_i16..).zip(&option.values) {
            let id = if value.id == 0 { next } else { value.id };
            if value.id == 0 {
                next -= 1;
            }
            let (code, names) = ((id < 0).then_some(&value.code), value.names.unlike(&value.shared_names).json());
            let active = !value.retired;
            self.execute(
                Query::new(
                    "-- write_option_value
                    INSERT INTO tenant_option_values (tenant_id, value_id, option_id, code, names, emoji, sort_order, active)
                    VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* option_id */, $4 /* code */, $5 /* names */,
                            $6 /* emoji */, $7 /* sort_order */, $8 /* active */)
                    ON CONFLICT (tenant_id, value_id) DO UPDATE
                    SET names = EXCLUDED.names, emoji = EXCLUDED.emoji, sort_order = EXCLUDED.sort_order,
                        active = EXCLUDED.active",
                )
                .bind(&tenant_id, Type::INT8)
                .bind(&id, Type::INT8)
                .bind(&option.id, Type::INT8)
                .bind(&code, Type::TEXT)
                .bind(&names, Type::JSONB)
                .bind(&value.emoji, Type::TEXT)
                .bind(&place, Type::INT2)
                .bind(&active, Type::BOOL),
            )
            .await?;
        }
        Ok(())
    }
}

/// Gives an option what is asked for in this field; names of a shared one that are not given are the shared ones.
fn copy(field: Field, from: &OptionChange, to: &mut ShopOption, all: &[ShopOption]) -> Result<()> {
    let last = all.iter().filter(|option| option.place.is_some()).count();
    match field {
        Field::DisplayNames => to.names = from.names.or(&to.shared_names),
        Field::BodyTypes => to.body_types.clone_from(&from.body_types),
        Field::Emoji => to.emoji.clone_from(&from.emoji),
        Field::SortOrder => {
            let highest = if to.place.is_some() { last.saturating_sub(1) } else { last };
            to.place = Some(from.sort_order.min(highest));
        }
        Field::Active => {
            to.retired = !from.active;
            if from.active {
                to.place = to.place.or(Some(last));
            }
        }
        Field::Values if to.kind != OptionKind::Choice && !from.values.is_empty() => {
            return Err(Error::invalid("option.values", "FIELD_INVALID", "only a CHOICE has values"));
        }
        Field::Values => to.values = values_after(to.kind, &to.values, &from.values, room(all))?,
    }
    Ok(())
}

/// How many more values a category's options may have. Where they have too many already, those stay.
fn room(all: &[ShopOption]) -> usize {
    MAX_VALUES_TOGETHER.saturating_sub(all.iter().map(|option| option.values.len()).sum())
}

/// The values that are named, in their order, then those that are not, which retire; new ones as far as there is room.
fn values_after(kind: OptionKind, before: &[ShopValue], named: &[ShopValue], room: usize) -> Result<Vec<ShopValue>> {
    let (mut after, mut violations) = (Vec::with_capacity(named.len()), Vec::new());
    for (place, value) in named.iter().enumerate() {
        let known = before.iter().find(|known| known.code == value.code).cloned().unwrap_or_default();
        let names = value.names.or(&known.shared_names);
        if names.get(Language::Ru).is_none() {
            let field = format!("option.values[{place}].display_names.ru");
            let problem = "must be given: a value of the shop's own needs a Russian name";
            violations.push(Violation::new(field, "FIELD_REQUIRED", problem));
        }
        after.push(ShopValue { id: known.id, names, shared_names: known.shared_names, ..value.clone() });
    }
    let is_left = |known: &&ShopValue| named.iter().all(|value| value.code != known.code);
    after.extend(before.iter().filter(is_left).map(|known| ShopValue { retired: true, ..known.clone() }));
    let mut too_many = |max: usize, problem: &str| {
        let violation = Violation::new("option.values", "FIELD_TOO_LONG", format!("must have at most {max} {problem}"));
        violations.push(Violation { metadata: vec![("max", max.to_string())], ..violation });
    };
    if after.len() > MAX_VALUES {
        too_many(MAX_VALUES, "elements, retired ones that are left out included");
    } else if after.len() > before.len() + room {
        too_many(MAX_VALUES_TOGETHER, "elements with those of the category's other options, retired ones included");
    }
    if kind == OptionKind::Choice && after.iter().all(|value| value.retired) {
        let problem = "must have one that is not retired; with `active` the option itself retires";
        violations.push(Violation::new("option.values", "FIELD_REQUIRED", problem));
    }
    if violations.is_empty() { Ok(after) } else { Err(Error::Invalid(violations)) }
}

/// The codes of what is offered, with this option at its place.
fn in_order<'a>(all: &'a [ShopOption], option: &'a ShopOption) -> Vec<&'a str> {
    let others = all.iter().filter(|other| other.place.is_some() && other.id != option.id);
    let mut codes: Vec<&str> = others.map(|other| other.code.as_str()).collect();
    if let Some(place) = option.place {
        codes.insert(place.min(codes.len()), &option.code);
    }
    codes
}

fn shop_options(of: &CategoryOptions) -> Vec<ShopOption> {
    let option = |row: OptionRow| {
        let shared = of.shared.iter().find(|shared| shared.id == row.id);
        let own = of.own.iter().find(|own| own.id == row.id);
        let shared_value = |id: i64| shared.and_then(|shared| shared.values.iter().find(|value| value.id == id));
        let value = |value: ValueRow| ShopValue {
            id: value.id,
            shared_names: shared_value(value.id).map(|shared| shared.names.clone()).unwrap_or_default(),
            code: value.code,
            names: value.names,
            emoji: value.emoji,
            retired: value.retired,
        };
        ShopOption {
            id: row.id,
            kind: row.kind,
            names: row.names,
            shared_names: shared.map(|shared| shared.names.clone()).unwrap_or_default(),
            emoji: row.emoji,
            body_types: row.body_types,
            shared_body_types: shared.map(|shared| shared.body_types.clone()) as Option<Vec<BodyType>>,
            values: row.values.into_iter().map(value).collect(),
            place: of.offered.iter().position(|code| *code == row.code),
            retired: row.retired,
            revision: own.map(|own| own.revision).unwrap_or_default(),
            code: row.code,
        }
    };
    let mut rows = of.rows();
    rows.sort_by(|a, b| a.place(&of.offered).cmp(&b.place(&of.offered)));
    rows.into_iter().map(option).collect()
}

fn taken(category: &CategoryRef, other: &ShopOption) -> Error {
    let what = if other.is_shared() { "an option that all shops share" } else { "an option of the shop's own" };
    let hint = if other.is_active() { "" } else { ": UpdateOption with `active` offers it" };
    Error::AlreadyExists {
        reason: "OPTION_EXISTS",
        message: format!("category `{}` has `{}`, {what}{hint}", category.code, other.code),
        metadata: vec![("category", category.code.clone()), ("option", other.code.clone())],
    }
}
