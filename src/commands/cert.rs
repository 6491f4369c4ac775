//! `countersign cert`

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use countersign_ca::ports::{CertificateRecord, Certificates as _, RevocationReason};
use countersign_ca::{DnsName, IssueError, IssueRequest, Issued, Name, SpiffeId, csr};
use countersign_model::{CertificateSerial, Subject, Timestamp};
use serde_json::{Value, json};

use super::Source;
use crate::config::units::Span;
use crate::output::{Failure, Format, facts, line, moment, table};
use crate::wiring::{Desk, files};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::CERT)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    source: Source,
    /// Print the result as JSON.
    #[arg(long, global = true, help_heading = super::EVERYWHERE)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Issue a certificate, for a new key or for a request (CSR).
    Issue(Issue),
    /// List certificates, newest first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one certificate.
    Show {
        /// Its serial number in hexadecimal.
        serial: CertificateSerial,
    },
    /// Revoke a certificate; checkers refuse it at once.
    Revoke {
        /// Its serial number in hexadecimal.
        serial: CertificateSerial,
        /// Why.
        #[arg(long, value_enum, default_value = "unspecified")]
        reason: Reason,
    },
    /// Print the root certificate, PEM: what others need to believe ours.
    Bundle,
    /// Print the current revocation list, PEM.
    Crl,
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::CERT)]
struct Issue {
    /// What it is for.
    #[arg(long, value_parser = ["client", "server", "service"])]
    profile: String,
    /// A name in it: `dns:api.example.com`, `ip:10.0.0.1`, `uri:spiffe://example.com/billing`, or a bare DNS name.
    /// Repeat for several; the first names the files.
    #[arg(long = "name", value_name = "NAME", required_unless_present = "csr", value_parser = name)]
    names: Vec<Name>,
    /// A certificate request (PEM or DER): its key is certified; nothing else in it is taken over but, without
    /// --name, the names it asks for.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// How long it lives. Default: `ca.leaf_lifetime`.
    #[arg(long, value_name = "SPAN")]
    lifetime: Option<Span>,
    /// Where the files are written: `NAME.pem` (the chain) and `NAME.key` (mode 600).
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,
    /// Replace the files that are there, as for a renewal.
    #[arg(long)]
    replace: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Reason {
    Unspecified,
    KeyCompromise,
    Superseded,
    CessationOfOperation,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}

/// Reads `dns:…`, `ip:…`, `uri:spiffe://…` or a bare DNS name.
fn name(text: &str) -> Result<Name, String> {
    match text.split_once(':') {
        Some(("dns", dns)) => dns.parse::<DnsName>().map(Name::Dns).map_err(|error| error.to_string()),
        Some(("ip", ip)) => ip.parse::<IpAddr>().map(Name::Ip).map_err(|error| format!("{ip:?}: {error}")),
        Some(("uri", uri)) => uri.parse::<SpiffeId>().map(Name::Spiffe).map_err(|error| error.to_string()),
        Some(("spiffe", _)) => text.parse::<SpiffeId>().map(Name::Spiffe).map_err(|error| error.to_string()),
        Some((kind, _)) => Err(format!("unknown kind of name {kind:?}: one of dns, ip, uri")),
        None => text.parse::<DnsName>().map(Name::Dns).map_err(|error| error.to_string()),
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(arguments.source.load()?).await?;
    let format = Format::new(arguments.json);
    match arguments.action {
        Action::Issue(issue) => issue.run(&desk, format).await,
        Action::List { limit } => list(&desk, limit, format).await,
        Action::Show { serial } => show(&find(&desk, &serial).await?, desk.env.now(), format),
        Action::Revoke { serial, reason } => revoke(&desk, &serial, reason.into(), format).await,
        Action::Bundle => line(desk.parts().await?.authority.trust_bundle_pem().trim_end()),
        Action::Crl => line(desk.parts().await?.authority.crl().await?.pem().trim_end()),
    }
}

impl Issue {
    async fn run(self, desk: &Desk, format: Format) -> Result<(), Failure> {
        let authority = desk.parts().await?.authority;
        let request = self.csr.as_deref().map(|file| {
            csr::read(&files::read(file)?)
                .map_err(|error| Failure::from(format!("{}: {error}", file.display())))
        });
        let request = request.transpose()?;
        let names = match &request {
            Some(request) if self.names.is_empty() => request.names().to_vec(),
            _ => self.names.clone(),
        };
        let first = names.first().ok_or("the request asks for no name: give --name")?;
        let (subject, stem) = (Subject::from(text(first)), file_stem(first));
        let wanted = IssueRequest {
            profile: self.profile.clone(),
            subject,
            names,
            lifetime: self.lifetime.map(|span| span.0),
        };
        let (chain, key) = (self.out.join(format!("{stem}.pem")), self.out.join(format!("{stem}.key")));
        let written = if request.is_some() { vec![&chain] } else { vec![&chain, &key] };
        if let Some(file) = written.iter().find(|file| file.exists() && !self.replace) {
            return Err(format!(
                "{}: there is such a file already; --replace puts the new one in its place, --out puts it elsewhere",
                file.display()
            )
            .into());
        }
        files::private_directory(&self.out)?;
        let hint = |error| with_trust_domain(error, &desk.config.ca.trust_domain);
        if let Some(request) = request {
            let issued = authority.issue(&wanted, request.public_key()).await.map_err(hint)?;
            files::write_private(&chain, issued.chain_pem().as_bytes())?;
            return report(&issued, &chain, None, format);
        }
        let made = authority.issue_with_new_key(&wanted).await.map_err(hint)?;
        files::write_private(&key, made.key_pem().expose().as_bytes())?;
        files::write_private(&chain, made.issued.chain_pem().as_bytes())?;
        report(&made.issued, &chain, Some(&key), format)
    }
}

/// A SPIFFE ID of somebody else's trust domain is the commonest name that is refused: say which is ours.
fn with_trust_domain(error: IssueError, trust_domain: &str) -> Failure {
    match &error {
        IssueError::NameNotAllowed { name, .. } if name.starts_with("spiffe:") => {
            format!("{error}: the trust domain is {trust_domain}, which ca.trust_domain sets").into()
        }
        _ => error.into(),
    }
}

fn report(issued: &Issued, chain: &Path, key: Option<&Path>, format: Format) -> Result<(), Failure> {
    let value = json!({
        "serial": issued.serial,
        "not_before": issued.not_before.seconds(),
        "not_after": issued.not_after.seconds(),
        "certificate": chain,
        "key": key,
    });
    format.print(&value, || {
        let key = key.map_or_else(String::new, |key| format!("\nkey:         {}", key.display()));
        format!(
            "certificate: {}{key}\nserial:      {}\nvalid until: {}",
            chain.display(),
            issued.serial,
            moment(issued.not_after)
        )
    })
}

fn text(name: &Name) -> String {
    match name {
        Name::Dns(name) => name.as_str().to_owned(),
        Name::Ip(address) => address.to_string(),
        Name::Spiffe(id) => id.as_str().to_owned(),
    }
}

/// A file name that stays in its directory.
fn file_stem(name: &Name) -> String {
    let text = text(name);
    let last = text.rsplit('/').next().unwrap_or(&text);
    last.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect()
}

async fn find(desk: &Desk, serial: &CertificateSerial) -> Result<CertificateRecord, Failure> {
    desk.store
        .certificate(serial)
        .await?
        .ok_or_else(|| format!("there is no certificate {serial}: `countersign cert list` shows them").into())
}

async fn list(desk: &Desk, limit: u32, format: Format) -> Result<(), Failure> {
    let records = desk.store.certificates(limit).await?;
    let now = desk.env.now();
    let values: Vec<Value> = records.iter().map(|record| value(record, now)).collect();
    format.print(&values, || {
        let rows = records.iter().map(|record| {
            [
                record.serial.to_string(),
                record.profile.clone(),
                record.names.join(" "),
                status(record, now).to_owned(),
                moment(record.not_after),
            ]
        });
        table(["serial", "profile", "names", "status", "valid until"], rows)
    })
}

fn show(record: &CertificateRecord, now: Timestamp, format: Format) -> Result<(), Failure> {
    format.print(&value(record, now), || {
        let revoked = record
            .revoked
            .map_or_else(|| "-".to_owned(), |(at, reason)| format!("{} ({})", moment(at), reason.as_str()));
        facts([
            ("serial", record.serial.to_string()),
            ("profile", record.profile.clone()),
            ("subject", record.subject.to_string()),
            ("names", record.names.join(" ")),
            ("status", status(record, now).to_owned()),
            ("valid from", moment(record.not_before)),
            ("valid until", moment(record.not_after)),
            ("revoked", revoked),
        ])
    })
}

async fn revoke(
    desk: &Desk,
    serial: &CertificateSerial,
    reason: RevocationReason,
    format: Format,
) -> Result<(), Failure> {
    let now = desk.env.now();
    if !desk.store.revoke_certificate(serial, reason, now).await? {
        return Err(format!("there is no certificate {serial}: `countersign cert list` shows them").into());
    }
    show(&find(desk, serial).await?, now, format)
}

fn status(record: &CertificateRecord, now: Timestamp) -> &'static str {
    if record.revoked.is_some() {
        "revoked"
    } else if record.not_after <= now {
        "expired"
    } else if record.certificate.is_empty() {
        "not signed"
    } else {
        "valid"
    }
}

fn value(record: &CertificateRecord, now: Timestamp) -> Value {
    json!({
        "serial": record.serial,
        "profile": record.profile,
        "subject": record.subject,
        "names": record.names,
        "status": status(record, now),
        "not_before": record.not_before.seconds(),
        "not_after": record.not_after.seconds(),
        "revoked_at": record.revoked.map(|(at, _)| at.seconds()),
        "reason": record.revoked.map(|(_, reason)| reason),
    })
}
