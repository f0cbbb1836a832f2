//! Setting prices, with the periods that this ends. Each step runs in the caller's transaction.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use rust_decimal::Decimal;
use tokio_postgres::types::Type;

use super::Transaction;
use super::catalog::words;
use super::options::{self, LIST_BODIES};
use super::query::{Query, one};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Kind, Result, Violation};
use crate::domain::price::{
    Amount, Body, NewPrice, Period, ProductOption, SetPrice, Target, check_target, overlapping,
};
use crate::domain::tenant::{Language, Tenant};

/// How far clocks may differ: what is meant to hold from now on may seem to have begun a little ago.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

impl Transaction {
    /// Sets prices of a tenant in whose context this is; each ends what it replaces. One without an end holds until the
    /// next that is already set. What held in the past stays.
    ///
    /// # Errors
    /// `Invalid` for options that the category lacks, for two prices of one thing at one time and for a time in the
    /// past that had a price, `NotFound` for an unknown category or brand, `FailedPrecondition` for a category that is
    /// not sold.
    pub async fn set_prices(&self, tenant: &Tenant, prices: Vec<NewPrice>) -> Result<Vec<SetPrice>> {
        let now = self.wait_for_price_turn(tenant.id.0).await?;
        let mut lines: Vec<SetPrice> = prices
            .into_iter()
            .map(|new| SetPrice {
                id: 0,
                target: new.target,
                amount: new.amount,
                currency: tenant.currency.clone(),
                valid_from: new.valid_from.unwrap_or(now),
                valid_to: new.valid_to,
            })
            .collect();
        let known = self.known_names(tenant, &mut lines).await?;
        check(&lines, &known)?;

        let mut columns = Columns::of(tenant, &lines, &known);
        let long_past = now - CLOCKS_DIFFER;
        let periods = columns.bound(PRICE_PERIODS).bind(&now, Type::TIMESTAMPTZ).bind(&long_past, Type::TIMESTAMPTZ);
        let mut violations = Vec::new();
        for (place, (row, line)) in self.query(periods).await?.iter().zip(&mut lines).enumerate() {
            line.id = row.try_get("id")?;
            line.valid_to = row.try_get("valid_to")?;
            columns.ids.push(line.id);
            if let Some(since) = row.try_get::<_, Option<String>>("held_since")? {
                violations.push(was_priced(place, since));
            }
        }
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        columns.valid_to = lines.iter().map(|line| line.valid_to).collect();
        self.execute(columns.bound(END_REPLACED)).await?;
        let insert = columns
            .bound(INSERT_PRICES)
            .bind(&columns.ids, Type::INT8_ARRAY)
            .bind(&columns.amounts, Type::NUMERIC_ARRAY)
            .bind(&columns.amounts_max, Type::NUMERIC_ARRAY)
            .bind(&columns.at_least, Type::BOOL_ARRAY)
            .bind(&tenant.currency, Type::TEXT);
        self.execute(insert).await?;
        self.bump_catalog_version("prices").await?;
        self.changes(told(&lines));
        Ok(lines)
    }

    /// One at a time sets a tenant's prices. The time is taken when it is this one's turn, so that the last to set a
    /// price is the one whose price holds.
    async fn wait_for_price_turn(&self, tenant_id: i64) -> Result<SystemTime> {
        self.query(
            Query::new(
                "-- wait_for_price_turn
                SELECT pg_advisory_xact_lock(hashtextextended(format('lekalo prices %s', $1 /* tenant_id */), 0))::text",
            )
            .bind(&tenant_id, Type::INT8),
        )
        .await?;
        let rows = self.query(Query::new("-- clock\n SELECT clock_timestamp() AS now")).await?;
        Ok(one(rows)?.try_get("now")?)
    }

