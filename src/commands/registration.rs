//! `countersign registration`

use countersign_model::RegistrationTokenId;
use countersign_oauth::text;
use countersign_store::RegistrationToken;
use serde_json::{Value, json};

use super::Source;
use super::secrets::SecretSink;
use crate::config::units::Span;
use crate::output::{Failure, Format, moment, table};
use crate::wiring::Desk;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    source: Source,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Initial access tokens, with which clients register themselves (RFC 7591).
    #[command(subcommand)]
    Token(Token),
}

#[derive(Debug, clap::Subcommand)]
enum Token {
    /// Make a token. It is shown once; only its hash is kept.
    Create(Create),
    /// List tokens, with how often each was used.
    List,
    /// Withdraw a token at once; clients registered with it stay.
    Revoke {
        /// The token's id (not the token).
        id: RegistrationTokenId,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What you call it: for whom it is.
    #[arg(long)]
    name: String,
    /// How many clients may be registered with it; `unlimited` for any number.
    #[arg(long, value_name = "N", default_value = "1")]
    uses: Uses,
    /// How long it counts, such as `24h`; `never` ends it only when it is withdrawn.
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    expires: Expiry,
    #[command(flatten)]
    sink: SecretSink,
}

/// How many clients.
#[derive(Clone, Copy, Debug)]
struct Uses(Option<u32>);

impl std::str::FromStr for Uses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<u32>() {
            _ if text == "unlimited" => Ok(Self(None)),
            Ok(uses) if uses > 0 => Ok(Self(Some(uses))),
            Ok(_) | Err(_) => Err("a number from 1, or unlimited".to_owned()),
        }
    }
}

/// How long.
#[derive(Clone, Copy, Debug)]
struct Expiry(Option<Span>);

impl std::str::FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" { Ok(Self(None)) } else { text.parse().map(|span| Self(Some(span))) }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(arguments.source.load()?).await?;
    let format = Format::new(arguments.json);
    let Action::Token(action) = arguments.action;
    match action {
        Token::Create(create) => create.run(&desk, format).await,
        Token::List => list(&desk, format).await,
        Token::Revoke { id } => revoke(&desk, &id, format).await,
    }
}

impl Create {
    async fn run(self, desk: &Desk, format: Format) -> Result<(), Failure> {
        self.sink.check()?;
        let now = desk.env.now();
        let secret = text::initial_access_token(&*desk.env.rng);
        let token = RegistrationToken {
            id: RegistrationTokenId::generate(now, &*desk.env.rng),
            name: self.name,
            uses: 0,
            most_uses: self.uses.0,
            created_at: now,
            expires_at: self.expires.0.map(|span| now.plus(span.0)),
        };
        desk.store.create_registration_token(&token, secret.hash()).await?;
        let shown = self.sink.put(&secret)?;
        let mut document = value(&token);
        if let Value::Object(object) = &mut document {
            if let Some(secret) = shown.value() {
                object.insert("token".to_owned(), json!(secret));
            }
            if let Some(file) = shown.file() {
                object.insert("token_file".to_owned(), json!(file));
            }
        }
        format.print(&document, || match shown.value() {
            Some(secret) => format!(
                "registration token {} made\ntoken: {secret}\nOnly its hash is kept: it is not shown again.",
                token.id
            ),
            None => format!("registration token {} made", token.id),
        })
    }
}

async fn list(desk: &Desk, format: Format) -> Result<(), Failure> {
    let tokens = desk.store.registration_tokens().await?;
    let values: Vec<Value> = tokens.iter().map(value).collect();
    format.print(&values, || {
        let rows = tokens.iter().map(|token| {
            let most = token.most_uses.map_or_else(|| "unlimited".to_owned(), |most| most.to_string());
            [
                token.id.to_string(),
                token.name.clone(),
                format!("{} of {most}", token.uses),
                moment(token.created_at),
                token.expires_at.map_or_else(|| "never".to_owned(), moment),
            ]
        });
        table(["id", "name", "uses", "created", "expires"], rows)
    })
}

async fn revoke(desk: &Desk, id: &RegistrationTokenId, format: Format) -> Result<(), Failure> {
    if !desk.store.delete_registration_token(id).await? {
        return Err(format!(
            "there is no registration token {id}: `countersign registration token list` shows them"
        )
        .into());
    }
    format.print(&json!({ "id": id, "revoked": true }), || format!("registration token {id} withdrawn"))
}

fn value(token: &RegistrationToken) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "uses": token.uses,
        "most_uses": token.most_uses,
        "created_at": token.created_at.seconds(),
        "expires_at": token.expires_at.map(|at| at.seconds()),
    })
}
