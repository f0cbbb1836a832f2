//! `lekalo`: parse, start tracing, dispatch, exit code. Everything else is in the library.

use std::process::ExitCode;

use lekalo::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return cli::report_usage(&error),
    };
    let runtime = match cli::runtime(&cli) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    let entered = runtime.enter();
    cli::start_tracing(&cli);
    drop(entered);
    let ended = runtime.block_on(cli::run(cli));
    lekalo::traces::flush();
    // Whatever still runs in the background has had its time.
    runtime.shutdown_background();
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::report(&error),
    };
    lekalo::logs::flush();
    code
}
