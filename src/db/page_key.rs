//! What the tokens of pages are sealed with.

use super::Db;
use super::query::{Query, one};
use crate::domain::error::Result;
use crate::domain::page::PageKey;

impl Db {
    /// The same on every server; read once.
    pub async fn page_key(&self) -> Result<&PageKey> {
        let read = async || {
            let query = "-- page_key\n SELECT value FROM service_secrets WHERE name = 'page_tokens'";
            let [rows] = self.read([Query::new(query)]).await?;
            Ok(PageKey::new(one(rows)?.try_get("value")?))
        };
        self.page_key.get_or_try_init(read).await
    }
}
