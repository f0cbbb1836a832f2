//! `lekalo completions` and `lekalo man`.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::Cli;
use super::output::UserError;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo completions bash > /etc/bash_completion.d/lekalo")]
pub struct Args {
    /// For which shell
    shell: clap_complete::Shell,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    clap_complete::generate(args.shell, &mut Cli::command(), "lekalo", &mut std::io::stdout());
    Ok(())
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  lekalo man | man -l -
  lekalo man --dir /usr/local/share/man/man1     then: man lekalo-import")]
pub struct ManArgs {
    /// Write this page and those of all commands, to which it refers, into a folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn man(args: &ManArgs) -> anyhow::Result<()> {
    // `help` has no page of its own.
    let command = Cli::command().disable_help_subcommand(true);
    let Some(dir) = &args.dir else {
        clap_mangen::Man::new(command).render(&mut std::io::stdout())?;
        return Ok(());
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(command, dir))
        .map_err(|error| UserError::error(format!("cannot write to {}: {error}", dir.display()), ""))
}
