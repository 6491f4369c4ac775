//! `countersign apikey`

use std::net::IpAddr;
use std::time::Duration;

use countersign_access::{API_KEY_PREFIX, api_key};
use countersign_model::{
    AddressList, ApiKey, ApiKeyId, ApiKeyStatus, ScopeSet, SecretString, Subject, Timestamp,
};
use countersign_store::ListedApiKey;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::Source;
use super::secrets::SecretSink;
use crate::config::Config;
use crate::config::units::Span;
use crate::output::{Failure, Format, moment, table};
use crate::wiring::Desk;

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::APIKEY)]
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
    /// Make a key. It is shown once; only its hash is kept.
    Create(Create),
    /// List keys, with when and where each was last used.
    List {
        /// Only keys of this subject.
        #[arg(long)]
        owner: Option<Subject>,
    },
    /// Revoke a key at once.
    Revoke {
        /// The key's id (not the key).
        id: ApiKeyId,
    },
    /// Make a successor with the same rights; the old key ends after the overlap.
    Rotate {
        /// The key's id (not the key).
        id: ApiKeyId,
        /// How long both work.
        #[arg(long, default_value = "1h")]
        overlap: Span,
        #[command(flatten)]
        sink: SecretSink,
    },
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::APIKEY)]
struct Create {
    /// What the owner calls it.
    #[arg(long)]
    name: String,
    /// Whom it speaks for: the subject services will see.
    #[arg(long)]
    owner: Subject,
    /// What it may do, separated by spaces.
    #[arg(long, default_value = "", hide_default_value = true)]
    scopes: ScopeSet,
    /// Routes it may be used on; repeat for several. Default: every route that takes keys.
    #[arg(long = "route", value_name = "NAME")]
    routes: Vec<String>,
    /// Networks from which it may be used; repeat for several. Default: everywhere.
    #[arg(long = "address", value_name = "CIDR", value_parser = network)]
    addresses: Vec<IpNet>,
    /// How long it lives, such as `90d`. Default: until it is revoked.
    #[arg(long, value_name = "SPAN")]
    expires: Option<Span>,
    /// Requests a minute it may make.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// The environment named in the key.
    #[arg(long, default_value = "live", value_parser = ["live", "test"])]
    env: String,
    #[command(flatten)]
    sink: SecretSink,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(arguments.source.load()?).await?;
    let format = Format::new(arguments.json);
    match arguments.action {
        Action::Create(create) => create.run(&desk, format).await,
        Action::List { owner } => list(&desk, owner.as_ref(), format).await,
        Action::Revoke { id } => revoke(&desk, &id, format).await,
        Action::Rotate { id, overlap, sink } => rotate(&desk, &id, overlap.0, &sink, format).await,
    }
}

impl Create {
    async fn run(self, desk: &Desk, format: Format) -> Result<(), Failure> {
        self.sink.check()?;
        self.check_routes(&desk.config)?;
        let now = desk.env.now();
        let secret = api_key::generate(API_KEY_PREFIX, &self.env, &*desk.env.rng);
        let key = ApiKey {
            id: ApiKeyId::generate(now, &*desk.env.rng),
            hash: secret.hash(),
            name: self.name,
            owner: self.owner,
            scopes: self.scopes,
            routes: self.routes,
            addresses: AddressList::new(self.addresses),
            requests_per_minute: self.rate,
            status: ApiKeyStatus::Active,
            created_at: now,
            expires_at: self.expires.map(|span| now.plus(span.0)),
        };
        desk.store.create_api_key(&key).await?;
        print_with_secret(&key, &secret, &self.sink, format)
    }

    /// A key for a route that is not there would never work. Where the gateway is elsewhere, nobody here knows.
    fn check_routes(&self, config: &Config) -> Result<(), Failure> {
        let Some(gateway) = &config.gateway else { return Ok(()) };
        let known: Vec<&str> = gateway.routes.iter().map(|route| route.raw.name.as_str()).collect();
        match self.routes.iter().find(|route| !known.contains(&route.as_str())) {
            Some(unknown) => Err(format!(
                "--route {unknown}: the configuration has no such route; it has {}",
                known.join(", ")
            )
            .into()),
            None => Ok(()),
        }
    }
}

