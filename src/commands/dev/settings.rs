//! The configuration that `dev` writes: an ordinary file, to be read, changed and grown into production.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::config::Config;
use crate::output::Failure;
use crate::wiring::files;

/// Where `dev` keeps everything.
pub(crate) const DEFAULT_DIRECTORY: &str = ".countersign";
/// The configuration's name in that directory.
pub(crate) const CONFIG_FILE: &str = "countersign.toml";

/// Ports asked for on the command line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) server: Option<u16>,
    pub(super) gateway: Option<u16>,
    pub(super) demo: Option<u16>,
    pub(super) management: Option<u16>,
}

/// Writes the file unless there is one; with ports on the command line it is written anew.
///
/// # Errors
/// When it can't be written.
pub(super) fn write(file: &Path, ports: Ports) -> Result<(), Failure> {
    let asked = [ports.server, ports.gateway, ports.demo, ports.management].iter().any(Option::is_some);
    if file.exists() && !asked {
        return Ok(());
    }
    let server = ports.server.unwrap_or(8400);
    let gateway = ports.gateway.unwrap_or(8443);
    let demo = ports.demo.unwrap_or(8401);
    let management = ports.management.unwrap_or(8402);
    files::write_private(file, text(server, gateway, demo, management).as_bytes())
}

fn text(server: u16, gateway: u16, demo: u16, management: u16) -> String {
    format!(
        r#"# Written by `countersign dev`. It is yours to change; `dev` writes it anew only when given a port.
# `countersign config example` shows every key.

data_dir = "."

[server]
listen = "127.0.0.1:{server}"
issuer = "http://localhost:{server}"

[gateway]
listen = "127.0.0.1:{gateway}"
tls = {{ built_in_ca = ["localhost", "127.0.0.1"] }}
certificate_scopes = {{ "spiffe://localhost/*" = ["demo.read", "demo.write"] }}

# One protected service, five ways in.
[[gateway.routes]]
name = "demo"
path = "/"
upstream = "http://127.0.0.1:{demo}"
accept = ["jwt", "oauth", "mtls", "basic", "api_key"]
api_key = {{ headers = ["X-API-Key"], query = "api_key" }}

[management]
listen = "127.0.0.1:{management}"

[log]
level = "warn"
"#
    )
}

/// Where the demo service listens: the upstream of the route named `demo`.
///
/// # Errors
/// When the file was changed so that there is no such route on this machine.
pub(super) fn demo_address(config: &Config) -> Result<SocketAddr, Failure> {
    let routes = config.gateway.iter().flat_map(|gateway| &gateway.routes);
    let demo = routes.clone().find(|route| route.raw.name == "demo");
    let port = demo
        .filter(|route| crate::config::is_loopback(&route.upstream))
        .and_then(|route| route.upstream.port())
        .ok_or("there is no route named demo with an upstream on this machine: use `countersign serve -c` instead")?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