    /// What the lines name, which is looked up; aliases of categories become codes.
    async fn known_names(&self, tenant: &Tenant, lines: &mut [SetPrice]) -> Result<Known> {
        let names: Vec<&str> = lines.iter().map(|line| line.target.category.as_str()).collect();
        let categories = self.find_categories(&names).await?;
        let slugs: Vec<String> = lines.iter().filter_map(|line| line.target.brand.clone()).collect();
        for line in lines.iter_mut() {
            let name = std::mem::take(&mut line.target.category);
            let category = categories.get(&name).ok_or_else(|| Error::not_found(Kind::Category, name))?;
            line.target.category = category.clone().sold_by(&tenant.slug)?.code;
        }

        let rows = self
            .query(
                Query::new(
                    "-- find_brands
                    SELECT id, slug FROM brands WHERE slug = ANY ($1 /* slugs */)",
                )
                .bind(&slugs, Type::TEXT_ARRAY),
            )
            .await?;
        let mut brands = HashMap::new();
        for row in &rows {
            brands.insert(row.try_get::<_, String>("slug")?, row.try_get("id")?);
        }
        if let Some(slug) = slugs.into_iter().find(|slug| !brands.contains_key(slug)) {
            return Err(Error::not_found(Kind::Brand, slug));
        }

        let by_code: HashMap<String, i64> =
            categories.into_values().map(|category| (category.code, category.id)).collect();
        let ids: Vec<i64> = by_code.values().copied().collect();
        let mut options = self.options_of(&ids).await?;
        let mut shown = |id| options.remove(&id).map(|of| of.shown(&[Language::Ru])).unwrap_or_default();
        let categories = by_code.into_iter().map(|(code, id)| (code, (id, shown(id)))).collect();
        let languages = words(&[Language::Ru]);
        let bodies = self.query(Query::new(LIST_BODIES).bind(&languages, Type::TEXT_ARRAY)).await?;
        let bodies = bodies.iter().map(options::body).collect::<Result<_>>()?;
        Ok(Known { categories, brands, bodies })
    }
}

/// What there is of what prices name.
struct Known {
    /// By code.
    categories: HashMap<String, (i64, Vec<ProductOption>)>,
    /// By slug.
    brands: HashMap<String, i64>,
    bodies: Vec<Body>,
}

impl Known {
    fn options(&self, category: &str) -> &[ProductOption] {
        self.categories.get(category).map_or(&[], |(_, options)| options)
    }

    /// An option's id, and its value's.
    fn option_ids(&self, category: &str, code: Option<&str>, value: Option<&str>) -> (Option<i64>, Option<i64>) {
        let option = self.options(category).iter().find(|option| Some(option.code.as_str()) == code);
        let value = option.and_then(|option| option.values.iter().find(|known| Some(known.code.as_str()) == value));
        (option.map(|option| option.id), value.map(|value| value.id))
    }
}

/// Which categories' prices, and how many.
fn told(lines: &[SetPrice]) -> Change {
    let withdrawn = lines.iter().filter(|line| line.amount.is_none()).count();
    let summary = format!("{} set, {withdrawn} withdrawn", lines.len() - withdrawn);
    Change::of_all(ResourceKind::Prices, lines.iter().map(|line| line.target.category.as_str()), summary)
}

/// Refuses what the form of the request does not show: unknown options, ends before beginnings, overlaps.
fn check(lines: &[SetPrice], known: &Known) -> Result<()> {
    let mut violations = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let field = format!("prices[{place}]");
        violations.extend(check_target(&field, &line.target, known.options(&line.target.category), &known.bodies));
        if line.valid_to.is_some_and(|to| to <= line.valid_from) {
            let field = format!("{field}.valid_to");
            violations.push(Violation::new(field, "FIELD_OUT_OF_RANGE", "must be after valid_from"));
        }
    }
    let periods: Vec<(&Target, Period)> =
        lines.iter().map(|line| (&line.target, Period { from: line.valid_from, to: line.valid_to })).collect();
    for place in overlapping(&periods) {
        let description = "is for the same thing and an overlapping time as one before it";
        violations.push(Violation::new(format!("prices[{place}]"), "PRICES_OVERLAP", description));
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::Invalid(violations)) }
}

