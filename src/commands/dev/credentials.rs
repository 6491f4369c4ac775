//! One credential of each kind, made once and kept in files that only their owner reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_access::ports::ApiKeys as _;
use countersign_access::{API_KEY_PREFIX, TokenKind, api_key};
use countersign_ca::{DnsName, IssueRequest, Name, SpiffeId};
use countersign_model::{
    AccessTokenFormat, AddressList, ApiKey, ApiKeyId, ApiKeyStatus, ApplicationType, Client,
    ClientAuthentication, ClientId, GrantType, Lifetimes, ScopeSet, SecretString, Subject, TokenLife, User,
    UserId, UserKind, UserStatus,
};
use countersign_oauth::ports::{Clients as _, People as _};

use crate::client;
use crate::output::Failure;
use crate::wiring::{System, files};

/// What the demo's callers present, by file.
pub(crate) struct Credentials {
    /// A JWT access token.
    pub(crate) jwt: PathBuf,
    /// A reference access token.
    pub(crate) reference: PathBuf,
    /// The service account's password.
    pub(crate) password: PathBuf,
    /// An API key.
    pub(crate) api_key: PathBuf,
    /// The client certificate's chain and key.
    pub(crate) certificate: (PathBuf, PathBuf),
    /// What callers need to believe the gateway.
    pub(crate) bundle: PathBuf,
    /// The person's password.
    pub(crate) person_password: PathBuf,
}

/// The person who signs in at the page.
pub(crate) const PERSON: &str = "alice";
/// The service account that uses Basic.
pub(crate) const ROBOT: &str = "robot";
const SCOPES: &str = "demo.read demo.write";
/// Tokens of the demo live this long, so that a line that was printed in the morning works in the afternoon.
const TOKEN_LIFE: u32 = 12 * 3_600;

impl Credentials {
    /// Where they are in a data directory.
    pub(crate) fn at(directory: &Path) -> Self {
        Self {
            jwt: directory.join("jwt"),
            reference: directory.join("reference-token"),
            password: directory.join("robot.password"),
            api_key: directory.join("api-key"),
            certificate: (directory.join("client.pem"), directory.join("client.key")),
            bundle: directory.join("ca.pem"),
            person_password: directory.join("alice.password"),
        }
    }
}

/// Makes what is missing; tokens are fetched anew, and the certificate is renewed when its end is near.
pub(super) async fn prepare(directory: &Path, system: &System) -> Result<Credentials, Failure> {
    let credentials = Credentials::at(directory);
    account(system, PERSON, UserKind::Person, &credentials.person_password).await?;
    account(system, ROBOT, UserKind::Service, &credentials.password).await?;
    api_key(system, &credentials.api_key).await?;
    certificate(system, &credentials).await?;
    application(system).await?;
    device(system).await?;
    let secret = directory.join("demo-service.secret");
    service(system, "demo-service", AccessTokenFormat::Jwt, &secret).await?;
    token(system, "demo-service", &secret, &credentials.jwt).await?;
    let secret = directory.join("demo-reference.secret");
    service(system, "demo-reference", AccessTokenFormat::Reference, &secret).await?;
    token(system, "demo-reference", &secret, &credentials.reference).await?;
    Ok(credentials)
}

fn scopes() -> Result<ScopeSet, Failure> {
    Ok(SCOPES.parse()?)
}

/// Writes a secret with a line feed, so that `cat` shows it properly.
fn keep(file: &Path, secret: &SecretString) -> Result<(), Failure> {
    files::write_private(file, format!("{}\n", secret.expose()).as_bytes())
}

async fn account(system: &System, name: &str, kind: UserKind, file: &Path) -> Result<(), Failure> {
    let username = name.parse()?;
    let known = system.store.user_by_name(&username).await?;
    if known.is_some() && file.exists() {
        return Ok(());
    }
    let password = short_password(system);
    keep(file, &password)?;
    let hash = system.hasher.hash(&password).await?;
    let now = system.env.now();
    if let Some(user) = known {
        system.store.set_password(&user.id, Some(&hash), now).await?;
        return Ok(());
    }
    let user = User {
        id: UserId::generate(now, &*system.env.rng),
        username,
        kind,
        status: UserStatus::Enabled,
        display_name: (kind == UserKind::Person).then(|| "Alice Example".to_owned()),
        email: (kind == UserKind::Person).then(|| "alice@example.com".to_owned()),
        email_verified: false,
        scopes: scopes()?,
        password: Some(hash),
        created_at: now,
        password_changed_at: now,
    };
    Ok(system.store.create_user(&user).await?)
}

/// 128 random bits in a form that a person can type.
fn short_password(system: &System) -> SecretString {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let bytes = system.env.rng.bytes::<20>();
    let mut text = String::with_capacity(24);
    for (position, byte) in bytes.iter().enumerate() {
        if position > 0 && position % 5 == 0 {
            text.push('-');
        }
        let letter = LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'a');
        text.push(char::from(letter));
    }
    SecretString::new(text)
}

