//! `countersign config`

use std::path::Path;

use serde_json::json;

use super::Source;
use crate::config::read::ConfigError;
use crate::config::{self, load_to_serve};
use crate::output::{Failure, Format, line};
use crate::wiring::rehearse;

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::CONFIG)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check a configuration as `serve` would, and say everything that is wrong with it.
    Check {
        #[command(flatten)]
        source: Source,
        /// Print the result as JSON.
        #[arg(long, help_heading = super::EVERYWHERE)]
        json: bool,
    },
    /// Print the JSON Schema of the file, for editors.
    Schema,
    /// Print a commented file that shows every key with its default.
    Example,
}

/// Runs it; false when a configuration was found wanting.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    match &arguments.action {
        Action::Check { source, json } => check(&source.path()?, Format::new(*json)),
        Action::Schema => line(&serde_json::to_string_pretty(&config::schema())?).map(|()| true),
        Action::Example => line(config::EXAMPLE.trim_end()).map(|()| true),
    }
}

/// Whether it could be served.
fn check(path: &Path, format: Format) -> Result<bool, Failure> {
    let rehearsed = load_to_serve(path, std::env::vars()).and_then(|config| {
        let problems = rehearse(&config);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Senseless { problems }) }
    });
    match (rehearsed, format) {
        (Ok(config), format) => {
            let routes = config.gateway.as_ref().map_or(0, |gateway| gateway.routes.len());
            let value =
                json!({ "file": path, "valid": true, "server": config.server.is_some(), "routes": routes });
            format.print(&value, || {
                format!("{} is valid: {} route{}", path.display(), routes, if routes == 1 { "" } else { "s" })
            })?;
            Ok(true)
        }
        (Err(error), Format::Json) => {
            let value = json!({ "file": path, "valid": false, "problems": error.to_json() });
            format.print(&value, String::new)?;
            Ok(false)
        }
        (Err(error), Format::Human) => Err(error.into()),
    }
}
