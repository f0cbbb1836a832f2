//! What belongs to tenants.

use tokio_postgres::Client;

/// The tables that have a tenant's rows.
pub async fn tenant_tables(client: &Client) -> Vec<String> {
    let rows = client
        .query(
            "SELECT table_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
