//! Taking applications down, and moving them on. Each step runs in the caller's transaction.

use rust_decimal::Decimal;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::Transaction;
use super::application_feed::Happened;
use super::catalog::{CategoryRef, find_brand_and_model};
use super::idempotency::IdempotencyKey;
use super::query::{Query, at_most_one, one};
use crate::domain::application::{Application, Customer, ExternalRef, Status, Wish};
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::{Error, Kind, Result};
use crate::domain::price::{Amount, Named};
use crate::domain::tenant::Language;

/// What an application is about, looked up; none is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub category: Option<CategoryRef>,
    pub brand_id: Option<i64>,
    pub model_id: Option<i64>,
}

/// What is wished for, as the columns have it.
pub(super) struct WishColumns<'a> {
    wish: &'a Wish,
    subject: &'a Subject,
    selections: Json<&'a [Named]>,
    external_refs: Json<&'a [ExternalRef]>,
    total: Option<Decimal>,
    total_max: Option<Decimal>,
    at_least: bool,
    currency: Option<&'a str>,
}

impl<'a> WishColumns<'a> {
    pub(super) fn new(wish: &'a Wish, subject: &'a Subject) -> Self {
        let (quoted, currency) = wish.quoted.as_ref().map(|(amount, currency)| (*amount, currency.as_str())).unzip();
        Self {
            wish,
            subject,
            selections: Json(&wish.selections),
            external_refs: Json(&wish.external_refs),
            total: quoted.map(Amount::least),
            total_max: quoted.and_then(Amount::range_end),
            at_least: matches!(quoted, Some(Amount::From(_))),
            currency,
        }
    }

    /// The last twelve parameters, `brand_id` to `external_refs`.
    pub(super) fn bind_to<'b>(&'b self, query: Query<'b>) -> Query<'b> {
        query
            .bind(&self.subject.brand_id, Type::INT8)
            .bind(&self.subject.model_id, Type::INT8)
            .bind(&self.wish.generation, Type::TEXT)
            .bind(&self.wish.year, Type::INT2)
            .bind(&self.wish.vehicle_text, Type::TEXT)
            .bind(&self.selections, Type::JSONB)
            .bind(&self.total, Type::NUMERIC)
            .bind(&self.total_max, Type::NUMERIC)
            .bind(&self.at_least, Type::BOOL)
            .bind(&self.currency, Type::TEXT)
            .bind(&self.wish.message, Type::TEXT)
            .bind(&self.external_refs, Type::JSONB)
    }
}

/// What is known of a customer once an application has said what it has to say.
struct KnownCustomer {
    id: i64,
    name: String,
    phone: Option<String>,
    username: String,
    language: String,
}

impl Transaction {
    /// Looks up what an application names.
    ///
    /// # Errors
    /// `NotFound` for the first that does not exist.
    pub async fn find_subject(&self, wish: &Wish) -> Result<Subject> {
        let category = self.find_categories(&[&wish.category]).await?.remove(&wish.category);
        let rows = self.query(find_brand_and_model(&wish.brand.as_str(), &wish.model.as_str())).await?;
        let (brand_id, model_id) = match at_most_one(rows)? {
            Some(row) => (row.try_get("brand_id")?, row.try_get("model_id")?),
            None => (None, None),
        };
        let subject = Subject { category, brand_id, model_id };
        for (kind, name, is_known) in [
            (Kind::Category, &wish.category, subject.category.is_some()),
            (Kind::Brand, &wish.brand, brand_id.is_some()),
            (Kind::Model, &wish.model, model_id.is_some()),
        ] {
            if !is_known && !name.is_empty() {
                return Err(Error::not_found(kind, name));
            }
        }
        Ok(subject)
    }

