//! `countersign config`

use serde_json::json;

use super::Source;
use crate::config;
use crate::output::{Failure, Format, line};

#[derive(Debug, clap::Args)]
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
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the file, for editors.
    Schema,
    /// Print a commented file that shows every key with its default.
    Example,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.action {
        Action::Check { source, json } => {
            let path = source.path()?;
            let config = source.load()?;
            let routes = config.gateway.as_ref().map_or(0, |gateway| gateway.routes.len());
            let value =
                json!({ "file": path, "valid": true, "server": config.server.is_some(), "routes": routes });
            Format::new(*json).print(&value, || {
                format!("{} is valid: {} route{}", path.display(), routes, if routes == 1 { "" } else { "s" })
            })
        }
        Action::Schema => line(&serde_json::to_string_pretty(&config::schema())?),
        Action::Example => line(config::EXAMPLE.trim_end()),
    }
}
