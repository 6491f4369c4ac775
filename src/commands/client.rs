//! `countersign client`

mod authorization;
mod backchannel;
mod policy;
mod shown;
mod update;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use countersign_access::{DistinguishedName, InvalidName, TokenKind};
use countersign_jose::JwkSet;
use countersign_model::{
    AccessTokenFormat, ApplicationType, CertificateName, Client, ClientAuthentication, ClientId,
    ClientStatus, GrantType, ScopeSet, SecretString,
};
use countersign_oauth::ports::Clients as _;
use serde_json::Value;
use url::Url;

use super::Source;
use super::secrets::SecretSink;
use crate::config::{Config, is_loopback};
use crate::output::{Failure, Format, table};
use crate::wiring::{Desk, files};
use shown::{describe, grants, print_with_secret, status, value};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::CLIENT)]
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
    /// Register a client.
    Add(Box<Add>),
    /// List clients.
    List,
    /// Show one client.
    Show {
        /// The client's id.
        id: ClientId,
    },
    /// Change a client's name, grants, scopes or token policy; what it holds already stays as it is.
    Update(Box<update::Update>),
    /// Make a new secret; the old one goes on working until `--drop-old`.
    Secret {
        /// The client's id.
        id: ClientId,
        /// End every older secret at once.
        #[arg(long)]
        drop_old: bool,
        #[command(flatten)]
        sink: SecretSink,
    },
    /// Disable a client; its tokens stop working at once.
    Disable {
        /// The client's id.
        id: ClientId,
    },
    /// Enable a disabled client.
    Enable {
        /// The client's id.
        id: ClientId,
    },
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::CLIENT)]
struct Add {
    /// The client's id, as it will present it.
    id: ClientId,
    /// How people know it. Default: the id.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What it may ask the token endpoint for; repeat for several.
    #[arg(long = "grant", value_enum, required = true)]
    grants: Vec<Grant>,
    /// Where answers may be sent; repeat for several. Compared exactly; the port of a loopback address is free.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// The most it may be given, separated by spaces.
    #[arg(long, default_value = "", hide_default_value = true)]
    scopes: ScopeSet,
    /// What it gets when it names none. Default: nothing for people's tokens, all of --scopes for its own.
    #[arg(long, default_value = "", hide_default_value = true)]
    default_scopes: ScopeSet,
    /// The resources its tokens may be for; repeat for several, the first is the default.
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// How it proves who it is.
    #[arg(long, value_enum, default_value = "client_secret_basic")]
    auth: Authentication,
    /// A file with its public keys or certificates (x5c), a JWK Set, for private_key_jwt and
    /// self_signed_tls_client_auth.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Where to fetch them instead.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    #[command(flatten)]
    certificate: CertificateNames,
    /// Its access tokens are bound to the certificate it shows (RFC 8705 §3).
    #[arg(long)]
    tls_client_certificate_bound_access_tokens: bool,
    /// Every token request of it must carry a DPoP proof (RFC 9449 §5).
    #[arg(long, conflicts_with = "tls_client_certificate_bound_access_tokens")]
    dpop_bound_access_tokens: bool,
    /// What its access tokens look like.
    #[arg(long, value_enum, default_value = "jwt")]
    token_format: TokenFormat,
    /// The operator vouches for it: people are not asked for consent.
    #[arg(long)]
    first_party: bool,
    /// It is a resource server that may introspect tokens of others.
    #[arg(long)]
    introspect: bool,
    #[command(flatten)]
    policy: policy::Options,
    #[command(flatten)]
    authorization: authorization::Options,
    #[command(flatten)]
    backchannel: backchannel::Options,
    #[command(flatten)]
    sink: SecretSink,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    AuthorizationCode,
    ClientCredentials,
    RefreshToken,
    DeviceCode,
    TokenExchange,
    JwtBearer,
    Ciba,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Authentication {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    ClientSecretJwt,
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
}

/// The name of a client's certificate: one of these, for tls_client_auth (RFC 8705 §2.1.2).
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct CertificateNames {
    /// Its certificate's subject, such as "CN=billing,O=Example,C=DE" (RFC 4514).
    #[arg(long, value_name = "NAME", value_parser = subject_dn)]
    tls_client_auth_subject_dn: Option<String>,
    /// A DNS name of its certificate.
    #[arg(long, value_name = "NAME")]
    tls_client_auth_san_dns: Option<String>,
    /// A URI of its certificate, such as a SPIFFE ID.
    #[arg(long, value_name = "URI")]
    tls_client_auth_san_uri: Option<String>,
    /// An IP address of its certificate.
    #[arg(long, value_name = "ADDRESS")]
    tls_client_auth_san_ip: Option<std::net::IpAddr>,
    /// An e-mail address of its certificate.
    #[arg(long, value_name = "ADDRESS")]
    tls_client_auth_san_email: Option<String>,
}

impl CertificateNames {
    fn one(&self) -> Option<CertificateName> {
        let Self {
            tls_client_auth_subject_dn: subject_dn,
            tls_client_auth_san_dns: dns,
            tls_client_auth_san_uri: uri,
            tls_client_auth_san_ip: ip,
            tls_client_auth_san_email: email,
        } = self;
        let subject_dn = subject_dn.clone().map(CertificateName::SubjectDn);
        let dns = dns.clone().map(CertificateName::SanDns);
        let uri = uri.clone().map(CertificateName::SanUri);
        let email = email.clone().map(CertificateName::SanEmail);
        subject_dn.or(dns).or(uri).or(ip.map(CertificateName::SanIp)).or(email)
    }
}

/// What is no name would never be that of a certificate.
fn subject_dn(text: &str) -> Result<String, InvalidName> {
    text.parse::<DistinguishedName>().map(|_| text.to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum TokenFormat {
    Jwt,
    Reference,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.source.load()?;
    let desk = Desk::open(config.clone()).await?;
    let format = Format::new(arguments.json);
    match arguments.action {
        Action::Add(add) => add.run(&desk, &config, format).await,
        Action::Update(update) => update.run(&desk, &config, format).await,
        Action::List => list(&desk, format).await,
        Action::Show { id } => show(&find(&desk, &id).await?, format),
        Action::Secret { id, drop_old, sink } => new_secret(&desk, &id, drop_old, &sink, format).await,
        Action::Disable { id } => set_status(&desk, &id, ClientStatus::Disabled, format).await,
        Action::Enable { id } => set_status(&desk, &id, ClientStatus::Enabled, format).await,
    }
}

impl Add {
    async fn run(self, desk: &Desk, config: &Config, format: Format) -> Result<(), Failure> {
        self.check()?;
        self.sink.check()?;
        let secret = self.auth.needs_secret().then(|| desk.generate(TokenKind::ClientSecret));
        let jwks = self.jwks_file.as_deref().map(public_keys);
        let sink = self.sink.clone();
        let sealed = match &secret {
            Some(secret) if self.auth == Authentication::ClientSecretJwt => {
                vec![seal(desk, &self.id, secret).await?]
            }
            Some(_) | None => Vec::new(),
        };
        let (profile, authorization) = self.authorization.read()?;
        let mut client = Client {
            profile,
            authorization,
            client_name: self.name.unwrap_or_else(|| self.id.to_string()),
            authentication: self.auth.into(),
            secrets: if sealed.is_empty() {
                secret.iter().map(SecretString::hash).collect()
            } else {
                Vec::new()
            },
            jwks: jwks.transpose()?,
            jwks_uri: self.jwks_uri,
            sealed_secrets: sealed,
            certificate_name: self.certificate.one(),
            tls_client_certificate_bound_access_tokens: self.tls_client_certificate_bound_access_tokens,
            dpop_bound_access_tokens: self.dpop_bound_access_tokens,
            application_type: ApplicationType::of(self.redirect_uris.iter().map(String::as_str)),
            redirect_uris: self.redirect_uris,
            grant_types: self.grants.into_iter().map(GrantType::from).collect::<BTreeSet<_>>(),
            scopes: self.scopes,
            default_scopes: self.default_scopes,
            audiences: self.audiences,
            access_token_format: self.token_format.into(),
            first_party: self.first_party,
            may_introspect: self.introspect,
            ..Client::new(self.id, desk.env.now())
        };
        self.policy.onto(&mut client)?;
        self.backchannel.onto(&mut client);
        policy::check(&client, config)?;
        authorization::check(&client)?;
        backchannel::check(&client)?;
        desk.store.create_client(&client).await?;
        print_with_secret(&client, secret.as_ref(), &sink, "registered", format)
    }

    /// What would never work is refused now rather than at the first request.
    fn check(&self) -> Result<(), Failure> {
        let code = self.grants.contains(&Grant::AuthorizationCode);
        if code && self.redirect_uris.is_empty() {
            return Err("authorization_code needs at least one --redirect-uri".into());
        }
        for uri in &self.redirect_uris {
            // RFC 6749 §3.1.2: absolute, without a fragment.
            let parsed = Url::parse(uri).map_err(|error| {
                format!(
                    "--redirect-uri {uri}: {error}; write it whole, such as https://shop.example.com/callback"
                )
            })?;
            if parsed.fragment().is_some() || uri.contains('*') {
                return Err(
                    format!("--redirect-uri {uri}: no fragment and no wildcard (RFC 6749 §3.1.2)").into()
                );
            }
            if matches!(parsed.scheme(), "javascript" | "data" | "vbscript" | "blob" | "file" | "about") {
                return Err(format!("--redirect-uri {uri}: this scheme never leads back to a client").into());
            }
            if parsed.scheme() == "http" && !is_loopback(&parsed) {
                return Err(format!(
                    "--redirect-uri {uri}: https, or http on this machine alone (RFC 9700 §2.6)"
                )
                .into());
            }
        }
        if !self.scopes.covers(&self.default_scopes) {
            return Err("--default-scopes names one that is not in --scopes".into());
        }
        if self.auth == Authentication::None && self.grants.contains(&Grant::ClientCredentials) {
            return Err("client_credentials is for clients that can prove who they are (RFC 6749 §4.4): choose another --auth".into());
        }
        if self.auth == Authentication::None && self.grants.contains(&Grant::TokenExchange) {
            return Err("token_exchange is for clients that can prove who they are (RFC 8693 §5): choose another --auth".into());
        }
        if self.auth == Authentication::PrivateKeyJwt && self.jwks_file.is_none() && self.jwks_uri.is_none() {
            return Err("private_key_jwt needs --jwks-file or --jwks-uri".into());
        }
        let has_certificates = self.jwks_file.is_some() || self.jwks_uri.is_some();
        if self.auth == Authentication::SelfSignedTlsClientAuth && !has_certificates {
            return Err(
                "self_signed_tls_client_auth needs --jwks-file or --jwks-uri, with the certificate in x5c"
                    .into(),
            );
        }
        // RFC 8705 §2.1.2: exactly one.
        if (self.auth == Authentication::TlsClientAuth) != self.certificate.one().is_some() {
            return Err("tls_client_auth needs one --tls-client-auth-… name, and nothing else does".into());
        }
        Ok(())
    }
}

/// A key set from a file: public keys that a client can sign with, and nothing that must not be kept.
fn public_keys(file: &Path) -> Result<Value, Failure> {
    let refused = |why: &str| Failure::from(format!("--jwks-file {}: {why}", file.display()));
    let text = files::read(file)?;
    let set = JwkSet::from_json(&text).map_err(|error| refused(&error.to_string()))?;
    if set.keys.iter().any(|key| key.has_private_members || key.to_public_value().is_none()) {
        return Err(refused("it holds private keys or secrets: give the public keys alone (RFC 7517 §9.2)"));
    }
    if set.keys.is_empty() {
        return Err(refused("it holds no key that can be used"));
    }
    Ok(serde_json::from_slice(&text)?)
}

impl Authentication {
    fn needs_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }
}

impl From<Authentication> for ClientAuthentication {
    fn from(authentication: Authentication) -> Self {
        match authentication {
            Authentication::None => Self::None,
            Authentication::ClientSecretBasic => Self::ClientSecretBasic,
            Authentication::ClientSecretPost => Self::ClientSecretPost,
            Authentication::ClientSecretJwt => Self::ClientSecretJwt,
            Authentication::PrivateKeyJwt => Self::PrivateKeyJwt,
            Authentication::TlsClientAuth => Self::TlsClientAuth,
            Authentication::SelfSignedTlsClientAuth => Self::SelfSignedTlsClientAuth,
        }
    }
}

impl From<TokenFormat> for AccessTokenFormat {
    fn from(format: TokenFormat) -> Self {
        match format {
            TokenFormat::Jwt => Self::Jwt,
            TokenFormat::Reference => Self::Reference,
        }
    }
}

impl From<Grant> for GrantType {
    fn from(grant: Grant) -> Self {
        match grant {
            Grant::AuthorizationCode => Self::AuthorizationCode,
            Grant::ClientCredentials => Self::ClientCredentials,
            Grant::RefreshToken => Self::RefreshToken,
            Grant::DeviceCode => Self::DeviceCode,
            Grant::TokenExchange => Self::TokenExchange,
            Grant::JwtBearer => Self::JwtBearer,
            Grant::Ciba => Self::Ciba,
        }
    }
}

async fn find(desk: &Desk, id: &ClientId) -> Result<Client, Failure> {
    desk.store
        .client(id)
        .await?
        .map(std::sync::Arc::unwrap_or_clone)
        .ok_or_else(|| format!("there is no client {id}: `countersign client list` shows them").into())
}

/// Keeps a changed client, if nobody else changed it since it was looked at.
async fn keep(desk: &Desk, before: &Client, after: &Client) -> Result<(), Failure> {
    if desk.store.change_client(before, after, desk.env.now()).await? {
        return Ok(());
    }
    Err(format!("{} was changed by somebody else meanwhile: nothing was done, try again", before.client_id)
        .into())
}

async fn list(desk: &Desk, format: Format) -> Result<(), Failure> {
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let page = desk.store.clients(clients.last().map(|client| &client.client_id), 500).await?;
        if page.is_empty() {
            break;
        }
        clients.extend(page);
    }
    let values: Vec<Value> = clients.iter().map(value).collect();
    format.print(&values, || {
        let rows = clients.iter().map(|client| {
            [
                client.client_id.to_string(),
                client.client_name.clone(),
                status(client).to_owned(),
                client.authentication.as_str().to_owned(),
                grants(client),
                client.scopes.to_string(),
            ]
        });
        table(["id", "name", "status", "authentication", "grants", "scopes"], rows)
    })
}

fn show(client: &Client, format: Format) -> Result<(), Failure> {
    format.print(&value(client), || describe(client))
}

async fn new_secret(
    desk: &Desk,
    id: &ClientId,
    drop_old: bool,
    sink: &SecretSink,
    format: Format,
) -> Result<(), Failure> {
    sink.check()?;
    let before = find(desk, id).await?;
    let mut client = before.clone();
    if !matches!(
        client.authentication,
        ClientAuthentication::ClientSecretBasic
            | ClientAuthentication::ClientSecretPost
            | ClientAuthentication::ClientSecretJwt
    ) {
        return Err(
            format!("{id} authenticates by {}: it has no secret", client.authentication.as_str()).into()
        );
    }
    let secret = desk.generate(TokenKind::ClientSecret);
    if drop_old {
        client.secrets.clear();
        client.sealed_secrets.clear();
    }
    if client.authentication == ClientAuthentication::ClientSecretJwt {
        client.sealed_secrets.insert(0, seal(desk, id, &secret).await?);
    } else {
        client.secrets.insert(0, secret.hash());
    }
    // Two overlap while one replaces the other; older ones have had their time.
    client.secrets.truncate(2);
    client.sealed_secrets.truncate(2);
    keep(desk, &before, &client).await?;
    print_with_secret(&client, Some(&secret), sink, "has a new secret", format)
}

/// A secret that its client signs with is needed as it is.
async fn seal(desk: &Desk, id: &ClientId, secret: &SecretString) -> Result<String, Failure> {
    // The parts, because they know whether it is the right master key.
    let master = desk.parts().await?.master;
    Ok(countersign_oauth::client_auth::seal(&master, id, secret, &*desk.env.rng)?)
}

async fn set_status(desk: &Desk, id: &ClientId, wanted: ClientStatus, format: Format) -> Result<(), Failure> {
    let client = find(desk, id).await?;
    desk.store.set_client_status(id, wanted, desk.env.now()).await?;
    show(&Client { status: wanted, ..client }, format)
}
