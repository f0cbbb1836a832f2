//! A made-up catalog as statements that write it. Its rows have ids of their own, so that one batch does.

use std::fmt::Write as _;

use super::rows::{Catalog, Names, Period, Price};
use crate::support::catalog::RAISE_SHARED;

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn or_null<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())
}

fn word(value: Option<&str>) -> String {
    or_null(value.map(text))
}

fn array<T: AsRef<str>>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(|value| text(value.as_ref())).collect();
    format!("ARRAY[{}]::text[]", values.join(", "))
}

fn names(names: &Names) -> String {
    text(&names.json())
}

/// The id of a row by its place in a catalog; each catalog has a thousand of its own, past those that the seed takes.
pub fn id(catalog: &Catalog, place: usize) -> i64 {
    i64::try_from(10_000_000 + catalog.number * 1000 + place).unwrap()
}

fn value_id(catalog: &Catalog, option: usize, value: usize) -> i64 {
    id(catalog, option * 10 + value)
}

impl Catalog {
    fn brand_id(&self, brand: usize) -> String {
        match &self.brands[brand] {
            known if known.is_known => format!("(SELECT id FROM brands WHERE slug = {})", text(&known.slug)),
            _ => id(self, brand).to_string(),
        }
    }

    fn model_id(&self, model: usize) -> String {
        match &self.models[model] {
            known if known.is_known => format!(
                "(SELECT id FROM models WHERE slug = {} AND brand_id = {})",
                text(&known.slug),
                self.brand_id(known.brand)
            ),
            _ => id(self, model).to_string(),
        }
    }

    /// The statements that write all of it.
    pub fn sql(&self) -> String {
        let mut sql = String::from("BEGIN;");
        for (place, tenant) in self.tenants.iter().enumerate() {
            let (slug, id) = (text(&tenant.slug), id(self, place));
            let _ = write!(
                sql,
                "INSERT INTO tenants (id, slug, display_name, default_language, currency, prices_visible, active)
                 VALUES ({id}, {slug}, {slug}, '{}', '{}', {}, {});",
                tenant.language, tenant.currency, tenant.prices_visible, tenant.active
            );
        }
        for (place, category) in self.categories.iter().enumerate() {
            let id = id(self, place);
            let (code, shown, told) = (text(&category.code), names(&category.names), names(&category.descriptions));
            let _ = write!(
                sql,
                "INSERT INTO product_categories (id, code, names, descriptions) VALUES ({id}, {code}, {shown}, {told});"
            );
            for alias in &category.aliases {
                let _ =
                    write!(sql, "INSERT INTO category_aliases (alias, category_id) VALUES ({}, {id});", text(alias));
            }
        }
        for sold in &self.sold {
            let (tenant, category, options) = (id(self, sold.tenant), id(self, sold.category), array(&sold.options));
            let _ = write!(
                sql,
                "INSERT INTO tenant_categories (tenant_id, category_id, sort_order, active, options)
                 VALUES ({tenant}, {category}, {}, {}, {options});",
                sold.sort_order, sold.active
            );
        }
        self.options_sql(&mut sql);
        self.cars_sql(&mut sql);
        self.patterns_sql(&mut sql);
        for (place, price) in self.prices.iter().enumerate() {
            self.price_sql(&mut sql, place, price);
        }
        // Its tenants are new; what all share has changed.
        write!(sql, "{RAISE_SHARED}; COMMIT;").unwrap();
        sql
    }

    fn options_sql(&self, sql: &mut String) {
        for (place, option) in self.options.iter().enumerate() {
            let bodies = or_null(option.bodies.as_deref().map(array));
            let _ = write!(
                sql,
                "INSERT INTO product_options (id, category_id, code, kind, names, body_types, sort_order)
                 VALUES ({}, {}, {}, '{}', {}, {bodies}, {});",
                id(self, place),
                id(self, option.category),
                text(&option.code),
                option.kind,
                names(&option.names),
                option.sort_order
            );
            for (number, value) in option.values.iter().enumerate() {
                let _ = write!(
                    sql,
                    "INSERT INTO option_values (id, option_id, code, names, sort_order)
                     VALUES ({}, {}, {}, {}, {});",
                    value_id(self, place, number),
                    id(self, place),
                    text(&value.code),
                    names(&value.names),
                    value.sort_order
                );
            }
        }
    }