/// The history of prices is not rewritten.
fn was_priced(place: usize, since: String) -> Violation {
    let description = format!("a price for the same thing has held since {since}, which stays: begin now or later");
    Violation {
        metadata: vec![("held_since", since)],
        ..Violation::new(format!("prices[{place}].valid_from"), "FIELD_OUT_OF_RANGE", description)
    }
}

/// Prices by column.
#[derive(Default)]
struct Columns {
    tenant_id: i64,
    category_ids: Vec<Option<i64>>,
    body_types: Vec<Option<&'static str>>,
    brand_ids: Vec<Option<i64>>,
    option_ids: Vec<Option<i64>>,
    value_ids: Vec<Option<i64>>,
    with_ids: Vec<Option<i64>>,
    valid_from: Vec<SystemTime>,
    valid_to: Vec<Option<SystemTime>>,
    ids: Vec<i64>,
    /// None: there is to be no price.
    amounts: Vec<Option<Decimal>>,
    amounts_max: Vec<Option<Decimal>>,
    at_least: Vec<bool>,
}

impl Columns {
    fn of(tenant: &Tenant, lines: &[SetPrice], known: &Known) -> Self {
        let mut columns = Self { tenant_id: tenant.id.0, ..Self::default() };
        for line in lines {
            let target = &line.target;
            let (option_id, value_id) =
                known.option_ids(&target.category, target.option.as_deref(), target.value.as_deref());
            let with = target.with.as_ref();
            let with_option = with.map(|with| with.option.as_str());
            let (_, with_id) = known.option_ids(&target.category, with_option, with.map(|with| with.value.as_str()));
            columns.category_ids.push(known.categories.get(&target.category).map(|(id, _)| *id));
            columns.body_types.push(target.body.map(|body| body.word()));
            columns.brand_ids.push(target.brand.as_ref().and_then(|slug| known.brands.get(slug).copied()));
            columns.option_ids.push(option_id);
            columns.value_ids.push(value_id);
            columns.with_ids.push(with_id);
            columns.valid_from.push(line.valid_from);
            columns.valid_to.push(line.valid_to);
            columns.amounts.push(line.amount.map(Amount::least));
            columns.amounts_max.push(line.amount.and_then(Amount::range_end));
            columns.at_least.push(matches!(line.amount, Some(Amount::From(_))));
        }
        columns
    }

