//! Applications changed and noted upon by hand. Each step runs in the caller's transaction.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Transaction;
use super::application_feed::Happened;
use super::application_writes::{Subject, WishColumns};
use super::query::Query;
use crate::domain::application::Application;
use crate::domain::application::update::Field;
use crate::domain::audit::{Change, ResourceKind};
use crate::domain::error::Result;

impl Transaction {
    /// One application, which nobody else changes until this transaction ends.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id.
    pub async fn lock_application(&self, id: Uuid) -> Result<Application> {
        let lock = Query::new(
            "-- lock_application
            SELECT id FROM applications WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */ FOR NO KEY UPDATE",
        );
        self.query(lock.bind(&self.tenant_id()?, Type::INT8).bind(&id, Type::UUID)).await?;
        self.get_application(id).await
    }

    /// Writes what a locked application is to be, and who changed these fields of it.
    pub async fn update_application(
        &self,
        after: &Application,
        subject: &Subject,
        changed: &[Field],
        actor: &str,
    ) -> Result<Application> {
        let contact = &after.customer;
        let phone = Some(&contact.phone).filter(|phone| !phone.is_empty());
        let (tenant_id, columns) = (self.tenant_id()?, WishColumns::new(&after.wish, subject));
        let update = Query::new(
            "-- update_application
                UPDATE applications
                SET contact_name = $3 /* contact_name */, contact_phone = $4 /* contact_phone */,
                    brand_id = $5 /* brand_id */, model_id = $6 /* model_id */, generation = $7 /* generation */,
                    year = $8 /* year */, vehicle_text = $9 /* vehicle_text */, selections = $10 /* selections */,
                    quoted_total = $11 /* quoted_total */, quoted_total_max = $12 /* quoted_total_max */,
                    quoted_at_least = $13 /* quoted_at_least */, quoted_currency = $14 /* quoted_currency */,
                    message = $15 /* message */, external_refs = $16 /* external_refs */, revision = revision + 1,
                    updated_at = now()
                WHERE tenant_id = $1 /* tenant_id */ AND id = $2 /* id */",
        )
        .bind(&tenant_id, Type::INT8)
        .bind(&after.id, Type::UUID)
        .bind(&contact.name, Type::TEXT)
        .bind(&phone, Type::TEXT);
        self.execute(columns.bind_to(update)).await?;
        let names: Vec<&str> = changed.iter().map(|field| field.word()).collect();
        self.changes(Change::of(ResourceKind::Application, after.id, format!("updated: {}", names.join(", "))));
        self.append_event(after.id, Happened::updated(after.status, actor, changed)).await?;
        self.get_application(after.id).await
    }

    /// Puts a note into an application's history.
    ///
    /// # Errors
    /// `NotFound` where the tenant has none of that id, `FailedPrecondition` `CUSTOMER_DELETED`.
    pub async fn add_application_note(&self, id: Uuid, actor: &str, note: &str) -> Result<Application> {
        let application = self.lock_application(id).await?;
        application.must_be_somebodys()?;
        self.changes(Change::of(ResourceKind::Application, id, "noted"));
        self.append_event(id, Happened::noted(application.status, actor, note)).await?;
        Ok(application)
    }
}