/// A network, or an address alone.
fn network(text: &str) -> Result<IpNet, String> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| alone())
        .map_err(|_| "write a network such as 10.0.0.0/8, or an address".to_owned())
}

async fn list(desk: &Desk, owner: Option<&Subject>, format: Format) -> Result<(), Failure> {
    let mut keys: Vec<ListedApiKey> = Vec::new();
    loop {
        let page = desk.store.api_keys(owner, keys.last().map(|listed| &listed.key.id), 500).await?;
        if page.is_empty() {
            break;
        }
        keys.extend(page);
    }
    let values: Vec<Value> = keys.iter().map(|listed| value(&listed.key, Some(listed))).collect();
    format.print(&values, || {
        let now = desk.env.now();
        let rows = keys.iter().map(|listed| {
            let key = &listed.key;
            let last = listed.last_use.as_ref();
            [
                key.id.to_string(),
                key.name.clone(),
                key.owner.to_string(),
                status(key, now).to_owned(),
                key.scopes.to_string(),
                key.expires_at.map_or_else(|| "never".to_owned(), moment),
                last.map_or_else(
                    || "never".to_owned(),
                    |last| format!("{} from {}", moment(last.at), last.address),
                ),
            ]
        });
        table(["id", "name", "owner", "status", "scopes", "expires", "last used"], rows)
    })
}

async fn revoke(desk: &Desk, id: &ApiKeyId, format: Format) -> Result<(), Failure> {
    let mut key = find(desk, id).await?;
    desk.store.revoke_api_key(id, desk.env.now()).await?;
    key.status = ApiKeyStatus::Revoked;
    format.print(&value(&key, None), || format!("{id} ({}) is revoked", key.name))
}

async fn rotate(
    desk: &Desk,
    id: &ApiKeyId,
    overlap: Duration,
    sink: &SecretSink,
    format: Format,
) -> Result<(), Failure> {
    sink.check()?;
    let old = find(desk, id).await?;
    let now = desk.env.now();
    let secret = api_key::generate(API_KEY_PREFIX, "live", &*desk.env.rng);
    let key = ApiKey {
        id: ApiKeyId::generate(now, &*desk.env.rng),
        hash: secret.hash(),
        created_at: now,
        ..old.clone()
    };
    desk.store.create_api_key(&key).await?;
    desk.store.end_api_key_by(id, now.plus(overlap), now).await?;
    print_with_secret(&key, &secret, sink, format)
}

async fn find(desk: &Desk, id: &ApiKeyId) -> Result<ApiKey, Failure> {
    let listed = desk.store.api_key_by_id(id).await?;
    listed
        .map(|listed| listed.key)
        .ok_or_else(|| format!("there is no API key {id}: `countersign apikey list` shows their ids").into())
}

fn print_with_secret(
    key: &ApiKey,
    secret: &SecretString,
    sink: &SecretSink,
    format: Format,
) -> Result<(), Failure> {
    let shown = sink.put(secret)?;
    let mut document = value(key, None);
    if let Value::Object(object) = &mut document {
        object.insert("key".to_owned(), json!(shown.value()));
        object.insert("key_file".to_owned(), json!(shown.file()));
    }
    format.print(&document, || {
        let mut text = format!("API key {} ({}) for {}", key.id, key.name, key.owner);
        if let Some(secret) = shown.value() {
            text.push_str(&format!("\nkey: {secret}\nOnly its hash is kept: it is not shown again."));
        }
        text
    })
}

fn status(key: &ApiKey, now: Timestamp) -> &'static str {
    match key.status {
        ApiKeyStatus::Revoked => "revoked",
        ApiKeyStatus::Active if key.expires_at.is_some_and(|end| end <= now) => "expired",
        ApiKeyStatus::Active => "active",
    }
}

fn value(key: &ApiKey, listed: Option<&ListedApiKey>) -> Value {
    let last = listed.and_then(|listed| listed.last_use.as_ref());
    json!({
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": key.scopes,
        "routes": key.routes,
        "addresses": key.addresses,
        "requests_per_minute": key.requests_per_minute,
        "status": key.status,
        "created_at": key.created_at.seconds(),
        "expires_at": key.expires_at.map(Timestamp::seconds),
        "last_used": last.map(|last| json!({
            "at": last.at.seconds(), "address": last.address.to_string(), "route": last.route,
        })),
    })
}
