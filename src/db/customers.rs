//! Customers as their shop keeps them. An application updates its own in [`super::application_writes`].

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::query::{Query, at_most_one, one, optional_word, words_of};
use super::{Tenant, Transaction};
use crate::domain::application::Customer;
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::customer::{Field, Filter, Record};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::etag::check_etag;
use crate::domain::page::{Page, PageRequest, SortKey};
use crate::domain::tenant::Language;

/// What [`record`] reads; `u` is the customer.
macro_rules! customer_columns {
    () => {
        "u.id, u.channel, u.external_id, u.name, coalesce(u.phone, '') AS phone, u.username, u.language, u.revision,
         u.created_at, u.updated_at,
         (SELECT count(*) FROM applications a WHERE a.tenant_id = $1 AND a.customer_id = u.id) AS application_count"
    };
}

/// What [`Filter`] leaves. The text has no line break, which parts what it may be in.
macro_rules! customer_filter {
    () => {
        concat!(
            "u.tenant_id = $1 /* tenant_id */
         AND ($2 /* channel */ IS NULL OR u.channel = $2) AND ($3 /* external_id */ IS NULL OR u.external_id = $3)
         AND ($4 /* phone */ IS NULL OR u.phone = $4)
         AND ($5 /* text */ IS NULL OR strpos(lower(concat_ws(E'\\n', ",
            words_of!("u.name"),
            ", u.username)), lower($5)) > 0)"
        )
    };
}

const GET: &str = concat!(
    "-- get_customer
    SELECT ",
    customer_columns!(),
    " FROM customers u WHERE u.tenant_id = $1 /* tenant_id */ AND u.id = $2 /* id */"
);

impl Tenant<'_> {
    /// One customer.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id.
    pub async fn get_customer(&self, id: i64) -> Result<Record> {
        let [rows] = self.read([Query::new(GET).bind(&self.id.0, Type::INT8).bind(&id, Type::INT8)]).await?;
        found(rows, id)
    }

    /// One page of customers, newest first.
    pub async fn list_customers(&self, filter: &Filter, page: &PageRequest) -> Result<Page<Record>> {
        let before = page.after.as_ref().map(|key| key.number);
        let (limit, skip) = (page.limit(), page.skip);
        let list = Query::new(concat!(
            "-- list_customers
            SELECT ",
            customer_columns!(),
            " FROM customers u WHERE ",
            customer_filter!(),
            " AND ($6 /* before */ IS NULL OR u.id < $6)
            ORDER BY u.id DESC
            LIMIT $7 /* limit */ OFFSET $8 /* skip */"
        ));
        let count = Query::new(concat!(
            "-- count_customers
            SELECT count(*) AS total FROM customers u WHERE ",
            customer_filter!()
        ));
        let list = self.like(list, filter).bind(&before, Type::INT8).bind(&limit, Type::INT8).bind(&skip, Type::INT8);
        let [rows, totals] = self.read([list, self.like(count, filter)]).await?;
        let records = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
        let total = one(totals)?.try_get("total")?;
        Ok(page.page(records, total, |record| SortKey { number: record.id, ..SortKey::default() }))
    }

    fn like<'a>(&'a self, query: Query<'a>, filter: &'a Filter) -> Query<'a> {
        query
            .bind(&self.id.0, Type::INT8)
            .bind(&filter.channel, Type::TEXT)
            .bind(&filter.external_id, Type::TEXT)
            .bind(&filter.phone, Type::TEXT)
            .bind(&filter.text, Type::TEXT)
    }
}

impl Transaction {
    /// Writes these fields of a customer; without a language, it is the default one.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`.
    pub async fn update_customer(
        &self,
        id: i64,
        to: &Customer,
        fields: &[Field],
        default_language: Language,
        etag: &str,
    ) -> Result<Record> {
        let before = self.lock_customer(id).await?;
        check_etag(etag, before.revision)?;
        let mut after = before.customer.clone();
        let mut changes_something = |field: &Field| {
            let before = after.clone();
            field.copy(to, &mut after);
            after.language = after.language.or(Some(default_language));
            after != before
        };
        let changed: Vec<Field> = fields.iter().copied().filter(|field| changes_something(field)).collect();
        if changed.is_empty() {
            self.changes_nothing();
            return Ok(before);
        }
        let phone = Some(&after.phone).filter(|phone| !phone.is_empty());
        let language = after.language.map(Language::word);
        self.execute(
            Query::new(
                "-- update_customer
                UPDATE customers
                SET name = $3 /* name */, phone = $4 /* phone */, username = $5 /* username */,
                    language = $6 /* language */, revision = revision + 1, updated_at = now()
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&id, Type::INT8)
            .bind(&after.name, Type::TEXT)
            .bind(&phone, Type::TEXT)
            .bind(&after.username, Type::TEXT)
            .bind(&language, Type::TEXT),
        )
        .await?;
        let names: Vec<&str> = changed.iter().map(|field| field.word()).collect();
        self.changes(Change::of(ResourceKind::Customer, id, format!("updated: {}", names.join(", "))));
        self.lock_customer(id).await
    }

    /// Erases a customer with all that they said, and answers how many applications were theirs.
    ///
    /// # Errors
    /// `NotFound`, `Aborted` `ETAG_MISMATCH`.
    pub async fn delete_customer(&self, id: i64, etag: &str) -> Result<usize> {
        // Whoever takes down an application of theirs, or works on one, has ended before, or finds them gone.
        let customer = self.lock_customer(id).await?;
        check_etag(etag, customer.revision)?;
        let application_ids = self.erase_applications(&customer).await?;
        self.erase_notes(&application_ids).await?;
        self.erase_answers(&customer, &application_ids).await?;
        let tenant_id = self.tenant_id()?;
        let delete = Query::new(
            "-- delete_customer
            DELETE FROM customers WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
        );
        self.execute(delete.bind(&tenant_id, Type::INT8).bind(&id, Type::INT8)).await?;
        let count = application_ids.len();
        self.changes(Change::of(ResourceKind::Customer, id, format!("deleted: of {count} applications")));
        self.append_customer_deleted(&application_ids).await?;
        Ok(count)
    }

    /// The customer, whom nobody else changes until this transaction ends.
    async fn lock_customer(&self, id: i64) -> Result<Record> {
        let tenant_id = self.tenant_id()?;
        let lock = Query::new(
            "-- lock_customer
            SELECT id FROM customers WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ FOR UPDATE",
        );
        self.query(lock.bind(&tenant_id, Type::INT8).bind(&id, Type::INT8)).await?;
        found(self.query(Query::new(GET).bind(&tenant_id, Type::INT8).bind(&id, Type::INT8)).await?, id)
    }

    /// Leaves of the customer's applications what belongs to nobody. A new column of theirs that holds somebody's words
    /// is emptied here.
    async fn erase_applications(&self, customer: &Record) -> Result<Vec<Uuid>> {
        let rows = self
            .query(
                Query::new(
                    "-- erase_applications
                    UPDATE applications
                    SET customer_id = NULL, erased_channel = $3 /* channel */, request_sha256 = NULL, contact_name = '',
                        contact_phone = NULL, contact_username = '', contact_language = DEFAULT, generation = '',
                        vehicle_text = '', message = '', external_refs = '[]', revision = revision + 1,
                        updated_at = now()
                    WHERE tenant_id = $1 /* tenant_id */ AND customer_id = $2 /* customer_id */
                    RETURNING id",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&customer.id, Type::INT8)
                .bind(&customer.customer.channel, Type::TEXT),
            )
            .await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    async fn erase_notes(&self, application_ids: &[Uuid]) -> Result<()> {
        self.execute(
            Query::new(
                "-- erase_notes
                UPDATE application_events
                SET note = ''
                WHERE tenant_id = $1 /* tenant_id */ AND application_id = ANY ($2 /* application_ids */) AND note <> ''",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&application_ids, Type::UUID_ARRAY),
        )
        .await?;
        Ok(())
    }

    /// Forgets what was answered with the customer in it. An answer is a message of the contract: an application's has
    /// its id at the beginning, behind the tags 0a and 24; a customer's has both ids in it.
    async fn erase_answers(&self, customer: &Record, application_ids: &[Uuid]) -> Result<()> {
        let ids: Vec<String> = application_ids.iter().map(Uuid::to_string).collect();
        let ids: Vec<&[u8]> = ids.iter().map(String::as_bytes).collect();
        let external_id = customer.customer.external_id.as_bytes();
        let mut id = vec![0x3a];
        let digits = customer.id.to_string();
        id.extend(u8::try_from(digits.len()));
        id.extend(digits.as_bytes());
        self.execute(
            Query::new(
                r"-- erase_answers
                DELETE FROM write_requests
                WHERE tenant_id = $1 /* tenant_id */
                  AND CASE
                      WHEN method = 'ApplicationService/UpdateCustomer'
                      THEN position($2 /* external_id */ IN answer) > 0 AND position($3 /* id */ IN answer) > 0
                      WHEN method IN ('ApplicationService/CreateApplication', 'ApplicationService/TransitionApplication',
                                      'ApplicationService/UpdateApplication', 'ApplicationService/AddApplicationNote')
                      THEN substring(answer FROM position('\x0a24'::bytea IN substring(answer FROM 2 FOR 8)) + 3 FOR 36)
                           = ANY ($4 /* application_ids */)
                      ELSE false END",
            )
            .bind(&self.tenant_id()?, Type::INT8)
            .bind(&external_id, Type::BYTEA)
            .bind(&id, Type::BYTEA)
            .bind(&ids, Type::BYTEA_ARRAY),
        )
        .await?;
        Ok(())
    }
}

fn found(rows: Vec<Row>, id: i64) -> Result<Record> {
    let row = at_most_one(rows)?.ok_or_else(|| Error::not_found(Kind::Customer, id.to_string()))?;
    record(&row)
}

fn record(row: &Row) -> Result<Record> {
    let id = row.try_get("id")?;
    Ok(Record {
        id,
        customer: Customer {
            id: Some(id),
            channel: row.try_get("channel")?,
            external_id: row.try_get("external_id")?,
            name: row.try_get("name")?,
            phone: row.try_get("phone")?,
            username: row.try_get("username")?,
            language: optional_word(row, "language")?,
        },
        application_count: row.try_get("application_count")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}
