//! Where the processor's time goes: stacks are sampled for a while, and told as `flamegraph.pl`, `inferno` and speedscope
//! read them, a line for each: its frames from the outermost on, and how often it was seen.

use axum::extract::Query;
use axum::http::StatusCode;
use serde::Deserialize;

const MAX_SECONDS: u64 = 60;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// For how long.
    #[serde(default = "usual")]
    seconds: u64,
}

fn usual() -> u64 {
    10
}

#[cfg(target_os = "linux")]
pub(super) async fn page(Query(Asked { seconds }): Query<Asked>) -> (StatusCode, String) {
    /// Samples a second, of no round number, for a round one meets what is done at round intervals.
    const FREQUENCY: i32 = 99;

    if !(1..=MAX_SECONDS).contains(&seconds) {
        return (StatusCode::BAD_REQUEST, format!("seconds must be from 1 to {MAX_SECONDS}\n"));
    }
    // The sampler is one for the whole process.
    let sampling =
        pprof::ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&["libc", "libgcc", "vdso"]).build();
    let Ok(sampling) = sampling else {
        return (
            StatusCode::CONFLICT,
            "somebody else's profile is being taken; try again when it is done\n".to_owned(),
        );
    };
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    // Reading the symbols takes a while.
    let told = tokio::task::spawn_blocking(move || sampling.report().build().map(|report| folded(&report))).await;
    match told {
        Ok(Ok(stacks)) if stacks.is_empty() => (StatusCode::OK, "# nothing to see: the program was idle\n".to_owned()),
        Ok(Ok(stacks)) => (StatusCode::OK, stacks),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "the samples could not be read\n".to_owned()),
    }
}

#[cfg(target_os = "linux")]
fn folded(report: &pprof::Report) -> String {
    let mut lines: Vec<String> = report
        .data
        .iter()
        .map(|(frames, count)| {
            let symbols = frames.frames.iter().rev().flat_map(|inlined| inlined.iter().rev());
            let names: Vec<String> = symbols.map(|symbol| symbol.name().replace(';', ":")).collect();
            format!("{};{} {count}\n", frames.thread_name, names.join(";"))
        })
        .collect();
    lines.sort();
    lines.concat()
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn page(Query(Asked { seconds: _ }): Query<Asked>) -> (StatusCode, String) {
    (StatusCode::NOT_IMPLEMENTED, "profiles are taken on Linux alone\n".to_owned())
}
