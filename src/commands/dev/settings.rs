//! The configuration that `dev` writes: an ordinary file, to be read, changed and grown into production.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use super::untouched::{is_untouched, marked};
use crate::config::{Config, load};
use crate::output::{Failure, remark};
use crate::wiring::files;

/// Where `dev` keeps everything.
pub(crate) const DEFAULT_DIRECTORY: &str = ".countersign";
/// The configuration's name in that directory.
pub(crate) const CONFIG_FILE: &str = "countersign.toml";

/// One value for each port that `dev` listens on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ports<P> {
    pub(super) server: P,
    pub(super) gateway: P,
    pub(super) demo: P,
    pub(super) management: P,
    pub(super) mtls: P,
}

const DEFAULT_PORTS: Ports<u16> =
    Ports { server: 8400, gateway: 8443, demo: 8401, management: 8402, mtls: 8404 };

impl Ports<Option<u16>> {
    /// Those asked for, and the known ones where none was.
    fn or(self, known: Ports<u16>) -> Ports<u16> {
        Ports {
            server: self.server.unwrap_or(known.server),
            gateway: self.gateway.unwrap_or(known.gateway),
            demo: self.demo.unwrap_or(known.demo),
            management: self.management.unwrap_or(known.management),
            mtls: self.mtls.unwrap_or(known.mtls),
        }
    }
}

/// Writes the file. One that an earlier version wrote is brought up to date. Ports on the command line go into it, so that
/// `try` and the next start know them; the others stay. A file that somebody has made their own is left alone.
///
/// # Errors
/// When it can't be written, or was changed by hand and ports are asked for that are not in it.
pub(super) fn write(file: &Path, asked: Ports<Option<u16>>) -> Result<(), Failure> {
    if !file.exists() {
        return files::write_private(file, text(asked.or(DEFAULT_PORTS)).as_bytes());
    }
    let known = ports_in(file)?;
    let wanted = asked.or(known);
    let before = String::from_utf8(files::read(file)?).map_err(|_| not_text(file))?;
    let after = text(wanted);
    if is_untouched(&before, known, DEFAULT_PORTS) {
        if before != after && wanted == known {
            remark(&format!("{} is of an earlier version: brought up to date", file.display()));
        }
        return if before == after { Ok(()) } else { files::write_private(file, after.as_bytes()) };
    }
    if wanted == known {
        return Ok(());
    }
    Err(format!(
        "{}: it was changed by hand, so `dev` does not write other ports into it: change them there",
        file.display()
    )
    .into())
}

fn not_text(file: &Path) -> String {
    format!("{}: not UTF-8 text", file.display())
}

fn ports_in(file: &Path) -> Result<Ports<u16>, Failure> {
    let config = load(file, [])?;
    let port = |address: Option<SocketAddr>| address.map(|address| address.port());
    let found = Ports {
        server: port(config.server.as_ref().map(|server| server.listen)),
        gateway: port(config.gateway.as_ref().map(|gateway| gateway.listen)),
        demo: port(demo_address(&config).ok()),
        management: port(config.management),
        mtls: port(config.server.as_ref().and_then(|server| server.mtls.as_ref()).map(|mtls| mtls.listen)),
    };
    Ok(found.or(DEFAULT_PORTS))
}

/// A port near one that is taken, to suggest.
pub(super) fn free_port(taken: SocketAddr) -> Option<u16> {
    let above = taken.port().max(1024)..=u16::MAX;
    above.skip(1).step_by(10).take(20).find(|port| TcpListener::bind((taken.ip(), *port)).is_ok())
}

fn text(ports: Ports<u16>) -> String {
    let Ports { server, gateway, demo, management, mtls } = ports;
    marked(&format!(
        r#"# Written by `countersign dev`, which keeps it up to date. It is yours to change; from then on `dev` leaves it as it is.
# `countersign config example` shows every key.

data_dir = "."

[server]
listen = "127.0.0.1:{server}"
issuer = "http://localhost:{server}"

# The same server for clients with certificates (RFC 8705).
[server.mtls]
listen = "127.0.0.1:{mtls}"
url = "https://localhost:{mtls}"
tls = {{ built_in_ca = ["localhost", "127.0.0.1"] }}

[gateway]
listen = "127.0.0.1:{gateway}"
tls = {{ built_in_ca = ["localhost", "127.0.0.1"] }}
certificate_scopes = {{ "spiffe://localhost/*" = ["demo.read", "demo.write"] }}

# Clients may register themselves; people are asked before anything is given to one. `off` is the default elsewhere.
[registration]
access = "open"
grant_types = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
scopes = ["openid", "profile", "email", "offline_access", "demo.read", "demo.write"]
client_documents = true
people = true

# Clients written for GitHub find its addresses here; each is registered with `--profile github`.
[compatibility]
github = true

# What people read when a client asks for the scopes of the service below, whose tokens are for the default audience, the
# server's own. Scopes without words are worded by the server.
[[resources]]
resource = "http://localhost:{server}"
name = "Demo"

[resources.scopes]
openid = ""
profile = ""
email = ""
"demo.read" = "Read what the demo service keeps for you"
"demo.write" = "Change what the demo service keeps for you"

# One protected service, five ways in.
[[gateway.routes]]
name = "demo"
path = "/"
upstream = "http://127.0.0.1:{demo}"
accept = ["jwt", "oauth", "mtls", "basic", "api_key"]
api_key = {{ headers = ["X-API-Key"], query = "api_key" }}
token_scheme = true

# What the demo service may trade a caller's token for: one that names it as the actor (RFC 8693).
[[grants.token_exchange]]
client = "demo-service"
audiences = ["http://localhost:{server}"]
scopes = ["demo.read"]

[management]
listen = "127.0.0.1:{management}"

[log]
level = "warn"
"#
    ))
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