    /// Binds what the prices are for and when: $1 to $9.
    fn bound(&self, sql: &'static str) -> Query<'_> {
        Query::new(sql)
            .bind(&self.tenant_id, Type::INT8)
            .bind(&self.category_ids, Type::INT8_ARRAY)
            .bind(&self.body_types, Type::TEXT_ARRAY)
            .bind(&self.brand_ids, Type::INT8_ARRAY)
            .bind(&self.option_ids, Type::INT8_ARRAY)
            .bind(&self.value_ids, Type::INT8_ARRAY)
            .bind(&self.with_ids, Type::INT8_ARRAY)
            .bind(&self.valid_from, Type::TIMESTAMPTZ_ARRAY)
            .bind(&self.valid_to, Type::TIMESTAMPTZ_ARRAY)
    }
}

// What the three statements bind alike: $1 tenant_id, $2 category_ids, $3 body_types, $4 brand_ids, $5 option_ids,
// $6 option_value_ids, $7 with_value_ids, $8 valid_from, $9 valid_to.

/// An id for each, and when it ends: as asked, or as the next price for the same thing begins, be it set for later or,
/// for one that begins long ago, long ago itself. Also since when the past has had a price that it would replace.
const PRICE_PERIODS: &str = "-- price_periods
    SELECT nextval('prices_id_seq') AS id, period.valid_to,
           to_char(lower(held.validity) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS held_since
    FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[],
                $9::timestamptz[]) WITH ORDINALITY
        AS n (category_id, body_type, brand_id, option_id, option_value_id, with_value_id, valid_from, valid_to, place)
    CROSS JOIN LATERAL (
        SELECT coalesce(n.valid_to, (
            SELECT min(lower(p.validity))
            FROM prices p
            WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = n.category_id
              AND p.body_type IS NOT DISTINCT FROM n.body_type AND p.brand_id IS NOT DISTINCT FROM n.brand_id
              AND p.option_id IS NOT DISTINCT FROM n.option_id
              AND p.option_value_id IS NOT DISTINCT FROM n.option_value_id
              AND p.with_value_id IS NOT DISTINCT FROM n.with_value_id
              AND lower(p.validity) > n.valid_from
              AND (lower(p.validity) > $10 /* now */ OR n.valid_from < $11 /* long_past */)
        )) AS valid_to
    ) period
    LEFT JOIN LATERAL (
        SELECT p.validity
        FROM prices p
        WHERE n.valid_from < $11 AND p.tenant_id = $1 AND p.category_id = n.category_id
          AND p.body_type IS NOT DISTINCT FROM n.body_type AND p.brand_id IS NOT DISTINCT FROM n.brand_id
          AND p.option_id IS NOT DISTINCT FROM n.option_id
          AND p.option_value_id IS NOT DISTINCT FROM n.option_value_id
          AND p.with_value_id IS NOT DISTINCT FROM n.with_value_id
          AND p.validity && tstzrange(n.valid_from, least(period.valid_to, $10))
        ORDER BY p.validity
        LIMIT 1
    ) held ON true
    ORDER BY n.place";

/// What held at the times of the new prices goes; what held before and after stays.
const END_REPLACED: &str = "-- end_replaced_prices
    WITH new AS (
        SELECT category_id, body_type, brand_id, option_id, option_value_id, with_value_id,
               range_agg(tstzrange(valid_from, valid_to)) AS periods
        FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::timestamptz[], $9::timestamptz[])
            AS n (category_id, body_type, brand_id, option_id, option_value_id, with_value_id, valid_from, valid_to)
        GROUP BY 1, 2, 3, 4, 5, 6
    ), replaced AS (
        DELETE FROM prices p USING new n
        WHERE p.tenant_id = $1 /* tenant_id */ AND p.category_id = n.category_id
          AND p.body_type IS NOT DISTINCT FROM n.body_type AND p.brand_id IS NOT DISTINCT FROM n.brand_id
          AND p.option_id IS NOT DISTINCT FROM n.option_id
          AND p.option_value_id IS NOT DISTINCT FROM n.option_value_id
          AND p.with_value_id IS NOT DISTINCT FROM n.with_value_id AND p.validity && n.periods
        RETURNING p.*, n.periods
    )
    INSERT INTO prices (tenant_id, id, category_id, body_type, brand_id, option_id, option_value_id, with_value_id,
                        amount, amount_max, at_least, currency, validity, created_at)
    SELECT r.tenant_id, CASE left_over.place WHEN 1 THEN r.id ELSE nextval('prices_id_seq') END, r.category_id,
           r.body_type, r.brand_id, r.option_id, r.option_value_id, r.with_value_id, r.amount, r.amount_max, r.at_least,
           r.currency, left_over.validity, r.created_at
    FROM replaced r
    CROSS JOIN LATERAL unnest(tstzmultirange(r.validity) - r.periods)
        WITH ORDINALITY AS left_over (validity, place)";

const INSERT_PRICES: &str = "-- insert_prices
    INSERT INTO prices (tenant_id, id, category_id, body_type, brand_id, option_id, option_value_id, with_value_id,
                        amount, amount_max, at_least, currency, validity)
    SELECT $1 /* tenant_id */, id, category_id, body_type, brand_id, option_id, option_value_id, with_value_id, amount,
           amount_max, at_least, $14 /* currency */, tstzrange(valid_from, valid_to)
    FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[],
                $9::timestamptz[], $10::bigint[] /* ids */, $11::numeric[] /* amounts */,
                $12::numeric[] /* amounts_max */, $13::boolean[] /* at_least */)
        AS n (category_id, body_type, brand_id, option_id, option_value_id, with_value_id, valid_from, valid_to, id,
              amount, amount_max, at_least)
    WHERE amount IS NOT NULL";
