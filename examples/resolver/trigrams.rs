//! PostgreSQL's `pg_trgm` over the same spellings, in a server of its own in a temporary folder.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};
use lekalo_vehicles::Reference;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, Statement};

/// A way of asking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    pub name: &'static str,
    /// How alike the query `$1` and a spelling are, 0 to 1.
    score: &'static str,
    condition: &'static str,
    setting: &'static str,
    /// What PostgreSQL sets where nobody does.
    pub default: f32,
}

/// Of the three only the last cannot use the index: an operator class has no operator for "the column is a word of the query".
pub const WAYS: [Way; 3] = [
    Way {
        name: "query % spelling",
        score: "similarity($1, spelling)",
        condition: "spelling % $1",
        setting: "pg_trgm.similarity_threshold",
        default: 0.3,
    },
    Way {
        name: "query <% spelling",
        score: "word_similarity($1, spelling)",
        condition: "$1 <% spelling",
        setting: "pg_trgm.word_similarity_threshold",
        default: 0.6,
    },
    Way {
        name: "spelling <% query",
        score: "word_similarity(spelling, $1)",
        condition: "spelling <% $1",
        setting: "pg_trgm.word_similarity_threshold",
        default: 0.6,
    },
];

/// A car found: brand, model, how alike.
pub type Hit = (String, String, f32);

/// A running server with every spelling in a table.
pub struct Trigrams {
    server: EmbeddedServer,
    client: Client,
    _home: TempDir,
}

impl Trigrams {
    /// Starts a server and fills it with every spelling of every model: alone, and after each of its brand's two names.
    pub async fn start(reference: &Reference) -> Result<Self, Box<dyn Error>> {
        let home = tempfile::Builder::new()
            .prefix("lekalo-trigrams-")
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()?;
        let options = EmbeddedOptions { data_dir: Some(home.path().join("data")), ..EmbeddedOptions::default() };
        let server = EmbeddedServer::start(&options).await?;
        let (client, connection) = server.config().connect(NoTls).await?;
        tokio::spawn(connection);
        let known = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'";
        if client.query_opt(known, &[]).await?.is_none() {
            return Err("this PostgreSQL comes without pg_trgm: install its contrib modules \
                        (Debian and Ubuntu have them in `postgresql`) or point LEKALO_PG_BIN at one that has them"
                .into());
        }
        client
            .batch_execute(
                "CREATE EXTENSION pg_trgm;
                 CREATE TABLE spellings (brand text NOT NULL, model text NOT NULL, spelling text NOT NULL)",
            )
            .await?;
        let (mut brands, mut models, mut spellings) = (Vec::new(), Vec::new(), Vec::new());
        for brand in &reference.brands {
            for model in &brand.models {
                for spelling in model.spellings() {
                    let [latin, russian] = [&brand.name, &brand.ru].map(|name| format!("{name} {spelling}"));
                    for spelling in [spelling, &latin, &russian] {
                        brands.push(brand.name.as_str());
                        models.push(model.name.as_str());
                        spellings.push(spelling.to_lowercase());
                    }
                }
            }
        }
        let fill = "INSERT INTO spellings SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[])";
        client.execute(fill, &[&brands, &models, &spellings]).await?;
        client.batch_execute("CREATE INDEX ON spellings USING gin (spelling gin_trgm_ops)").await?;
        client.batch_execute("VACUUM ANALYZE spellings").await?;
        Ok(Self { server, client, _home: home })
    }

    /// Makes ready to ask in a way: what is less alike than the threshold is not found.
    pub async fn prepare(&self, way: Way, threshold: f32) -> Result<Statement, Box<dyn Error>> {
        let Way { score, condition, setting, .. } = way;
        // Of the spellings equally alike as a part, the one that is more alike as a whole goes first.
        let find = format!(
            "SELECT brand, model, max({score}) AS score
             FROM spellings WHERE {condition}
             GROUP BY brand, model
             ORDER BY score DESC, max(similarity($1, spelling)) DESC, brand, model
             LIMIT 5"
        );
        self.client.batch_execute(&format!("SET {setting} = {threshold}")).await?;
        Ok(self.client.prepare(&find).await?)
    }

    /// The five cars most alike, best first.
    pub async fn find(&self, statement: &Statement, query: &str) -> Result<Vec<Hit>, Box<dyn Error>> {
        let rows = self.client.query(statement, &[&query]).await?;
        Ok(rows.iter().map(|row| (row.get("brand"), row.get("model"), row.get("score"))).collect())
    }

    /// The same way to the server and back for nothing.
    pub async fn ping(&self) -> Result<(), Box<dyn Error>> {
        self.client.query("SELECT 1", &[]).await?;
        Ok(())
    }

    pub async fn stop(self) -> Result<(), Box<dyn Error>> {
        Ok(self.server.stop().await?)
    }
}
