//! One tenant's data, as most commands work with it.

use super::database::{Database, DatabaseArgs};
use super::lookup;
use crate::db::Db;
use crate::domain::tenant::Tenant;

#[derive(Debug, clap::Args)]
pub struct ShopArgs {
    /// The tenant's slug
    #[arg(long, value_name = "SLUG")]
    pub tenant: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

impl ShopArgs {
    /// Works with the tenant's data, then lets the database go, however it went.
    ///
    /// # Errors
    /// What the work comes to, or the user's, where there is no such database or tenant.
    pub async fn open(&self, work: impl AsyncFnOnce(&Db, &Tenant) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut database = Database::open(&self.database).await?;
        let db = database.connect().await?;
        let tenant = lookup::tenant(&db, &self.tenant, &self.database).await?;
        let done = work(&db, &tenant).await;
        database.close().await?;
        done
    }
}
