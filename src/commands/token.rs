//! `countersign token`

mod scan;

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use countersign_access::ports::ReferenceTokens as _;
use countersign_access::{Decision, Peer, RequestParts, Rule, RuleSettings};
use countersign_jose::jwt::{self, Rejection, Validation};
use countersign_jose::{Algorithms, JwkSet, ParsedJws, VerifyingKey, jws};
use countersign_model::{ClientId, Env, Method, ScopeSet, SecretString, Timestamp, User, Username};
use countersign_net::FetchRequest;
use countersign_oauth::ports::{Clients as _, People as _};
use countersign_oauth::{Mint, Revoked};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};

use super::Source;
use super::secrets::SecretSink;
use crate::config::units::Span;
use crate::output::{Failure, Format, Progress, moment};
use crate::wiring::{Desk, Parts, engine, files, pipeline};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::TOKEN)]
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
    /// Make an access token for a client, in its own name or a user's. It can be introspected and revoked like any other.
    Mint(MintArguments),
    /// Show what a token says. Nothing of it is verified.
    Inspect {
        /// The token, or `-` for standard input.
        token: String,
    },
    /// Verify a token as a checker would, and say why if it is refused.
    Verify(Verify),
    /// Revoke a token at once, whichever client has it; a refresh token takes everything of its grant with it.
    Revoke {
        /// The token, or `-` for standard input.
        token: String,
    },
    /// Find leaked tokens, API keys and secrets of ours in files, directories or standard input. Asks nobody.
    Scan(scan::Scan),
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::TOKEN)]
struct MintArguments {
    /// The client it is issued to.
    #[arg(long)]
    client: ClientId,
    /// The account it speaks of. Default: the client itself.
    #[arg(long, value_name = "NAME")]
    user: Option<Username>,
    /// What it may do, separated by spaces; at most what the client may be given. Default: all of that.
    #[arg(long)]
    scopes: Option<ScopeSet>,
    /// Whom it is for. Default: the client's first audience, or the server's default.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// How long it lives; at most 24h.
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    lifetime: Span,
    #[command(flatten)]
    sink: SecretSink,
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::TOKEN)]
struct Verify {
    /// The token, or `-` for standard input.
    token: String,
    /// The issuer it must have; its keys are found by discovery. Default: our own issuer and keys.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// A file with the keys (JWK Set) instead.
    #[arg(long, value_name = "FILE", requires = "issuer")]
    jwks: Option<PathBuf>,
    /// The audience it must name. Default: any.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
}

/// Clock difference allowed.
const LEEWAY: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(86_400);

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let format = Format::new(arguments.json);
    match arguments.action {
        Action::Inspect { token } => inspect(&read(token)?, format)?,
        Action::Mint(mint) => mint.run(&Desk::open(arguments.source.load()?).await?, format).await?,
        Action::Revoke { token } => {
            revoke(&read(token)?, &Desk::open(arguments.source.load()?).await?, format).await?;
        }
        Action::Verify(verify) => return verify.run(&arguments.source, format).await.map(super::code),
        Action::Scan(scan) => return scan.run(format),
    }
    Ok(ExitCode::SUCCESS)
}

/// The token itself, or what standard input says.
fn read(argument: String) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    std::io::stdin().lock().take(128 << 10).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

async fn revoke(token: &str, desk: &Desk, format: Format) -> Result<(), Failure> {
    let engine = engine(&desk.config, &desk.parts().await?)?;
    match engine.revoke_for_operator(token).await? {
        Some(Revoked::AccessToken(id)) => {
            format.print(&json!({ "token_id": id }), || format!("access token {id} revoked"))
        }
        Some(Revoked::Grant(id)) => {
            format.print(&json!({ "grant_id": id }), || format!("grant {id} revoked, with every token of it"))
        }
        None => Err("this is no token of this server, or none any more".into()),
    }
}

