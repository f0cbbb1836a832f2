//! `lekalo health`: what a running server says of itself; for probes where there is no other client, as in an image without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use lekalo_migrate::tls::{Identity, Mode, Tls};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::output::{self, UserError};
use crate::config::Config;
use crate::db::advice::chain;
use crate::grpc::health_names;

/// The exit codes: nobody answers, and who answers does not serve.
const NO_ANSWER: u8 = 2;
const NOT_SERVING: u8 = 3;

/// Ask a running server how it is
///
/// Exit code 0: SERVING; 1: it knows no such name, or the arguments are wrong; 2: nobody answers; 3: not serving. Over TLS where
/// LEKALO_TLS_CERT is set or an option of TLS is given; a server on this machine may show any certificate unless --tls-ca says
/// who signs it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo health
  lekalo health liveness --addr lekalo.internal:50051
  lekalo health --addr 10.0.0.7:50051 --tls-ca ca.pem --tls-name lekalo.example")]
pub struct Args {
    /// What to ask for: `liveness`, `readiness`, or a service such as lekalo.v1.CatalogService
    #[arg(default_value = "readiness")]
    service: String,
    /// Where the server listens [default: LEKALO_ADDR, else 127.0.0.1:50051]
    #[arg(long, value_name = "HOST:PORT", value_parser = place)]
    addr: Option<String>,
    /// How long to wait for its answer
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "3s")]
    timeout: Duration,
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(Debug, clap::Args)]
struct TlsArgs {
    /// Ask over TLS
    #[arg(long)]
    tls: bool,
    /// Who signs the server's certificate, a PEM file [default: those whom this machine trusts]
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// The name that the certificate must have [default: the address]
    #[arg(long, value_name = "NAME")]
    tls_name: Option<String>,
    /// Who we are, where the server asks for it, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    // Whatever else is wrong there: it is not the server's.
    let config = match Config::load() {
        Ok(config) => Some(config),
        Err(error) => {
            talk!("the server's own settings are not known, for {error}");
            None
        }
    };
    let configured = config.as_ref().map(|config| reachable(config.addr).to_string());
    let addr = args.addr.or(configured).unwrap_or_else(default_addr);
    let tls = args.tls.client(&addr, config.is_some_and(|config| config.tls_server.is_some()))?;
    let ask = async {
        let channel = connect(addr.clone(), tls).await?;
        let request = HealthCheckRequest { service: args.service.clone() };
        anyhow::Ok(HealthClient::new(channel).check(request).await?.into_inner().status())
    };
    let wrong = |code, problem: String, hint: &str| {
        Err(UserError::with_code(code, format!("{} at {addr}: {problem}", args.service), hint))
    };
    match tokio::time::timeout(args.timeout, ask).await {
        Ok(Ok(status)) if status.as_str_name() == "SERVING" => output::line("SERVING"),
        Ok(Ok(status)) => wrong(NOT_SERVING, status.as_str_name().to_owned(), "the server's log says why"),
        Ok(Err(error)) => match error.downcast_ref::<tonic::Status>() {
            _ if is_refused(&error) => wrong(
                NO_ANSWER,
                format!("nobody listens ({})", chain(error.as_ref())),
                "start it with `lekalo serve`, or say where with --addr",
            ),
            Some(status) if status.code() == Code::NotFound => {
                let names: Vec<&str> = health_names().collect();
                wrong(1, "the server knows no such name".to_owned(), &format!("there are {}", names.join(", ")))
            }
            Some(status) if std::error::Error::source(status).is_none() => {
                let problem = format!("{:?}: {}", status.code(), status.message());
                wrong(NO_ANSWER, problem, "is it a server of this program?")
            }
            _ => {
                let problem = chain(error.as_ref());
                wrong(NO_ANSWER, format!("it does not speak with us ({problem})"), remedy(&problem))
            }
        },
        Err(_) => {
            let problem = format!("no answer within {}", humantime::format_duration(args.timeout));
            wrong(NO_ANSWER, problem, "it may be frozen")
        }
    }
}

