//! `countersign serve`

use countersign_model::Env;

use super::Source;
use crate::output::Failure;
use crate::wiring::{System, runtime, stop_signal};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::SERVE)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = arguments.source.path()?;
    let config = arguments.source.load_to_serve()?;
    crate::telemetry::logs::start(config.log_format, &config.log_level)?;
    runtime(&config)?.block_on(async {
        let system = System::start(config, Some(file), Env::system()).await?;
        tracing::info!(
            server = system.server_address.map(tracing::field::display),
            gateway = system.gateway_address.map(tracing::field::display),
            "ready"
        );
        stop_signal().await;
        tracing::info!("stopping: requests in progress may finish");
        system.stop().await;
        Ok(())
    })
}
