//! `countersign completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::COMPLETIONS)]
pub(crate) struct Arguments {
    /// The shell: bash, zsh, fish, elvish or powershell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) {
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "countersign", &mut std::io::stdout());
}