impl MintArguments {
    async fn run(self, desk: &Desk, format: Format) -> Result<(), Failure> {
        if self.lifetime.0 > LONGEST || self.lifetime.0 < Duration::from_secs(1) {
            return Err(
                "--lifetime is between 1s and 24h: keys are not published longer for their last token".into(),
            );
        }
        self.sink.check()?;
        let parts = desk.parts().await?;
        let client = parts.store.client(&self.client).await?.filter(|client| client.is_enabled());
        let client = client.ok_or_else(|| format!("there is no enabled client {}", self.client))?;
        let user = self.user(&parts).await?;
        let scopes = self.scopes.clone().unwrap_or_else(|| client.scopes.clone());
        if !client.scopes.covers(&scopes) {
            return Err(format!("the client may be given {} at most", client.scopes).into());
        }
        let order = Mint {
            client: &client,
            user: user.as_ref(),
            scopes: &scopes,
            audience: self.audience.as_deref(),
            lifetime: Some(self.lifetime.0),
        };
        let minted = engine(&desk.config, &parts)?.mint(order).await?;
        let mut value: Value = serde_json::from_slice(&minted.to_json())?;
        let token = SecretString::new(minted.access_token);
        let shown = self.sink.put(&token)?;
        if let (Some(file), Value::Object(object)) = (shown.file(), &mut value) {
            object.insert("access_token".to_owned(), Value::Null);
            object.insert("access_token_file".to_owned(), json!(file));
        }
        match (shown.value(), format) {
            // The token is the result; a remark said where it is.
            (None, Format::Human) => Ok(()),
            (token, format) => format.print(&value, || token.unwrap_or_default().to_owned()),
        }
    }

    async fn user(&self, parts: &Parts) -> Result<Option<User>, Failure> {
        let Some(name) = &self.user else { return Ok(None) };
        let user = parts.store.user_by_name(name).await?.filter(User::is_enabled);
        Ok(Some(user.ok_or_else(|| format!("there is no enabled account {name}"))?))
    }
}

fn inspect(token: &str, format: Format) -> Result<(), Failure> {
    let Some((header, rest)) = token.split_once('.') else {
        return Err("this is no JWT: a reference token or an API key says nothing by itself".into());
    };
    let payload = rest.split('.').next().unwrap_or_default();
    let (header, claims) = (decode(header)?, decode(payload)?);
    let value = json!({ "header": header, "claims": claims, "verified": false });
    format.print(&value, || {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
        let end = claims.get("exp").and_then(Value::as_i64).map(Timestamp::from_seconds);
        let end = end.map_or_else(String::new, |end| {
            let over = if end <= Env::system().now() { ", which is over" } else { "" };
            format!("\n\nexpires {}{over}", moment(end))
        });
        let shared = match header.get("alg").and_then(Value::as_str) {
            Some("HS256" | "HS384" | "HS512") => {
                " Signed with a shared secret: no key set verifies it, and whoever has the secret could have made it."
            }
            _ => "",
        };
        format!("header {}\n\nclaims {}{end}\n\nNothing here was verified.{shared}", pretty(&header), pretty(&claims))
    })
}

fn decode(part: &str) -> Result<Value, Failure> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| format!("a part of the token is no base64url: {error}"))?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| format!("a part of the token is no JSON: {error}"))?)
}

