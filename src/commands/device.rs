//! `countersign device`: gets a token by the device flow (RFC 8628), as a television or a command line does.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use countersign_model::{ClientId, ScopeSet};
use fast_qr::qr::QRBuilder;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;

use super::Source;
use crate::client::Connection;
use crate::config::Config;
use crate::output::{Failure, Format, Progress, remark};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The client: public, and registered for the grant `device_code`.
    #[arg(long)]
    client: ClientId,
    /// What to ask for, separated by spaces. Default: the client's default.
    #[arg(long)]
    scopes: Option<ScopeSet>,
    #[command(flatten)]
    source: Source,
    /// Print the whole answer as JSON rather than the access token alone.
    #[arg(long)]
    json: bool,
}

/// RFC 8628 §3.2.
#[derive(Deserialize)]
struct Asked {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.source.load()?;
    let server = address(&config)?;
    let scope = arguments.scopes.as_ref().map(ToString::to_string);
    let client = arguments.client.as_str();
    let mut form = vec![("client_id", client)];
    form.extend(scope.as_deref().map(|scope| ("scope", scope)));
    let answer = post(server, "/device_authorization", &form).await?;
    if answer.status() != StatusCode::OK {
        return Err(refusal(&answer).into());
    }
    let asked: Asked = serde_json::from_slice(answer.body())?;
    invite(&asked);
    let answer = wait(server, client, &asked).await?;
    let token = answer.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned();
    Format::new(arguments.json).print(&answer, || token)
}

/// What the person must do, on standard error, so that the token alone goes to standard output.
fn invite(asked: &Asked) {
    let qr = QRBuilder::new(asked.verification_uri_complete.as_str()).build();
    if let (true, Ok(qr)) = (std::io::stderr().is_terminal(), qr) {
        remark(&qr.to_str());
    }
    remark(&format!(
        "Open {} and type {}\nor open {}",
        asked.verification_uri, asked.user_code, asked.verification_uri_complete
    ));
}

/// RFC 8628 §3.5: polls at the pace it was told, slower when it is told so.
async fn wait(server: SocketAddr, client: &str, asked: &Asked) -> Result<Value, Failure> {
    let _progress = Progress::new("waiting until somebody decides");
    let mut interval = asked.interval.max(1);
    let mut waited = 0;
    while waited < asked.expires_in {
        tokio::time::sleep(Duration::from_secs(interval)).await;
        waited += interval;
        let form =
            [("grant_type", DEVICE_CODE), ("client_id", client), ("device_code", asked.device_code.as_str())];
        let answer = post(server, "/token", &form).await?;
        let document: Value = serde_json::from_slice(answer.body())?;
        match (answer.status(), document.get("error").and_then(Value::as_str)) {
            (StatusCode::OK, _) => return Ok(document),
            (_, Some("authorization_pending")) => {}
            (_, Some("slow_down")) => interval += 5,
            (_, _) => return Err(refusal(&answer).into()),
        }
    }
    Err("nobody decided in time".into())
}

async fn post(server: SocketAddr, path: &str, form: &[(&str, &str)]) -> Result<Response<Bytes>, Failure> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(path)
        .header(header::HOST, server.to_string())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(body))?;
    Connection::open(server, None).await?.send(request).await
}

fn refusal(answer: &Response<Bytes>) -> String {
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let member = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("refused: {} ({})", member("error"), member("error_description"))
}

/// Where our own server listens, without TLS in between.
fn address(config: &Config) -> Result<SocketAddr, Failure> {
    match &config.server {
        Some(server) if server.tls.is_none() => Ok(server.listen),
        Some(_) => Err("the server speaks TLS: use another client of the device flow".into()),
        None => Err("the configuration has no [server]".into()),
    }
}
