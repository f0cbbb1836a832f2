//! What each parameter of an address comes to.

use std::path::PathBuf;

use lekalo_migrate::tls::{Identity, Mode, Tls};

use super::texts::encoded;

/// Handed on to the driver as they are.
#[rustfmt::skip] // a list to look through
const DRIVERS: [&str; 10] = [
    "user", "password", "dbname", "options", "hostaddr", "channel_binding", "sslnegotiation", "target_session_attrs",
    "keepalives", "keepalives_interval",
];

/// Done here.
#[rustfmt::skip] // a list to look through
const OURS: [&str; 17] = [
    "host", "port", "keepalives_count", "sslmode", "ssl", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslsni",
    "sslcompression", "ssl_min_protocol_version", "sslcertmode", "gssencmode", "client_encoding", "schema",
    "pgbouncer",
];

/// Of no effect, and what has that effect here, if anything has. Lekalo's pool knows for itself how long to wait, whom it
/// says it is, and that a pooler may be in between.
const IGNORED: [(&str, &str); 25] = [
    ("application_name", ""),
    ("fallback_application_name", ""),
    ("connect_timeout", ""),
    ("tcp_user_timeout", ""),
    ("keepalives_idle", ""),
    ("load_balance_hosts", ""),
    ("ssl_max_protocol_version", ""),
    ("gssdelegation", ""),
    ("gsslib", ""),
    ("krbsrvname", ""),
    ("connection_limit", "DB_POOL_SIZE"),
    ("pool_size", "DB_POOL_SIZE"),
    ("pool_max_conns", "DB_POOL_SIZE"),
    ("pool_timeout", "DB_POOL_TIMEOUT"),
    ("socket_timeout", ""),
    ("command_timeout", ""),
    ("max_connection_lifetime", "DB_POOL_MAX_LIFETIME"),
    ("statement_cache_size", ""),
    ("statement_cache_capacity", ""),
    ("prepared_statement_cache_size", ""),
    ("prepareThreshold", ""),
    ("default_query_exec_mode", ""),
    ("uselibpqcompat", ""),
    ("supa", ""),
    ("workaround", ""),
];

/// What would lead elsewhere, or be less safe than it looks, if it were ignored; and what to do.
const REFUSED: [(&str, &str); 11] = [
    ("service", "service files are not read: write out what it stands for"),
    ("servicefile", "service files are not read: write out what it stands for"),
    ("passfile", "password files are not read: put the password into the address, and that into a file (…_FILE)"),
    ("sslpassword", "encrypted keys are not read: decrypt it with `openssl pkey -in FILE -out FILE`"),
    ("sslidentity", "PKCS #12 is not read: write PEM files and name them in sslcert and sslkey"),
    ("sslaccept", "say sslmode=require or sslmode=verify-full instead"),
    ("sslcrldir", "folders are not read: put the lists into one file and name it in sslcrl"),
    ("requirepeer", "whose a socket is is not checked: remove it"),
    ("require_auth", "remove it; channel_binding=require asks for SCRAM and a server that knows the password"),
    ("replication", "Lekalo does not replicate: remove it"),
    ("ssl_ca", "name the file in sslrootcert"),
];

#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// Those that go before the authority's, percent-encoded.
    pub hosts: Vec<String>,
    pub ports: Option<String>,
    pub ignored: Vec<String>,
    /// For the driver, as a URL has it.
    pub passed_on: String,
    mode: Option<Mode>,
    roots: Option<String>,
    revoked: Option<PathBuf>,
    identity: Identity,
    only_1_3: bool,
    hides_host: bool,
}

