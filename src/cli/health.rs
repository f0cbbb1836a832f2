//! `lekalo health`: what a running server says of itself; for probes where there is no other client, as in an image without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::output::{self, UserError};
use crate::config::Config;
use crate::db::advice::chain;

/// Ask a running server how it is
///
/// Exit code 0: SERVING. Anything else, no answer included, is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo health
  lekalo health liveness --addr 10.0.0.7:50051")]
pub struct Args {
    /// What to ask for: `liveness`, `readiness`, or a service
    #[arg(default_value = "readiness")]
    service: String,
    /// Where the server listens [default: LEKALO_ADDR, else 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
    /// How long to wait for its answer
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "3s")]
    timeout: Duration,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let addr = match args.addr {
        Some(addr) => addr,
        // Whatever else is wrong there: it is not the server's.
        None => Config::load().map_or_else(|_| default_addr(), |config| config.addr),
    };
    let addr = reachable(addr);
    let ask = async {
        let channel = Endpoint::from_shared(format!("http://{addr}"))?.connect().await?;
        let request = HealthCheckRequest { service: args.service.clone() };
        anyhow::Ok(HealthClient::new(channel).check(request).await?.into_inner().status())
    };
    let wrong =
        |problem: String, hint: &str| Err(UserError::error(format!("{} at {addr}: {problem}", args.service), hint));
    match tokio::time::timeout(args.timeout, ask).await {
        Ok(Ok(status)) if status.as_str_name() == "SERVING" => output::line("SERVING"),
        Ok(Ok(status)) => wrong(status.as_str_name().to_owned(), "the server's log says why"),
        Ok(Err(error)) => match error.downcast_ref::<tonic::Status>() {
            Some(status) => {
                wrong(format!("{:?}: {}", status.code(), status.message()), "names are in docs/operations.md")
            }
            None => wrong(
                format!("nobody listens ({})", chain(error.as_ref())),
                "start it with `lekalo serve`, or say where with --addr",
            ),
        },
        Err(_) => wrong(format!("no answer within {}", humantime::format_duration(args.timeout)), "it may be frozen"),
    }
}

fn default_addr() -> SocketAddr {
    let named = std::env::var("LEKALO_ADDR").ok().and_then(|addr| addr.parse().ok());
    named.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 50051)))
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
