//! Metrics: what a process counts, for Prometheus. A room counts what it does itself and registers it by the names that
//! OpenTelemetry and the gRPC ecosystem have; here is what they share, and what is known of every process.
//!
//! A label has few values: methods and statements of ours, codes, states; never what a caller sent.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds, from a read out of memory to the longest that a caller waits.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// A histogram for each of some labels' values.
pub type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// What counts seconds.
pub fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// A gauge that is read when somebody looks.
pub fn read_gauge(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> f64 + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(Read { name, help, label: "", read: move || [("", read())] }));
}

/// The same with a label: for each of its values what is read.
pub fn read_gauges<const N: usize>(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    label: &'static str,
    read: impl Fn() -> [(&'static str, f64); N] + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(Read { name, help, label, read }));
}

struct Read<F> {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    read: F,
}

impl<F> fmt::Debug for Read<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<F, const N: usize> Collector for Read<F>
where
    F: Fn() -> [(&'static str, f64); N] + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut metric = encoder.encode_descriptor(self.name, &format!("{}.", self.help), None, MetricType::Gauge)?;
        for (value, number) in (self.read)() {
            let labels = [(self.label, value)];
            let labels = if self.label.is_empty() { &[][..] } else { &labels };
            ConstGauge::new(number).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A counter that somebody else keeps.
pub fn read_counter(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    read: impl Fn() -> u64 + Send + Sync + 'static,
) {
    registry.register_collector(Box::new(Count { name, help, read }));
}

struct Count<F> {
    name: &'static str,
    help: &'static str,
    read: F,
}

impl<F> fmt::Debug for Count<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<F: Fn() -> u64 + Send + Sync + 'static> Collector for Count<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let metric = encoder.encode_descriptor(self.name, &format!("{}.", self.help), None, MetricType::Counter)?;
        ConstCounter::new((self.read)()).encode(metric)
    }
}

/// All metrics in OpenMetrics' text format.
///
/// # Errors
/// Those of a collector.
pub fn open_metrics(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

/// The same in Prometheus' own, older format, which names a counter as its sample and has no units.
///
/// # Errors
/// Those of a collector.
pub fn prometheus(registry: &Registry) -> Result<String, fmt::Error> {
    let open = open_metrics(registry)?;
    let counters: Vec<&str> =
        open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut text = String::new();
    for line in open.lines() {
        let comment = line.strip_prefix("# ").and_then(|rest| rest.split_once(' '));
        match comment {
            None if line == "# EOF" => {}
            Some(("UNIT", _)) => {}
            Some((kind @ ("HELP" | "TYPE"), rest)) => {
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let total = if counters.contains(&name) { "_total" } else { "" };
                text.push_str(&format!("# {kind} {name}{total} {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// What is known of every process, by the names that Prometheus' own clients have.
#[cfg(target_os = "linux")]
pub fn register_process(registry: &mut Registry) {
    registry.register_collector(Box::new(process::Process));
}

/// Elsewhere the system does not say.
#[cfg(not(target_os = "linux"))]
pub fn register_process(_registry: &mut Registry) {}

#[cfg(target_os = "linux")]
mod process {
    use procfs::process::{LimitValue, Stat};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::registry::Unit;

    use super::{Collector, ConstGauge, DescriptorEncoder, fmt};
    use prometheus_client::encoding::EncodeMetric as _;
    use prometheus_client::metrics::TypedMetric as _;

    #[derive(Debug)]
    pub(super) struct Process;

    impl Collector for Process {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
            let Some(seen) = Seen::look() else { return Ok(()) };
            let cpu = ConstCounter::new(seen.cpu_seconds);
            cpu.encode(encoder.encode_descriptor(
                "process_cpu",
                "Processor time, in user and system mode.",
                Some(&Unit::Seconds),
                ConstCounter::<f64>::TYPE,
            )?)?;
            let gauges = [
                ("process_resident_memory_bytes", "Memory in use.", seen.resident),
                ("process_virtual_memory_bytes", "Address space in use.", seen.virtual_memory),
                ("process_open_fds", "Open file descriptors.", seen.open_fds),
                ("process_max_fds", "The most file descriptors that may be open.", seen.max_fds),
                ("process_threads", "Threads.", seen.threads),
                ("process_start_time_seconds", "When it started, in seconds since 1970.", seen.started),
            ];
            for (name, help, value) in gauges {
                let metric = encoder.encode_descriptor(name, help, None, ConstGauge::<f64>::TYPE)?;
                ConstGauge::new(value).encode(metric)?;
            }
            Ok(())
        }
    }

    struct Seen {
        cpu_seconds: f64,
        resident: f64,
        virtual_memory: f64,
        open_fds: f64,
        max_fds: f64,
        threads: f64,
        started: f64,
    }

    impl Seen {
        /// None where /proc is not to be read.
        fn look() -> Option<Self> {
            let this = procfs::process::Process::myself().ok()?;
            let stat: Stat = this.stat().ok()?;
            let per_second = procfs::ticks_per_second() as f64;
            let max_fds = match this.limits().ok()?.max_open_files.soft_limit {
                LimitValue::Value(most) => most as f64,
                LimitValue::Unlimited => f64::INFINITY,
            };
            let booted = procfs::boot_time_secs().ok()? as f64;
            Some(Self {
                cpu_seconds: (stat.utime + stat.stime) as f64 / per_second,
                resident: (stat.rss * procfs::page_size()) as f64,
                virtual_memory: stat.vsize as f64,
                open_fds: this.fd_count().ok()? as f64,
                max_fds,
                threads: stat.num_threads as f64,
                started: booted + stat.starttime as f64 / per_second,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        let mut registry = Registry::default();
        let calls = Counter::<u64>::default();
        calls.inc_by(3);
        registry.register("calls", "Calls", calls);
        read_gauges(&mut registry, "connections", "Connections", "state", || [("idle", 2.0), ("used", 1.0)]);
        read_gauge(&mut registry, "ready", "Ready", || 1.0);
        let gauges = "# HELP connections Connections.\n# TYPE connections gauge\nconnections{state=\"idle\"} 2.0\n\
                      connections{state=\"used\"} 1.0\n# HELP ready Ready.\n# TYPE ready gauge\nready 1.0\n";
        let open = open_metrics(&registry).unwrap();
        assert_eq!(open, format!("# HELP calls Calls.\n# TYPE calls counter\ncalls_total 3\n{gauges}# EOF\n"));
        let old = prometheus(&registry).unwrap();
        assert_eq!(old, format!("# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total 3\n{gauges}"));
    }
}
