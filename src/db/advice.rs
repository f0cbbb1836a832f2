//! The classic failures in plain words, for operators: the terminal and the log, never a client.

use std::error::Error;

pub use lekalo_migrate::failure::chain;
use lekalo_migrate::failure::message;
use tokio_postgres::error::SqlState;

use super::error::Fault;

/// What to tell an operator: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    pub problem: String,
    pub remedy: String,
}

/// Advice for a failure of PostgreSQL anywhere among an error's causes; none if it is another kind of failure. `role` is
/// the role that worked, which need not be the one that `config` logs in as.
pub fn advise(error: &(dyn Error + 'static), config: &tokio_postgres::Config, role: &str) -> Option<Advice> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(postgres) = current.downcast_ref::<tokio_postgres::Error>() {
            return Some(advise_postgres(postgres, config, role));
        }
        if let Some(Fault(postgres)) = current.downcast_ref::<Fault>() {
            return Some(advise_postgres(postgres, config, role));
        }
        cause = current.source();
    }
    None
}

fn advise_postgres(error: &tokio_postgres::Error, config: &tokio_postgres::Config, role: &str) -> Advice {
    let login = config.get_user().unwrap_or("postgres");
    let Some(db) = error.as_db_error() else {
        return unreachable_server(error, config);
    };
    let message = message(db);
    let database = config.get_dbname().unwrap_or(login);
    match *db.code() {
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => Advice {
            problem: format!("the database `{database}` lacks a table: {message}"),
            remedy: "its schema is older than this program: run `lekalo migrate current` to see its version, \
                     then `lekalo migrate up`"
                .into(),
        },
        SqlState::INSUFFICIENT_PRIVILEGE => match message.strip_prefix("permission denied for ") {
            Some(object) => Advice {
                problem: format!("permission denied: the role `{role}` may not use {object}"),
                remedy: format!("as the owner run: {}", grant_for(object, role)),
            },
            None => Advice {
                problem: format!("permission denied: the role `{login}` is refused: {message}"),
                remedy: remedy_of_refusal(&message, database, login),
            },
        },
        SqlState::INVALID_CATALOG_NAME => Advice {
            problem: format!("the database `{database}` does not exist on {}", place(config)),
            remedy: format!("create it (`createdb {database}`) or correct DB_NAME / DATABASE_URL"),
        },
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Advice {
            problem: format!("the server refused the role `{login}`: {message}"),
            remedy: "correct DB_USER and DB_PASSWORD, or DATABASE_URL".into(),
        },
        SqlState::READ_ONLY_SQL_TRANSACTION => Advice {
            problem: format!("the database `{database}` takes no writes just now: {message}"),
            remedy: "end default_transaction_read_only (of the database or the role), or go to the primary server"
                .into(),
        },
        SqlState::LOCK_NOT_AVAILABLE => Advice {
            problem: format!("somebody holds a lock in `{database}` for too long: {message}"),
            remedy:
                "let it end, or look for it: SELECT pid, application_name, query FROM pg_stat_activity WHERE state <> \
                     'idle' ORDER BY xact_start"
                    .into(),
        },
        // PgBouncer's answer to the role that is chosen on connecting.
        SqlState::PROTOCOL_VIOLATION if message.contains("startup parameter") => Advice {
            problem: format!("the pooler at {} does not let `{login}` switch its role: {message}", place(config)),
            remedy: "give the service a role of its own in DATABASE_URL (CREATE ROLE bot LOGIN PASSWORD '…' IN ROLE \
                     lekalo_app) and LEKALO_SWITCH_ROLE=never; what migrates goes past the pooler \
                     (LEKALO_OWNER_DATABASE_URL)"
                .into(),
        },
        _ => Advice {
            problem: format!("PostgreSQL answered {}: {message}", db.code().code()),
            remedy: "run `lekalo check` for a full report".into(),
        },
    }
}

