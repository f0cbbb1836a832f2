//! `lekalo demo`: the quick start.

use std::net::SocketAddr;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::database::{Database, DatabaseArgs};
use super::load::{Destination, LanguageArg, Target, load_rows};
use super::output::{self, UserError};
use super::progress::Progress;
use super::serve::{listen, serve, stop_signal, unless};
use crate::config::Config;
use crate::db::Db;
use crate::domain::import::Mode;
use crate::grpc::Access;
use crate::import::rows;
use lekalo_vehicles::Index;

const SAMPLE: &[u8] = include_bytes!("../../data/sample-price-list.pdf");
const SAMPLE_NAME: &str = "sample-price-list.pdf";
/// Whose price list the sample is.
const IMPORTS: [(&str, &str); 2] = [("evopoliki", "eva_mats"), ("five_deluxe", "5d_mats")];

/// Try everything: private PostgreSQL, migrations, seed, sample price list, server
///
/// Prints calls to paste. Ctrl-C or SIGTERM stops all of it; the data stays, and the next start takes up from there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo demo
  lekalo demo --data-dir /tmp/lekalo-demo --addr 127.0.0.1:50061")]
pub struct Args {
    /// Where the private server keeps its data [default: /var/lib/lekalo/demo as root, else ~/.local/share/lekalo/demo]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to listen [default: LEKALO_ADDR, else 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut stop = stop_signal()?;
    let data_dir = match args.data_dir {
        Some(dir) => dir,
        None => lekalo_postgres::data_home()?.join("demo"),
    };
    // Whether the port is free is better known before the work than after it.
    let config = Config::load()?;
    let addr = args.addr.unwrap_or(config.addr);
    if !addr.ip().is_loopback() {
        return Err(UserError::error(
            format!("the demo asks for no API key, and {addr} can be reached from other machines"),
            "leave --addr at 127.0.0.1; `lekalo serve` is for others",
        ));
    }
    let listener = listen(addr).await?;
    talk!("starting a private PostgreSQL in {}", data_dir.display());
    let embedded = DatabaseArgs { embedded: true, data_dir: Some(data_dir.clone()) };
    let Some(mut database) = unless(&mut stop, Database::of(config, &embedded)).await? else { return Ok(()) };
    let ended = database.server_ended();
    // The calls that it prints are plain.
    database.config.tls_server = None;
    let serving = async {
        let Some(db) = unless(&mut stop, fill(&mut database, &embedded)).await? else { return Ok(()) };
        let flags = format!("--embedded --data-dir {}", data_dir.display());
        let addr = listener.local_addr()?;
        talk!("listening on {addr}");
        // Nobody may read them; the server is there all the same.
        let _ = print_calls(addr, &flags);
        Box::pin(serve(db, Access::Anybody, listener, None, &database.config, stop)).await
    };
    let served = tokio::select! {
        served = Box::pin(serving) => served,
        error = ended => Err(error),
    };
    talk!("stopping PostgreSQL");
    served.and(database.close().await)
}

/// Migrates, seeds, and imports the sample.
async fn fill(database: &mut Database, embedded: &DatabaseArgs) -> anyhow::Result<Db> {
    let position = database.migrate().await?;
    talk!("schema at version {}", position.current);
    let db = database.connect().await?;
    let seeded = db.apply_seed(&crate::seed::shipped()?, false).await?;
    let inserted: i64 = seeded.iter().map(|table| table.inserted).sum();
    talk!("seeded: {inserted} new rows in {} tables", seeded.len());

    let table = lekalo_documents::extract(SAMPLE)?;
    let rows = rows::clean_table(&table, Index::shipped()).map_err(|failure| anyhow::anyhow!(failure.message))?;
    let sha256 = Sha256::digest(SAMPLE).to_vec();
    for (tenant, category) in IMPORTS {
        let target = Target {
            tenant: tenant.into(),
            category: category.into(),
            mode: Mode::Merge,
            allow_large_withdrawal: false,
            dry_run: false,
            language: LanguageArg::default(),
        };
        let destination = Destination::find(&db, &target, embedded).await?;
        let loaded =
            load_rows(&db, &destination, &target, SAMPLE_NAME, sha256.clone(), rows.clone(), &Progress::default())
                .await?;
        let counts = loaded.import.counts;
        talk!(
            "imported {SAMPLE_NAME} into {tenant}/{category}: {} rows read = {} created + {} updated + {} unchanged + \
             {} merged + {} rejected + {} headers",
            counts.rows_read,
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.merged,
            counts.rejected,
            counts.headers
        );
    }
    Ok(db)
}

/// Calls to paste, one per thing a bot asks first.
fn print_calls(addr: SocketAddr, flags: &str) -> anyhow::Result<()> {
    let calls = [
        ("What does the shop sell?", "CatalogService/ListCategories", r#"{"tenant":"evopoliki"}"#),
        (
            "For which brands has it EVA mats? (8 to a keyboard)",
            "CatalogService/ListBrands",
            r#"{"tenant":"evopoliki","category":"eva_mats","page_size":8}"#,
        ),
        (
            "Which Toyotas?",
            "CatalogService/ListModels",
            r#"{"tenant":"evopoliki","category":"eva_mats","brand":"toyota","order_by":"ORDER_BY_POPULARITY"}"#,
        ),
        (
            "Is there a pattern for a Camry 70?",
            "CatalogService/FindPatterns",
            r#"{"tenant":"evopoliki","category":"eva_mats","brand":"toyota","model":"camry","generation":"70"}"#,
        ),
        ("What became of the price list's rows?", "ImportService/ListImports", r#"{"tenant":"evopoliki"}"#),
    ];
    output::line(format_args!(
        "Paste into another terminal (grpcurl works as well: grpcurl -plaintext -d DATA {addr} lekalo.v1.SERVICE/METHOD):"
    ))?;
    for (question, method, data) in calls {
        output::line(format_args!(
            "\n# {question}\nnpx -y @bufbuild/buf@1.75.0 curl --protocol grpc --http2-prior-knowledge -d '{data}' \
             http://{addr}/lekalo.v1.{method}"
        ))?;
    }
    let program = output::program();
    output::line(format_args!(
        "\n# SQL on the same database\n{program} psql {flags}\n\n\
         # The demo asks for no API key. `lekalo serve` does; this issues one\n\
         {program} key issue --role chatbot --tenant evopoliki {flags}\n\nCtrl-C stops everything; the data stays."
    ))
}