impl TlsArgs {
    /// How to encrypt, and which name to expect; none: not at all.
    fn client(self, addr: &str, is_usual: bool) -> anyhow::Result<Option<(TlsConnector, ServerName<'static>)>> {
        let is_asked = self.tls || self.tls_ca.is_some() || self.tls_name.is_some() || self.tls_cert.is_some();
        if !is_asked && !is_usual {
            return Ok(None);
        }
        let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host).trim_matches(['[', ']']);
        // On the way to this machine itself nobody else can be met, and the name there is not the certificate's.
        let is_here = is_loopback(host) && self.tls_ca.is_none() && self.tls_name.is_none();
        let tls = Tls {
            roots: self.tls_ca,
            identity: self.tls_cert.zip(self.tls_key).map(|(certificate, key)| Identity { certificate, key }),
            ..Tls::new(if is_here { Mode::Require } else { Mode::VerifyFull })
        };
        let name = match self.tls_name {
            Some(name) => ServerName::try_from(name).map_err(|_| {
                UserError::error("--tls-name is no host's name", "name the host as the certificate does")
            })?,
            None => ServerName::try_from(host.to_owned())?,
        };
        let client = tls.client_config(b"h2").map_err(|error| UserError::error(format!("{error:#}"), ""))?;
        Ok(Some((TlsConnector::from(Arc::new(client)), name)))
    }
}

async fn connect(addr: String, tls: Option<(TlsConnector, ServerName<'static>)>) -> anyhow::Result<Channel> {
    let target = addr.clone();
    let connector = tower::service_fn(move |_| {
        let (target, tls) = (target.clone(), tls.clone());
        async move {
            let stream = TcpStream::connect(target).await?;
            let stream = match tls {
                Some((connector, name)) => Either::Right(connector.connect(name, stream).await?),
                None => Either::Left(stream),
            };
            std::io::Result::Ok(TokioIo::new(stream))
        }
    });
    Ok(Endpoint::from_shared(format!("http://{addr}"))?.connect_with_connector(connector).await?)
}

/// What to do about a connection that did not come about. TLS and names fail in the words of their libraries alone.
fn remedy(problem: &str) -> &'static str {
    let remedies = [
        ("lookup address", "there is no such host: say where with --addr"),
        ("InvalidContentType", "it speaks no TLS: ask without --tls"),
        ("not valid for name", "say which name the certificate has with --tls-name"),
        ("UnknownIssuer", "say who signs the certificate with --tls-ca"),
        (
            "CaUsedAsEndEntity",
            "that is an authority's certificate; a server's has basicConstraints CA:FALSE (docs/security.md)",
        ),
        ("Expired", "the certificate has expired: renew it"),
        ("CertificateRequired", "it asks who we are: --tls-cert and --tls-key"),
    ];
    let remedy = remedies.into_iter().find(|(words, _)| problem.contains(words));
    remedy
        .map_or("a server with TLS is asked with --tls and, if it asks who we are, --tls-cert and --tls-key", |it| it.1)
}

fn is_refused(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn default_addr() -> String {
    let named = std::env::var("LEKALO_ADDR").ok().and_then(|addr| addr.parse().ok());
    reachable(named.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 50051)))).to_string()
}

/// Where somebody may listen: an address, or a name that leads to one.
fn place(text: &str) -> Result<String, &'static str> {
    if let Ok(addr) = text.parse() {
        return Ok(reachable(addr).to_string());
    }
    let is_name = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    match text.rsplit_once(':') {
        Some((host, port)) if is_name(host) && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("must be HOST:PORT, such as 127.0.0.1:50051 or lekalo.internal:50051"),
    }
}

/// Who listens everywhere is asked here.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let here = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(here, addr.port())
}
