//! `countersign dev`: everything on one machine, in one process, with something to try.

pub(crate) mod credentials;
mod demo;
mod path;
mod settings;
mod table;
mod untouched;

use std::path::PathBuf;
use std::time::Instant;

use countersign_model::Env;
use countersign_net::BindError;
use tokio_util::sync::CancellationToken;

use crate::config::load_to_serve;
use crate::output::{Failure, line, program};
use crate::wiring::{NotListening, System, files, runtime, stop_signal};

pub(crate) use settings::{CONFIG_FILE, DEFAULT_DIRECTORY};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::DEV)]
pub(crate) struct Arguments {
    /// Where everything is kept; delete it to begin anew.
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_DIRECTORY, env = "COUNTERSIGN_DATA_DIR", hide_env_values = true)]
    data_dir: PathBuf,
    /// Port of the authorization server [default: 8400].
    #[arg(long, value_name = "PORT")]
    server_port: Option<u16>,
    /// Port of the gateway [default: 8443].
    #[arg(long, value_name = "PORT")]
    gateway_port: Option<u16>,
    /// Port of the demo service behind the gateway [default: 8401].
    #[arg(long, value_name = "PORT")]
    demo_port: Option<u16>,
    /// Port for health and metrics [default: 8402].
    #[arg(long, value_name = "PORT")]
    management_port: Option<u16>,
    /// Port of the authorization server for clients with certificates [default: 8404].
    #[arg(long, value_name = "PORT")]
    mtls_port: Option<u16>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let directory = &arguments.data_dir;
    files::private_directory(directory)?;
    let file = directory.join(CONFIG_FILE);
    let ports = settings::Ports {
        server: arguments.server_port,
        gateway: arguments.gateway_port,
        demo: arguments.demo_port,
        management: arguments.management_port,
        mtls: arguments.mtls_port,
    };
    settings::write(&file, ports)?;
    let config = load_to_serve(&file, std::env::vars())?;
    crate::telemetry::logs::start(config.log_format, &config.log_level)?;
    let runtime = runtime(&config)?;
    runtime.block_on(async {
        let demo = settings::demo_address(&config)?;
        let demo = tokio::net::TcpListener::bind(demo)
            .await
            .map_err(|error| with_port_hint(NotListening::new(DEMO, BindError::new(demo, error)).into()))?;
        let system = System::start(config, Some(file), Env::system()).await.map_err(with_port_hint)?;
        let stopped = CancellationToken::new();
        let demo = tokio::spawn(demo::serve(demo, stopped.clone()));
        let credentials = credentials::prepare(directory, &system).await?;
        line(&table::render(directory, &system, &credentials)?)?;
        line(&format!("ready in {} ms", started.elapsed().as_millis()))?;
        stop_signal().await;
        system.stop().await;
        stopped.cancel();
        demo.await?;
        Ok(())
    })
}

/// What the demo service is called where listeners are called by their key.
const DEMO: &str = "demo service";

/// Ports that are taken are the commonest reason why a start fails: say which flag chooses another, and one to choose.
fn with_port_hint(error: Failure) -> Failure {
    let Some(refused) = error.downcast_ref::<NotListening>() else { return error };
    let flag = match refused.key() {
        "server.listen" => "--server-port",
        "gateway.listen" => "--gateway-port",
        "server.mtls.listen" => "--mtls-port",
        "management.listen" => "--management-port",
        _ => "--demo-port",
    };
    let suggestion =
        settings::free_port(refused.address()).map_or_else(|| "PORT".to_owned(), |port| port.to_string());
    format!("{error}\n  `{} dev {flag} {suggestion}` would", program()).into()
}