impl Parameters {
    /// # Errors
    /// That there is no such parameter, or not with this value; names it, and of its value nothing that may be a secret.
    pub fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some((_, remedy)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            return Err(format!("{name}: {remedy}"));
        }
        if let Some((_, instead)) = IGNORED.iter().find(|(ignored, _)| *ignored == name) {
            let instead = if instead.is_empty() { String::new() } else { format!(" ({instead} has that)") };
            self.ignored.push(format!("{name}{instead}"));
            return Ok(());
        }
        let one_of = |known: &[&str], what: &str| {
            if known.contains(&value) { Ok(()) } else { Err(format!("{name} {what}")) }
        };
        match name {
            "host" => {
                self.hosts.extend(value.split(',').filter(|host| !host.is_empty()).map(encoded));
            }
            "port" => self.ports = Some(value.to_owned()).filter(|ports| !ports.is_empty()),
            "keepalives_count" => self.pass_on("keepalives_retries", value),
            // The driver has no word for it: a server that takes writes is one.
            "target_session_attrs" if value == "primary" => self.pass_on(name, "read-write"),
            "sslmode" if value == "no-verify" => self.mode = Some(Mode::Require),
            "sslmode" => self.mode = Some(value.parse().map_err(|problem| format!("sslmode {problem}"))?),
            // Java's and Python's.
            "ssl" => {
                self.mode = Some(match value {
                    "true" | "1" | "on" => Mode::Require,
                    "false" | "0" | "off" => Mode::Disable,
                    mode => mode.parse().map_err(|_| "ssl must be true, false or what sslmode may be".to_owned())?,
                });
            }
            "sslrootcert" => self.roots = Some(value.to_owned()).filter(|path| !path.is_empty()),
            "sslcert" => self.identity.certificate = value.into(),
            "sslkey" => self.identity.key = value.into(),
            "sslcrl" => self.revoked = Some(value.into()).filter(|_| !value.is_empty()),
            "sslsni" => {
                one_of(&["0", "1"], "must be 0 or 1")?;
                self.hides_host = value == "0";
            }
            "ssl_min_protocol_version" => {
                one_of(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"], "must be TLSv1.2 or TLSv1.3")?;
                self.only_1_3 = value == "TLSv1.3";
            }
            "sslcompression" => one_of(&["0"], "must be 0: nothing is compressed")?,
            "sslcertmode" => one_of(&["allow"], "must be allow: a certificate is shown where the server asks")?,
            "gssencmode" => one_of(&["disable", "prefer"], "must be disable: there is no GSSAPI here")?,
            "client_encoding" => {
                one_of(&["UTF8", "utf8", "UTF-8", "utf-8", "auto"], "must be UTF8: all text here is")?;
            }
            "schema" => one_of(&["public"], "must be public: Lekalo's tables are there")?,
            // It works through one whatever this says.
            "pgbouncer" => one_of(&["true", "false"], "must be true or false")?,
            _ if DRIVERS.contains(&name) => self.pass_on(name, value),
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    fn pass_on(&mut self, name: &str, value: &str) {
        self.passed_on += &format!("{name}={}&", encoded(value));
    }

    /// How to encrypt; `default`, where nothing is said.
    pub fn tls(&mut self, default: Mode) -> Result<Tls, String> {
        let mut mode = self.mode.unwrap_or(default);
        if self.roots.as_deref() == Some("system") {
            if self.mode.is_some_and(|mode| mode != Mode::VerifyFull) {
                return Err("sslrootcert=system: needs sslmode=verify-full, for anybody gets a certificate".into());
            }
            (mode, self.roots) = (Mode::VerifyFull, None);
        }
        // libpq has it so, and what managed databases tell people to write rests on it.
        if mode == Mode::Require && self.roots.is_some() {
            mode = Mode::VerifyCa;
        }
        for (name, is_given) in [("sslrootcert", self.roots.is_some()), ("sslcrl", self.revoked.is_some())] {
            if is_given && !mode.verifies() {
                self.ignored.push(format!("{name} (with sslmode={} nobody is verified)", mode.word()));
            }
        }
        let identity = match (self.identity.certificate.as_os_str(), self.identity.key.as_os_str()) {
            (certificate, key) if certificate.is_empty() && key.is_empty() => None,
            (_, key) if key.is_empty() => return Err("sslcert: needs its key in sslkey".into()),
            (certificate, _) if certificate.is_empty() => return Err("sslkey: needs its certificate in sslcert".into()),
            _ => Some(self.identity.clone()),
        };
        Ok(Tls {
            mode,
            roots: self.roots.take().map(PathBuf::from),
            revoked: self.revoked.take(),
            identity,
            only_1_3: self.only_1_3,
            hides_host: self.hides_host,
        })
    }
}

fn unknown(name: &str) -> String {
    let is_plain = name.len() <= 40 && name.chars().all(|ch| ch.is_ascii_alphanumeric() || "._-".contains(ch));
    if !is_plain {
        return super::texts::NO_URL.into();
    }
    let known = DRIVERS.iter().chain(&OURS).chain(IGNORED.iter().map(|(name, _)| name));
    let likeness = |known: &&str| strsim::jaro_winkler(known, name);
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|nearest| likeness(nearest) > 0.8);
    match nearest {
        Some(nearest) => format!("`{name}` is not a parameter of a database; did you mean `{nearest}`?"),
        None => format!("`{name}` is not a parameter of a database that is known here: remove it"),
    }
}
