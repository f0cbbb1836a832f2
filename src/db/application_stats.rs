//! How many applications were created on each day.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Tenant;
use super::query::{Query, one, word};
use crate::domain::application::stats::{Count, Days, Stats};
use crate::domain::error::Result;

/// The first day asked for and the last; by default the 30 that end today. `$4` is the time zone.
macro_rules! days {
    () => {
        "(SELECT coalesce($2 /* first_day */::date, (now() AT TIME ZONE $4)::date - 29) AS first_day,
                 coalesce($3 /* last_day */::date, (now() AT TIME ZONE $4)::date) AS last_day)"
    };
}

impl Tenant<'_> {
    /// Applications by the day on which they were created, and by what they are now.
    pub async fn application_stats(&self, days: Option<&Days>, time_zone: &str) -> Result<Stats> {
        let (first_day, last_day) = days.map(|days| (&days.first, &days.last)).unzip();
        let bound = |sql| {
            Query::new(sql)
                .bind(&self.id.0, Type::INT8)
                .bind(&first_day, Type::TEXT)
                .bind(&last_day, Type::TEXT)
                .bind(&time_zone, Type::TEXT)
        };
        // The times are compared as well, a day or two more, for an index to find them.
        let [counted, rows] = self
            .read([
                bound(concat!(
                    "-- application_days
                    SELECT d.first_day::text, d.last_day::text FROM ",
                    days!(),
                    " d WHERE $1::bigint IS NOT NULL"
                )),
                bound(concat!(
                    "-- application_stats
                    SELECT (a.created_at AT TIME ZONE $4 /* time_zone */)::date::text AS day, a.status,
                           coalesce(tc.code, c.code, '') AS category, coalesce(u.channel, a.erased_channel) AS channel, a.kind,
                           count(*) AS count
                    FROM ",
                    days!(),
                    " d
                    JOIN applications a
                      ON (a.created_at AT TIME ZONE $4)::date BETWEEN d.first_day AND d.last_day
                     AND a.created_at BETWEEN d.first_day - 2 AND d.last_day + 3
                    LEFT JOIN customers u ON u.tenant_id = a.tenant_id AND u.id = a.customer_id
                    LEFT JOIN tenant_categories tc ON tc.tenant_id = a.tenant_id AND tc.category_id = a.category_id
                    LEFT JOIN product_categories c ON c.id = a.category_id
                    WHERE a.tenant_id = $1 /* tenant_id */
                    GROUP BY 1, 2, 3, 4, 5
                    ORDER BY 1, 2, 3, 4, 5"
                )),
            ])
            .await?;
        let counted = one(counted)?;
        let days = Days { first: counted.try_get("first_day")?, last: counted.try_get("last_day")? };
        Ok(Stats { days, counts: rows.iter().map(count).collect::<Result<_>>()? })
    }
}

fn count(row: &Row) -> Result<Count> {
    Ok(Count {
        day: row.try_get("day")?,
        status: word(row, "status")?,
        category: row.try_get("category")?,
        channel: row.try_get("channel")?,
        kind: word(row, "kind")?,
        count: row.try_get("count")?,
    })
}
