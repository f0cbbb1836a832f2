//! `lekalo health`: what a running server says of itself; for probes where there is no other client, as in an image without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tonic::Code;
use tonic::transport::Endpoint;
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
/// Exit code 0: SERVING; 1: it knows no such name, or the arguments are wrong; 2: nobody answers; 3: not serving.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo health
  lekalo health liveness --addr lekalo.internal:50051")]
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
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let addr = match args.addr {
        Some(addr) => addr,
        // Whatever else is wrong there: it is not the server's.
        None => Config::load().map_or_else(|_| default_addr(), |config| reachable(config.addr).to_string()),
    };
    let ask = async {
        let channel = Endpoint::from_shared(format!("http://{addr}"))?.connect().await?;
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
            Some(status) if status.code() == Code::NotFound => {
                let names: Vec<&str> = health_names().collect();
                wrong(1, "the server knows no such name".to_owned(), &format!("there are {}", names.join(", ")))
            }
            Some(status) => {
                let problem = format!("{:?}: {}", status.code(), status.message());
                wrong(NO_ANSWER, problem, "is it a server of this program?")
            }
            None => wrong(
                NO_ANSWER,
                format!("nobody listens ({})", chain(error.as_ref())),
                "start it with `lekalo serve`, or say where with --addr",
            ),
        },
        Err(_) => {
            let problem = format!("no answer within {}", humantime::format_duration(args.timeout));
            wrong(NO_ANSWER, problem, "it may be frozen")
        }
    }
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
