//! Which database a command works on: the configured one, or the embedded one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lekalo_migrate::{Position, tls};
use lekalo_postgres::{EmbeddedOptions, EmbeddedServer};

use super::output::UserError;
use crate::config::{Config, describe};
use crate::db::advice::{advise, chain};
use crate::db::{Db, check, migrations};

/// How often a server that is not there yet is looked for, and how often the log says so.
const LOOK: Duration = Duration::from_millis(500);
const SAY: Duration = Duration::from_secs(5);

/// The database flags that every such command has.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseArgs {
    /// Use a private PostgreSQL server instead of the configured one; started if it is not running
    #[arg(long)]
    pub embedded: bool,
    /// Where the private server keeps its data [default: /var/lib/lekalo/default as root, else ~/.local/share/lekalo/default]
    #[arg(long, value_name = "DIR", requires = "embedded")]
    pub data_dir: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The flags as they would be typed, with a space before each.
    pub fn as_flags(&self) -> String {
        let data_dir = self.data_dir.as_ref().map(|dir| format!(" --data-dir {}", dir.display()));
        if self.embedded { format!(" --embedded{}", data_dir.unwrap_or_default()) } else { String::new() }
    }
}

/// A database to work on, with the server that must outlive the work if it is the embedded one.
pub struct Database {
    pub config: Config,
    pub server: Option<EmbeddedServer>,
    /// The flags that lead to it, for hints.
    flags: String,
    db: Option<Db>,
}

impl Database {
    /// Reads the configuration and starts the embedded server if it is asked for.
    pub async fn open(args: &DatabaseArgs) -> anyhow::Result<Self> {
        Self::of(Config::load()?, args).await
    }

    /// Starts the embedded server if it is asked for.
    pub async fn of(mut config: Config, args: &DatabaseArgs) -> anyhow::Result<Self> {
        let flags = args.as_flags();
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        if !args.embedded {
            return Ok(Self { config, server: None, flags, db: None });
        }
        let options = EmbeddedOptions {
            data_dir: args.data_dir.clone(),
            pg_bin: config.pg_bin.clone(),
            ..EmbeddedOptions::default()
        };
        let server = EmbeddedServer::start(&options).await?;
        // Of a mistyped folder, too.
        if server.is_new() {
            talk!("there was no database in {}: a new one was made there", server.data_dir().display());
        }
        config.database = server.config();
        config.owner = None;
        config.switch_role = None;
        (config.tls, config.owner_tls) = (tls::OFF.clone(), tls::OFF.clone());
        Ok(Self { config, server: Some(server), flags, db: None })
    }

    /// Waits for a server that is not there yet, the owner's too where it is to migrate: `longest` at most, or until it is.
    /// What else is wrong is not waited for.
    ///
    /// # Errors
    /// It is still not there.
    pub async fn wait(&self, migrates: bool, longest: Option<Duration>) -> anyhow::Result<()> {
        let (as_role, as_owner) = (self.config.db_options(), self.config.owner_options());
        let began = Instant::now();
        let mut next_line = Duration::ZERO;
        for options in migrates.then_some(as_owner).into_iter().chain([as_role]) {
            while let Some(absence) = check::absence(&options).await {
                let waited = began.elapsed();
                if longest.is_some_and(|longest| waited + LOOK > longest) {
                    return Err(absence);
                }
                if waited >= next_line {
                    let advice = advise(absence.as_ref(), &options.config, options.role());
                    let problem = advice.map_or_else(|| chain(absence.as_ref()), |advice| advice.problem);
                    tracing::warn!("waiting for the database since {} s: {problem}", waited.as_secs());
                    next_line = waited + SAY;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Brings the schema to this program's version, as the owner, and logs what that took.
    pub async fn migrate(&self) -> anyhow::Result<Position> {
        let upgrade = migrations::up(self.config.owner(), &self.config.owner_tls).await?;
        if let (Some(first), Some(last)) = (upgrade.applied.first(), upgrade.applied.last()) {
            let upto = if first == last { String::new() } else { format!(" to {last}") };
            tracing::info!("migrated: applied {first}{upto}");
        }
        Ok(upgrade.position)
    }

    /// Brings the schema to this program's version before something is written. A dry run leaves it as it is, but for a
    /// private database that was made a moment ago: there is nothing in it yet. Whether it did.
    pub async fn prepare(&self, dry_run: bool) -> anyhow::Result<bool> {
        let is_new = self.server.is_some()
            && migrations::current(self.config.owner(), &self.config.owner_tls)
                .await
                .is_ok_and(|position| position.current == 0);
        let prepares = !dry_run || is_new;
        if prepares {
            self.migrate().await?;
        }
        Ok(prepares)
    }

    /// The pool, after making sure that the schema is there and that the pool's role may serve.
    pub async fn connect(&mut self) -> anyhow::Result<Db> {
        self.verify().await?;
        self.pool()
    }

    /// The pool, which connects when it is first used.
    pub fn pool(&mut self) -> anyhow::Result<Db> {
        let db = Db::new(&self.config.db_options()).context("cannot set the connection pool up")?;
        self.db = Some(db.clone());
        Ok(db)
    }

    /// Makes sure that the schema is there and that the pool's role may serve.
    pub async fn verify(&self) -> anyhow::Result<()> {
        // Whoever does not migrate need not be able to log in as the owner. A failure here is told better by the check of
        // the role.
        let position = match migrations::current(self.config.owner(), &self.config.owner_tls).await {
            Err(_) => migrations::current(&self.config.database, &self.config.tls).await,
            position => position,
        };
        if let Ok(position) = position {
            say_if_newer(position);
            self.verify_that_owner_is_of_the_same_database(position).await?;
            if position.current < position.latest {
                let name = self.config.database.get_dbname().unwrap_or_default();
                return Err(UserError::error(
                    format!(
                        "the database `{name}` is at schema version {}, this program needs {}",
                        position.current, position.latest
                    ),
                    format!("run `lekalo migrate up{}`", self.flags),
                ));
            }
        }
        check::role(&self.config.db_options()).await
    }

    async fn verify_that_owner_is_of_the_same_database(&self, owners: Position) -> anyhow::Result<()> {
        let Some(owner) = &self.config.owner else { return Ok(()) };
        let services = migrations::current(&self.config.database, &self.config.tls).await;
        if services.is_ok_and(|services| services.current != owners.current) {
            let (ours, theirs) = (describe(&self.config.database), describe(owner));
            return Err(UserError::error(
                format!("LEKALO_OWNER_DATABASE_URL leads to another database ({theirs}) than DATABASE_URL ({ours})"),
                "let both name the same one",
            ));
        }
        Ok(())
    }

    /// Waits until the private server ends that this process has started, which nobody told it to.
    pub fn server_ended(&self) -> impl Future<Output = anyhow::Error> + use<> {
        let ended = self.server.as_ref().map(EmbeddedServer::ended);
        async move {
            match ended {
                Some(ended) => ended.await.into(),
                None => std::future::pending().await,
            }
        }
    }

    /// Closes the pool, and stops the embedded server if this process started it.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Some(db) = self.db {
            db.close();
        }
        if let Some(server) = self.server {
            server.stop().await?;
        }
        Ok(())
    }
}

/// An older program goes on with a newer schema, as in a rollout, and says so.
pub fn say_if_newer(Position { current, latest }: Position) {
    if current > latest {
        tracing::warn!("the database is at version {current}, this program knows {latest}: going on, as in a rollout");
    }
}