    /// The application that this request made so long ago that its answer is forgotten, as it is now; none if it made
    /// none yet.
    ///
    /// # Errors
    /// `AlreadyExists` `REQUEST_ID_REUSED` if it came with another body then.
    pub async fn created_by(&self, key: &IdempotencyKey) -> Result<Option<Application>> {
        let rows = self
            .query(
                Query::new(
                    "-- created_by_request
                    SELECT id, request_sha256
                    FROM applications
                    WHERE tenant_id = $1 /* tenant_id */ AND request_id = $2 /* request_id */",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&key.request_id, Type::UUID),
            )
            .await?;
        let Some(row) = at_most_one(rows)? else { return Ok(None) };
        // Of one whose customer is erased it is not known any more: its id is all that a retry is told by.
        if let Some(sha256) = row.try_get("request_sha256")? {
            key.check_body(sha256)?;
        }
        self.changes_nothing();
        // What it answers is kept: nobody erases the customer between the two.
        self.lock_application(row.try_get("id")?).await.map(Some)
    }

    /// Records an application, NEW, with its customer and its first event.
    pub async fn create_application(
        &self,
        customer: &Customer,
        default_language: Language,
        wish: &Wish,
        subject: &Subject,
        key: &IdempotencyKey,
    ) -> Result<Application> {
        let known = self.upsert_customer(customer, default_language).await?;
        let id = Uuid::now_v7();
        let category_id = subject.category.as_ref().map(|category| category.id);
        let (tenant_id, kind, columns) = (self.tenant_id()?, wish.kind.word(), WishColumns::new(wish, subject));
        let create = Query::new(
            "-- create_application
                INSERT INTO applications (tenant_id, id, request_id, request_sha256, kind, customer_id, contact_name,
                                          contact_phone, contact_username, contact_language, category_id, brand_id,
                                          model_id, generation, year, vehicle_text, selections, quoted_total,
                                          quoted_total_max, quoted_at_least, quoted_currency, message, external_refs)
                VALUES ($1 /* tenant_id */, $2 /* id */, $3 /* request_id */, $4 /* request_sha256 */, $5 /* kind */,
                        $6 /* customer_id */, $7 /* contact_name */, $8 /* contact_phone */,
                        $9 /* contact_username */, $10 /* contact_language */, $11 /* category_id */,
                        $12 /* brand_id */, $13 /* model_id */, $14 /* generation */, $15 /* year */,
                        $16 /* vehicle_text */, $17 /* selections */, $18 /* quoted_total */,
                        $19 /* quoted_total_max */, $20 /* quoted_at_least */, $21 /* quoted_currency */,
                        $22 /* message */, $23 /* external_refs */)",
        )
        .bind(&tenant_id, Type::INT8)
        .bind(&id, Type::UUID)
        .bind(&key.request_id, Type::UUID)
        .bind(&key.body_sha256, Type::BYTEA)
        .bind(&kind, Type::TEXT)
        .bind(&known.id, Type::INT8)
        .bind(&known.name, Type::TEXT)
        .bind(&known.phone, Type::TEXT)
        .bind(&known.username, Type::TEXT)
        .bind(&known.language, Type::TEXT)
        .bind(&category_id, Type::INT8);
        self.execute(columns.bind_to(create)).await?;
        self.append_event(id, Happened::moved(None, Status::New, "", "")).await?;
        self.changes(Change::of(ResourceKind::Application, id, format!("created: {}", wish.kind)));
        self.get_application(id).await
    }

    /// The customer; what is known of him stays where nothing newer is given.
    async fn upsert_customer(&self, customer: &Customer, default_language: Language) -> Result<KnownCustomer> {
        let phone = Some(&customer.phone).filter(|phone| !phone.is_empty());
        let language = customer.language.map(Language::word);
        let rows = self
            .query(
                Query::new(
                    "-- upsert_customer
                    INSERT INTO customers AS t (tenant_id, channel, external_id, name, phone, username, language,
                                                updated_at)
                    VALUES ($1 /* tenant_id */, $2 /* channel */, $3 /* external_id */, $4 /* name */,
                            $5 /* phone */, $6 /* username */,
                            coalesce($7 /* language */, $8 /* default_language */), now())
                    ON CONFLICT (tenant_id, channel, external_id) DO UPDATE
                    SET name = coalesce(nullif(excluded.name, ''), t.name),
                        phone = coalesce(excluded.phone, t.phone),
                        username = coalesce(nullif(excluded.username, ''), t.username),
                        language = coalesce($7, t.language),
                        updated_at = excluded.updated_at,
                        revision = t.revision + CASE
                            WHEN coalesce(nullif(excluded.name, ''), t.name) = t.name
                             AND coalesce(excluded.phone, t.phone) IS NOT DISTINCT FROM t.phone
                             AND coalesce(nullif(excluded.username, ''), t.username) = t.username
                             AND coalesce($7, t.language) = t.language THEN 0
                            ELSE 1 END
                    RETURNING id, name, phone, username, language",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&customer.channel, Type::TEXT)
                .bind(&customer.external_id, Type::TEXT)
                .bind(&customer.name, Type::TEXT)
                .bind(&phone, Type::TEXT)
                .bind(&customer.username, Type::TEXT)
                .bind(&language, Type::TEXT)
                .bind(&default_language.word(), Type::TEXT),
            )
            .await?;
        let row = one(rows)?;
        Ok(KnownCustomer {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            phone: row.try_get("phone")?,
            username: row.try_get("username")?,
            language: row.try_get("language")?,
        })
    }

    /// Moves an application as it was read to another status and keeps who did it and why.
    ///
    /// # Errors
    /// `Aborted` `APPLICATION_CHANGED` if somebody else moved it since; `FailedPrecondition` `CUSTOMER_DELETED` for a note
    /// upon nobody.
    pub async fn move_application(
        &self,
        read: &Application,
        to: Status,
        actor: &str,
        note: &str,
    ) -> Result<Application> {
        if !note.is_empty() {
            read.must_be_somebodys()?;
        }
        let moved = self
            .execute(
                Query::new(
                    "-- move_application
                    UPDATE applications
                    SET status = $4 /* status */, revision = revision + 1, updated_at = now(),
                        assignee = CASE $4 WHEN 'in_progress' THEN $5 /* actor */ WHEN 'new' THEN '' ELSE assignee END
                    WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ AND revision = $3 /* revision */",
                )
                .bind(&self.tenant_id()?, Type::INT8)
                .bind(&read.id, Type::UUID)
                .bind(&read.revision, Type::INT8)
                .bind(&to.word(), Type::TEXT)
                .bind(&actor, Type::TEXT),
            )
            .await?;
        if moved == 0 {
            let now = self.get_application(read.id).await?;
            return Err(Error::Aborted {
                reason: "APPLICATION_CHANGED",
                message: "somebody else moved the application at the same time; read it again, then decide again"
                    .into(),
                metadata: now.assigned().into_iter().collect(),
            });
        }
        self.append_event(read.id, Happened::moved(Some(read.status), to, actor, note)).await?;
        self.changes(Change::of(ResourceKind::Application, read.id, format!("{} to {to}", read.status)));
        self.get_application(read.id).await
    }
}