/// What helps where a right is no single grant on an object.
fn remedy_of_refusal(message: &str, database: &str, login: &str) -> String {
    if message.starts_with("permission denied to set role") {
        format!("as a superuser run: GRANT lekalo_app TO {login}")
    } else if message.starts_with("permission denied to create extension") {
        format!(
            "as the database's owner run: GRANT CREATE ON DATABASE {database} TO {login}; or as a superuser create it"
        )
    } else if message.starts_with("permission denied to create role") {
        "as a superuser run: CREATE ROLE lekalo_app NOLOGIN".to_owned()
    } else if message.starts_with("must be owner of") {
        "do it as its owner (LEKALO_OWNER_DATABASE_URL) or as a superuser".to_owned()
    } else {
        "do it as a role that may, or as a superuser".to_owned()
    }
}

fn grant_for(object: &str, role: &str) -> String {
    match object.split_once(' ') {
        Some(("table", name @ "refinery_schema_history")) => {
            format!("GRANT SELECT ON {name} TO {role}; or, to migrate, give the owner in LEKALO_OWNER_DATABASE_URL")
        }
        Some(("table", name)) => format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {role}"),
        Some(("sequence", name)) => format!("GRANT USAGE ON SEQUENCE {name} TO {role}"),
        Some(("schema", name)) => format!(
            "GRANT USAGE, CREATE ON SCHEMA {name} TO {role}; or, where that role only serves, give the one that migrates in \
             LEKALO_OWNER_DATABASE_URL"
        ),
        Some(("database", name)) => format!("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name} TO {role}"),
        _ => format!("GRANT the privilege to {role}"),
    }
}

/// Whether client and server could not agree on encryption.
pub(super) fn has_tls_cause(error: &tokio_postgres::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    cause.and_then(std::io::Error::get_ref).is_some_and(|cause| cause.is::<rustls::Error>())
}

fn unreachable_server(error: &tokio_postgres::Error, config: &tokio_postgres::Config) -> Advice {
    let cause = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    if has_tls_cause(error) {
        return Advice {
            problem: format!("no TLS with the PostgreSQL server at {}: {}", place(config), chain(error)),
            remedy:
                "make this machine trust the root that signed the certificate (or give its file in sslrootcert or SSL_CERT_FILE), \
                     and name the host as the certificate does; DB_SSLMODE=require asks for no trust"
                    .into(),
        };
    }
    if cause.is_none() && !error.is_closed() {
        return Advice {
            problem: format!("the PostgreSQL server at {} is asked in a wrong way: {}", place(config), chain(error)),
            remedy: "correct DATABASE_URL, or DB_USER, DB_PASSWORD and DB_SSLMODE".into(),
        };
    }
    let what = match cause.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => "nothing listens there".to_owned(),
        Some(std::io::ErrorKind::NotFound) => "there is no such socket".to_owned(),
        Some(std::io::ErrorKind::TimedOut) => "it does not answer".to_owned(),
        _ => chain(error),
    };
    Advice {
        problem: format!("the PostgreSQL server is not reachable at {}: {what}", place(config)),
        remedy: "start it, correct DB_HOST and DB_PORT (or DATABASE_URL), or use `--embedded` for a private server"
            .into(),
    }
}

/// Host and port, as in `db.example:5432`.
pub fn place(config: &tokio_postgres::Config) -> String {
    use tokio_postgres::config::Host;
    let ports = config.get_ports();
    let places: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}/.s.PGSQL.{port}", path.display()),
            }
        })
        .collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_name_the_object() {
        assert_eq!(grant_for("table patterns", "bot"), "GRANT SELECT, INSERT, UPDATE, DELETE ON patterns TO bot");
        assert!(grant_for("schema public", "bot").starts_with("GRANT USAGE, CREATE ON SCHEMA public TO bot; or, "));
        let history = grant_for("table refinery_schema_history", "bot");
        assert!(history.starts_with("GRANT SELECT ON refinery_schema_history TO bot; or, "), "{history}");
    }

    #[test]
    fn a_place_is_host_and_port() {
        let config: tokio_postgres::Config = "host=db.example port=6432 user=x".parse().unwrap();
        assert_eq!(place(&config), "db.example:6432");
    }
}
