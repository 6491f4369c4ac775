//! One file a command. Each parses its own arguments, does one thing and prints one result.

mod apikey;
mod cert;
mod client;
mod completions;
mod config;
mod dev;
mod device;
mod help;
mod keys;
mod registration;
mod secrets;
mod serve;
mod session;
mod token;
mod try_methods;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, load, load_to_serve};
use crate::output::Failure;
use crate::wiring::block_on;

/// One binary that authenticates every request: authorization server, gateway and certificate authority.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    after_help = help::COUNTERSIGN,
    max_term_width = 120
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine, with something to try.
    Dev(dev::Arguments),
    /// Run every method against the running `dev`, side by side.
    Try(try_methods::Arguments),
    /// Serve a configuration: the production form.
    Serve(serve::Arguments),
    /// People and service accounts.
    User(user::Arguments),
    /// Sessions of people, and what was given in them.
    Session(session::Arguments),
    /// OAuth clients.
    Client(client::Arguments),
    /// Clients that register themselves.
    Registration(registration::Arguments),
    /// API keys.
    Apikey(apikey::Arguments),
    /// Certificates of the built-in authority.
    Cert(cert::Arguments),
    /// Mint, inspect, verify and revoke tokens; find leaked ones.
    Token(token::Arguments),
    /// Get a token by the device flow: shows a code, waits for somebody to allow it in a browser.
    Device(device::Arguments),
    /// Signing keys.
    Keys(keys::Arguments),
    /// Check, describe or write a configuration file.
    Config(config::Arguments),
    /// Write completions for a shell to standard output.
    Completions(completions::Arguments),
}

/// The heading in the help under which the options of every command stand.
const EVERYWHERE: &str = "Options of every command";

/// Which configuration a command works with.
#[derive(Clone, Debug, Args)]
pub(crate) struct Source {
    /// The configuration file [default: ./countersign.toml, else ./.countersign/countersign.toml, which `dev` writes].
    #[arg(short, long, global = true, value_name = "FILE", env = "COUNTERSIGN_CONFIG", hide_env_values = true, help_heading = EVERYWHERE)]
    config: Option<PathBuf>,
}

impl Source {
    /// The file: the one named, or the first of the usual places that exists.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.config {
            return Ok(path.clone());
        }
        let usual = ["countersign.toml", ".countersign/countersign.toml"].map(PathBuf::from);
        usual.into_iter().find(|path| path.exists()).ok_or_else(|| {
            "there is no countersign.toml here: name one with -c, write one with `countersign config example > countersign.toml`, \
             or start `countersign dev`, which needs none"
                .into()
        })
    }

    /// The file read, laid over by the environment, and checked.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        Ok(load(&self.path()?, std::env::vars())?)
    }

    /// The same, the files it names being there too.
    pub(crate) fn load_to_serve(&self) -> Result<Config, Failure> {
        Ok(load_to_serve(&self.path()?, std::env::vars())?)
    }
}

/// Runs one command.
///
/// # Errors
/// When the command fails; the text says what to do.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Dev(arguments) => dev::run(&arguments)?,
        Command::Try(arguments) => return block_on(try_methods::run(&arguments)).map(code),
        Command::Serve(arguments) => serve::run(&arguments)?,
        Command::User(arguments) => block_on(user::run(arguments))?,
        Command::Session(arguments) => block_on(session::run(arguments))?,
        Command::Client(arguments) => block_on(client::run(arguments))?,
        Command::Registration(arguments) => block_on(registration::run(arguments))?,
        Command::Apikey(arguments) => block_on(apikey::run(arguments))?,
        Command::Cert(arguments) => block_on(cert::run(arguments))?,
        Command::Token(arguments) => return block_on(token::run(arguments)),
        Command::Device(arguments) => block_on(device::run(arguments))?,
        Command::Keys(arguments) => block_on(keys::run(arguments))?,
        Command::Config(arguments) => return config::run(&arguments).map(code),
        Command::Completions(arguments) => completions::run(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}

/// For commands that answer a question: no is a failure to scripts.
fn code(yes: bool) -> ExitCode {
    if yes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
