//! `lekalo completions` and `lekalo man`.

use clap::CommandFactory as _;

use super::Cli;

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

pub fn man() -> anyhow::Result<()> {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
    Ok(())
}