async fn api_key(system: &System, file: &Path) -> Result<(), Failure> {
    if file.exists() && system.store.api_key(&files::read_secret(file)?.hash()).await?.is_some() {
        return Ok(());
    }
    let now = system.env.now();
    let secret = api_key::generate(API_KEY_PREFIX, "test", &*system.env.rng);
    system
        .store
        .create_api_key(&ApiKey {
            id: ApiKeyId::generate(now, &*system.env.rng),
            hash: secret.hash(),
            name: "demo".to_owned(),
            owner: Subject::from("demo-partner"),
            scopes: scopes()?,
            routes: Vec::new(),
            addresses: AddressList::default(),
            requests_per_minute: None,
            status: ApiKeyStatus::Active,
            created_at: now,
            expires_at: None,
        })
        .await?;
    keep(file, &secret)
}

async fn certificate(system: &System, credentials: &Credentials) -> Result<(), Failure> {
    let bundle = system.authority.trust_bundle_pem();
    // A database begun anew has another authority, of which the old certificate is none.
    let same_authority = files::read(&credentials.bundle).is_ok_and(|old| old == bundle.as_bytes());
    files::write_private(&credentials.bundle, bundle.as_bytes())?;
    let (chain, key) = &credentials.certificate;
    let identity = format!("spiffe://{}/demo-client", system.config.ca.trust_domain);
    let names =
        vec![Name::Spiffe(identity.parse::<SpiffeId>()?), Name::Dns("demo-client".parse::<DnsName>()?)];
    let request = IssueRequest {
        profile: "client".to_owned(),
        subject: Subject::from(identity),
        names,
        lifetime: Some(Duration::from_secs(86_400)),
    };
    let fresh = std::fs::metadata(chain)
        .and_then(|meta| meta.modified())
        .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < Duration::from_secs(16 * 3_600)));
    if fresh && same_authority && key.exists() {
        return Ok(());
    }
    let made = system.authority.issue_with_new_key(&request).await?;
    files::write_private(key, made.key_pem().expose().as_bytes())?;
    files::write_private(chain, made.issued.chain_pem().as_bytes())
}

/// Registers a client, or gives one that an earlier version registered what is new. What was taken from it on the command
/// line stays away.
async fn register(system: &System, wanted: Client) -> Result<(), Failure> {
    let Some(known) = system.store.client(&wanted.client_id).await? else {
        return Ok(system.store.create_client(&wanted).await?);
    };
    let mut after = Client::clone(&known);
    if known.ceiling.grant_types.is_none() {
        after.grant_types.extend(wanted.grant_types);
    }
    if known.ceiling.scopes.is_none() {
        after.scopes = known.scopes.union(&wanted.scopes);
    }
    if after != *known && !system.store.change_client(&known, &after, system.env.now()).await? {
        return Err(format!("{}: it was changed meanwhile, start again", known.client_id).into());
    }
    Ok(())
}

/// A third party's application, for the sign-in and consent pages.
async fn application(system: &System) -> Result<(), Failure> {
    let id = ClientId::from("demo-app");
    let client = Client {
        client_name: "Demo application".to_owned(),
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
        grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
        scopes: format!("openid profile email offline_access {SCOPES}").parse()?,
        application_type: ApplicationType::Native,
        ..Client::new(id, system.env.now())
    };
    register(system, client).await
}

/// Something without a keyboard, for the device flow.
async fn device(system: &System) -> Result<(), Failure> {
    let id = ClientId::from("demo-device");
    let client = Client {
        client_name: "Demo device".to_owned(),
        grant_types: BTreeSet::from([GrantType::DeviceCode, GrantType::RefreshToken]),
        scopes: format!("openid profile email offline_access {SCOPES}").parse()?,
        default_scopes: scopes()?,
        application_type: ApplicationType::Native,
        ..Client::new(id, system.env.now())
    };
    register(system, client).await
}

/// A machine with a client secret.
async fn service(system: &System, id: &str, format: AccessTokenFormat, file: &Path) -> Result<(), Failure> {
    let client_id = ClientId::from(id);
    let secrets = match system.store.client(&client_id).await? {
        Some(known) => known.secrets.clone(),
        None => {
            let secret = TokenKind::ClientSecret.generate(&*system.env.rng);
            keep(file, &secret)?;
            vec![secret.hash()]
        }
    };
    let client = Client {
        client_name: format!(
            "Demo service ({})",
            if format == AccessTokenFormat::Jwt { "JWT" } else { "reference tokens" }
        ),
        authentication: ClientAuthentication::ClientSecretBasic,
        secrets,
        grant_types: BTreeSet::from([GrantType::ClientCredentials, GrantType::TokenExchange]),
        scopes: scopes()?,
        default_scopes: scopes()?,
        access_token_format: format,
        lifetimes: Lifetimes { access_token: Some(TokenLife::Seconds(TOKEN_LIFE)), refresh_token: None },
        first_party: true,
        may_introspect: format == AccessTokenFormat::Reference,
        ..Client::new(client_id, system.env.now())
    };
    register(system, client).await
}

/// Asks our own token endpoint, as any client would.
async fn token(system: &System, id: &str, secret: &Path, file: &Path) -> Result<(), Failure> {
    let server = system.server_address.ok_or("the configuration has no [server]: the demo needs one")?;
    let secret = files::read_secret(secret)?;
    let token = client::client_credentials(server, id, &secret).await?;
    keep(file, &token)
}