/// What became of a token: what it says, or why it is refused, as a word and as a sentence.
type Verdict = Result<Map<String, Value>, (&'static str, String)>;

impl Verify {
    async fn run(self, source: &Source, format: Format) -> Result<bool, Failure> {
        let token = read(self.token.clone())?;
        let verdict = match &self.issuer {
            None => self.own(&token, source).await?,
            Some(issuer) => self
                .external(&token, issuer, source)
                .await?
                .map_err(|rejection| (rejection.as_str(), rejection.to_string())),
        };
        let value = match &verdict {
            Ok(claims) => json!({ "valid": true, "claims": claims }),
            Err((reason, detail)) => json!({ "valid": false, "reason": reason, "detail": detail }),
        };
        format.print(&value, || match &verdict {
            Ok(claims) => format!("valid\n{}", serde_json::to_string_pretty(claims).unwrap_or_default()),
            Err((_, detail)) => format!("refused: {detail}"),
        })?;
        Ok(verdict.is_ok())
    }

    /// Asks the pipeline, as the gateway does for every request: signature, time, revocation, and whether client and
    /// person are still there. The caller shows no certificate.
    async fn own(&self, token: &str, source: &Source) -> Result<Verdict, Failure> {
        let config = source.load()?;
        let parts = Desk::open(config.clone()).await?.parts().await?;
        let access = pipeline(&config, &parts).await?;
        let claims = said_by(token, &parts).await?;
        let rule = Rule::new(RuleSettings {
            name: "token verify".to_owned(),
            accept: vec![Method::Jwt, Method::Oauth],
            audience: self.audience.clone().or_else(|| first_audience(&claims)),
            ..RuleSettings::default()
        })?;
        let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {token}")) else {
            return Ok(Err(("malformed", "it holds characters that no token has".to_owned())));
        };
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let request = RequestParts {
            authority: "",
            method: &http::Method::GET,
            path: "/",
            query: None,
            headers: &headers,
            client_address: here,
            secure: true,
        };
        let decision = access.check(&request, &Peer::new(here, None), &rule, parts.env.now()).await;
        Ok(match decision {
            Decision::Allow(_) => Ok(claims),
            Decision::Deny(denial) => Err((denial.reason(), denial.reason().replace('_', " "))),
        })
    }

    async fn external(
        &self,
        token: &str,
        issuer: &str,
        source: &Source,
    ) -> Result<Result<Map<String, Value>, Rejection>, Failure> {
        let set = match &self.jwks {
            Some(file) => files::read(file)?,
            None => discover(issuer, source).await?,
        };
        let set = JwkSet::from_json(&set)?;
        let now = Env::system().now();
        let check = |parsed: &ParsedJws<'_>| {
            let fits = |kid: Option<&str>| parsed.header.kid.is_none() || kid == parsed.header.kid.as_deref();
            let jwk = set.keys.iter().find(|jwk| fits(jwk.kid.as_ref().map(AsRef::as_ref)));
            let key = jwk.and_then(|jwk| VerifyingKey::from_jwk(jwk, parsed.header.algorithm).ok());
            self.validate(parsed, &key.ok_or(Rejection::UnknownKey)?, issuer, now)
        };
        Ok(jws::parse(token).map_err(Rejection::from).and_then(|parsed| check(&parsed)))
    }

    fn validate(
        &self,
        token: &ParsedJws<'_>,
        key: &VerifyingKey,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Rejection> {
        let audiences: Vec<&str> = self.audience.iter().map(String::as_str).collect();
        let validation = Validation {
            issuer,
            audiences: &audiences,
            types: &["at+jwt", "JWT", "identity+jwt", ""],
            // The key decides: it was chosen by us and is for one algorithm.
            algorithms: Algorithms::of(&[key.algorithm()]),
            required: &[],
            leeway: LEEWAY,
            now,
        };
        jwt::validate(token, key, &validation).map(|claims| claims.all)
    }
}

/// What a token says before anybody has verified it: its claims, or what a reference token of ours stands for.
async fn said_by(token: &str, parts: &Parts) -> Result<Map<String, Value>, Failure> {
    match token.split('.').nth(1).map(decode) {
        Some(Ok(Value::Object(claims))) => Ok(claims),
        Some(_) => Ok(Map::new()),
        None => {
            let known = parts.store.reference_token(token, parts.env.now()).await?;
            Ok(known.map(|known| known.claims).unwrap_or_default())
        }
    }
}

/// The first audience it names (RFC 7519 §4.1.3: one text, or several).
fn first_audience(claims: &Map<String, Value>) -> Option<String> {
    let audience = claims.get("aud")?;
    audience.as_str().or_else(|| audience.as_array()?.first()?.as_str()).map(str::to_owned)
}

/// The issuer's key set, by discovery (RFC 8414 §3, OpenID Connect Discovery §4), through the guarded fetcher.
async fn discover(issuer: &str, source: &Source) -> Result<Vec<u8>, Failure> {
    let _progress = Progress::new(format!("asking {issuer} for its keys"));
    let parts = Desk::open(source.load()?).await?.parts().await?;
    let metadata = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let answer = parts.fetcher.fetch(FetchRequest::get(metadata.parse()?)).await?;
    let metadata: Value = serde_json::from_slice(&answer.body)?;
    // RFC 8414 §3.3: the document must speak of the issuer it was found under.
    if metadata.get("issuer").and_then(Value::as_str) != Some(issuer) {
        return Err(format!("{issuer}: its metadata names another issuer").into());
    }
    let keys = metadata.get("jwks_uri").and_then(Value::as_str).ok_or("the metadata names no jwks_uri")?;
    Ok(parts.fetcher.fetch(FetchRequest::get(keys.parse()?)).await?.body.to_vec())
}
