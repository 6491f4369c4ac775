//! Where PostgreSQL is and how to reach it.

use std::error::Error as _;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, Verify};
use crate::{Result, StoreError, StoreSettings};

/// A checked database URL.
pub(super) struct Target {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    name: String,
}

pub(super) type Connection = tokio_postgres::Connection<
    tokio_postgres::Socket,
    <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream,
>;

impl Target {
    /// Reads a URL. Errors never quote it, for the password in it.
    pub(super) fn parse(url: &str, settings: &StoreSettings) -> Result<Self> {
        let options = Options::split(url)?;
        let mut config: tokio_postgres::Config = options
            .rest
            .parse()
            .map_err(|error: tokio_postgres::Error| StoreError::InvalidUrl(describe(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(StoreError::InvalidUrl(
                "it names no host: postgres://user:password@host:5432/database".into(),
            ));
        }
        let local = config.get_hosts().iter().all(is_local);
        let (mode, verify) = match options.sslmode.as_deref() {
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            Some("prefer") => (SslMode::Prefer, Verify::Nothing),
            None if local => (SslMode::Prefer, Verify::Nothing),
            // libpq's `require` encrypts without knowing to whom. Here it verifies, like `verify-full`.
            None | Some("require" | "verify-ca" | "verify-full") => (SslMode::Require, Verify::ChainAndName),
            Some(other) => {
                return Err(StoreError::InvalidUrl(format!(
                    "sslmode={other}: one of disable, prefer, require, verify-full"
                )));
            }
        };
        let tls = tls::connector(verify, options.sslrootcert.as_deref())?;
        config
            .ssl_mode(mode)
            .connect_timeout(settings.patience)
            .tcp_user_timeout(settings.patience)
            .keepalives_idle(std::time::Duration::from_secs(30));
        if config.get_application_name().is_none() {
            config.application_name("countersign");
        }
        let name = name(&config);
        Ok(Self { config, tls, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }

    pub(super) fn tls(&self) -> &MakeRustlsConnect {
        &self.tls
    }

    /// One connection outside the pool.
    pub(super) async fn connect(&self) -> Result<(tokio_postgres::Client, Connection)> {
        self.config.connect(self.tls.clone()).await.map_err(|error| self.refused(&error))
    }

    /// Says why there is no connection, and what to do.
    fn refused(&self, error: &tokio_postgres::Error) -> StoreError {
        let server = self.name.clone();
        let detail = describe(error);
        let advice = match error.code() {
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                "look at the user and password of the database URL, and at pg_hba.conf"
            }
            Some(&SqlState::INVALID_CATALOG_NAME) => "create it: createdb --owner=<user> <database>",
            Some(&SqlState::TOO_MANY_CONNECTIONS) => {
                "raise max_connections, or lower the store's connections"
            }
            Some(&SqlState::CANNOT_CONNECT_NOW) => "it is starting or stopping: try again in a moment",
            Some(_) => "look at PostgreSQL's log",
            None if detail.contains("does not support TLS") || detail.contains("certificate") => {
                "TLS is required for a remote host; give it a certificate and name its authority with \
                 sslrootcert=<file>, or say sslmode=disable where the network is trusted"
            }
            None => return StoreError::Unreachable { server, detail },
        };
        StoreError::Refused { server, detail, advice }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The URL without the two options that the driver does not know.
struct Options {
    rest: String,
    sslmode: Option<String>,
    sslrootcert: Option<String>,
}

impl Options {
    fn split(url: &str) -> Result<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::InvalidUrl("it must begin with postgres:// or postgresql://".into()));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut options = Self { rest: base.to_owned(), sslmode: None, sslrootcert: None };
        let mut separator = '?';
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => options.sslmode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => options.sslrootcert = Some(value.replace("%2F", "/")),
                Some(_) | None => {
                    options.rest.push(separator);
                    options.rest.push_str(pair);
                    separator = '&';
                }
            }
        }
        Ok(options)
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.to_canonical().is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// `user@host:port/database`, without the password.
fn name(config: &tokio_postgres::Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(position, host)| {
        let port = ports.get(position).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!("{user}{hosts}{database}")
}

/// The error and its cause in one line. PostgreSQL's own detail and hint are left out: they may quote values.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(database) = error.as_db_error() {
        return format!("{}: {}", database.code().code(), database.message());
    }
    match error.source() {
        Some(source) => format!("{error}: {source}").trim_end().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target> {
        Target::parse(url, &StoreSettings::postgres(url))
    }

    #[test]
    fn the_password_is_never_shown() {
        let target = parse("postgres://ada:s3cret@localhost:5433/countersign").unwrap();
        assert_eq!(target.name(), "ada@localhost:5433/countersign");
        assert!(!format!("{target:?}").contains("s3cret"));
        for broken in [
            "postgres://ada:s3cret@/x?port=a",
            "mysql://ada:s3cret@x/y",
            "postgres://ada:s3cret@h/d?sslmode=no",
        ] {
            let error = parse(broken).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_remote_host_needs_tls_unless_told_otherwise() {
        assert_eq!(parse("postgres://a@db.example/d").unwrap().config().get_ssl_mode(), SslMode::Require);
        assert_eq!(
            parse("postgres://a@db.example/d?sslmode=disable").unwrap().config().get_ssl_mode(),
            SslMode::Disable
        );
        assert_eq!(parse("postgres://a@[::1]/d").unwrap().config().get_ssl_mode(), SslMode::Prefer);
        let full = parse("postgres://a@127.0.0.1/d?connect_timeout=3&sslmode=verify-full").unwrap();
        assert_eq!(full.config().get_ssl_mode(), SslMode::Require);
    }
}