    fn cars_sql(&self, sql: &mut String) {
        for (place, brand) in self.brands.iter().enumerate().filter(|(_, brand)| !brand.is_known) {
            let id = id(self, place);
            let (slug, name, shown) = (text(&brand.slug), text(&brand.name), names(&brand.names));
            let _ = write!(sql, "INSERT INTO brands (id, slug, name, names) VALUES ({id}, {slug}, {name}, {shown});");
            for alias in &brand.aliases {
                let _ = write!(sql, "INSERT INTO vehicle_aliases (brand_id, alias) VALUES ({id}, {});", text(alias));
            }
        }
        for (place, model) in self.models.iter().enumerate().filter(|(_, model)| !model.is_known) {
            let (id, brand) = (id(self, place), self.brand_id(model.brand));
            let (slug, name, shown) = (text(&model.slug), text(&model.name), names(&model.names));
            let _ = write!(
                sql,
                "INSERT INTO models (id, brand_id, slug, name, names) VALUES ({id}, {brand}, {slug}, {name}, {shown});"
            );
            for alias in &model.aliases {
                let alias = text(alias);
                let _ = write!(
                    sql,
                    "INSERT INTO vehicle_aliases (brand_id, model_id, alias) VALUES ({brand}, {id}, {alias});"
                );
            }
        }
    }

    /// All at once: a statement for each would take most of the test's time.
    fn patterns_sql(&self, sql: &mut String) {
        if self.patterns.is_empty() {
            return;
        }
        let row = |pattern: &super::rows::Pattern| {
            let values = [
                id(self, pattern.tenant).to_string(),
                pattern.id.to_string(),
                id(self, pattern.category).to_string(),
                format!("{}::bigint", self.model_id(pattern.model)),
                word(Some(pattern.generation).filter(|generation| !generation.is_empty())),
                format!("{}::smallint", or_null(pattern.from)),
                format!("{}::smallint", or_null(pattern.to)),
                word(pattern.body),
                word(pattern.steering),
                word(pattern.borders),
                word(pattern.seat_rows),
                word(pattern.trunk),
                text(pattern.notes),
                pattern.available.to_string(),
            ];
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = self.patterns.iter().map(row).collect();
        let _ = write!(
            sql,
            "CREATE TEMPORARY TABLE made ON COMMIT DROP AS
             SELECT * FROM (VALUES {}) AS v (tenant_id, id, category_id, model_id, generation, year_from, year_to, body_type,
                                             steering, borders, seat_rows, trunk, notes, available);
             INSERT INTO model_variants (model_id, generation, year_from, year_to, body_type)
             SELECT DISTINCT model_id, generation, year_from, year_to, body_type FROM made ON CONFLICT DO NOTHING;
             INSERT INTO patterns (tenant_id, id, category_id, model_id, variant_id, steering, borders, seat_rows, trunk,
                                   notes, available)
             SELECT made.tenant_id, made.id, made.category_id, v.model_id, v.id, steering, borders, seat_rows, trunk, notes,
                    available
             FROM made
             JOIN model_variants v ON v.model_id = made.model_id
              AND (v.generation, v.year_from, v.year_to, v.body_type)
                  IS NOT DISTINCT FROM (made.generation, made.year_from, made.year_to, made.body_type);",
            rows.join(", ")
        );
    }

    fn price_sql(&self, sql: &mut String, place: usize, price: &Price) {
        let amount = |hundredths: i64| format!("{hundredths}::numeric / 100");
        let value = price.option.zip(price.value).map(|(option, value)| value_id(self, option, value));
        let validity = match price.period {
            Period::Past => "[2020-01-01, 2021-01-01)",
            Period::Now => "[2021-01-01, 2090-01-01)",
            Period::Future => "[2090-01-01,)",
        };
        let _ = write!(
            sql,
            "INSERT INTO prices (tenant_id, id, category_id, body_type, brand_id, option_id, option_value_id, with_value_id,
                                 amount, amount_max, at_least, currency, validity)
             VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, '{}', '{validity}');",
            id(self, price.tenant),
            id(self, place),
            id(self, price.category),
            word(price.body),
            or_null(price.brand.map(|brand| self.brand_id(brand))),
            or_null(price.option.map(|option| id(self, option))),
            or_null(value),
            or_null(price.with.map(|(option, value)| value_id(self, option, value))),
            amount(price.amount),
            or_null(price.end.map(amount)),
            price.at_least,
            self.tenants[price.tenant].currency,
        );
    }
}
