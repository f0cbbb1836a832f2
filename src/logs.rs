//! What is logged and how: lines on stderr, as text or as JSON, whose filter can be changed while the program runs.

use std::backtrace::Backtrace;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracer;
use prometheus_client::registry::Registry as Metrics;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::metrics::read_counter;
use crate::traces::TARGET;

/// Libraries that log the values they work on, which are customers' names and numbers, and the levels on which they do
/// not: nothing gets more out of them.
const TELLING: [(&str, LevelFilter); 2] =
    [("tokio_postgres", LevelFilter::INFO), ("rlibphonenumber", LevelFilter::OFF)];

/// Libraries are talkative at `info`, and what they say of connections health says better; what h2 warns of, peers can make it
/// say without end. Spans are no lines.
const QUIET: &str = "h2=error,refinery_core=off,deadpool=error,tokio_postgres=warn,hayro_interpret=error,hayro_syntax=error,\
                     lekalo::span=off";

/// What the lines look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Json,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json".to_owned()),
        }
    }
}

/// As the environment has it, whatever else is wrong there.
pub fn format() -> Format {
    std::env::var("LEKALO_LOG_FORMAT").ok().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// What changes the filter.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// How many lines wait for whoever reads them; what comes while so many do is dropped, and counted.
const WAITING: usize = 4096;

/// How long the last lines are waited for.
const FLUSH: Duration = Duration::from_millis(1200);

/// Lines that are written in the background, and what waits for the last of them.
static BACKGROUND: OnceLock<(NonBlocking, Mutex<Option<WorkerGuard>>)> = OnceLock::new();

/// Whether whoever reads stderr expects an object in each line.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on nobody waits for whoever reads the log, or does not: for what answers others. Before [`start`].
pub fn write_in_background() {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING).thread_name("log");
    let (lines, guard) = builder.finish(std::io::stderr());
    let _ = BACKGROUND.set((lines, Mutex::new(Some(guard))));
}

/// Writes the last lines, if somebody takes them within a moment.
pub fn flush() {
    let Some(guard) = BACKGROUND.get().and_then(|(_, guard)| guard.lock().ok()?.take()) else { return };
    // What waits for them complains on stdout where nobody takes them, and that may be as stuck as stderr.
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        drop(guard);
        let _ = done.send(());
    });
    let _ = ended.recv_timeout(FLUSH);
}

/// Writes a line that is not filtered.
pub fn line(text: &str) {
    let line = format!("{text}\n");
    let _ = match BACKGROUND.get() {
        Some((lines, _)) => lines.clone().write_all(line.as_bytes()),
        None => std::io::stderr().lock().write_all(line.as_bytes()),
    };
}

/// Registers what is counted here.
pub fn register_metrics(registry: &mut Metrics) {
    let help = "Lines of the log that were dropped because nobody read those before";
    read_counter(registry, "lekalo_log_lines_dropped", help, || {
        BACKGROUND.get().map_or(0, |(lines, _)| lines.error_counter().dropped_lines() as u64)
    });
}

/// Sends what `directives` let through to stderr, and spans to whom the tracer sends them.
pub fn start(directives: &str, format: Format, tracer: Option<SdkTracer>) {
    IS_JSON.store(format == Format::Json, Ordering::Relaxed);
    // What is wrong with it is told where settings are read; until then more is better than nothing.
    let (filter, handle) = reload::Layer::new(parse(directives).unwrap_or_else(|_| EnvFilter::new("info")));
    if format == Format::Json {
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panic")));
    } else if BACKGROUND.get().is_some() {
        // Nor does a panic wait for whoever reads.
        std::panic::set_hook(Box::new(|panic| line(&format!("{panic}\n{}", Backtrace::capture()))));
    }
    let writer = BACKGROUND.get().map(|(lines, _)| BoxMakeWriter::new(lines.clone()));
    let writer = writer.unwrap_or_else(|| BoxMakeWriter::new(std::io::stderr));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        Format::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
            lines.with_target(false).with_ansi(ansi).boxed()
        }
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    // Where nobody takes spans, none are made.
    let has_spans = tracer.is_some();
    let discreet = filter_fn(move |metadata| {
        if !has_spans && metadata.target() == TARGET {
            return false;
        }
        let telling = TELLING.iter().find(|(name, _)| metadata.target().starts_with(name));
        telling.is_none_or(|(_, level)| metadata.level() <= level)
    });
    // A second call (tests) changes nothing.
    let spans = tracer.map(|tracer| {
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        layer.with_tracked_inactivity(false).with_filter(filter_fn(|metadata| metadata.target() == TARGET))
    });
    let layers = tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).with(discreet);
    if layers.try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
}

/// Whether lines are objects.
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// The filter in force.
pub fn filter() -> String {
    FILTER.get().and_then(|handle| handle.with_current(ToString::to_string).ok()).unwrap_or_default()
}

/// A filter, below which errors are told still. A word alone has to be a level: as a part of the program, mistyped, it would
/// silence all the others.
///
/// # Errors
/// What is wrong with the directives.
pub fn parse(directives: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    if directives.trim().is_empty() || directives.contains(char::is_control) {
        return Err("must be one line, such as info,lekalo=debug".to_owned());
    }
    for word in directives.split(',').map(str::trim).filter(|word| !word.contains(['=', '[', ']', '{', '}', '"'])) {
        if !LEVELS.contains(&word.to_lowercase().as_str()) {
            return Err(format!("`{word}` is no level, which are {}; a part has one: lekalo=debug", LEVELS.join(", ")));
        }
    }
    EnvFilter::builder().parse(format!("error,{QUIET},{directives}")).map_err(|error| error.to_string())
}

/// Lets something else through from now on.
///
/// # Errors
/// What is wrong with the directives.
pub fn set_filter(directives: &str) -> Result<(), String> {
    let filter = parse(directives)?;
    let handle = FILTER.get().ok_or("there is no log")?;
    handle.reload(filter).map_err(|error| error.to_string())
}
