//! Fetching for the pipeline and the engine, all through the one guarded fetcher.

use std::time::Duration;

use bytes::Bytes;
use countersign_access::ports::{BoxFuture, JwksFetch, ReferenceToken, ReferenceTokens, Unavailable};
use countersign_model::{SecretString, Timestamp};
use countersign_net::{
    AddressPolicy, ClientTls, ClientTlsSettings, FetchRequest, FetchSettings, Fetched, Fetcher, Roots,
};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::Semaphore;
use url::Url;

use super::routes;
use crate::config::Config;
use crate::output::Failure;

/// Largest metadata document of a client that is fetched, in bytes.
const LARGEST_DOCUMENT: usize = 16 << 10;
/// How long a fetch for a client may take: a person waits.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest key set or request object of a client that is fetched, in bytes: a few keys with their certificates.
const LARGEST_KEYS: usize = 64 << 10;

/// The fetcher the configuration allows.
///
/// # Errors
/// When the authorities to believe can't be read.
pub(super) fn fetcher(config: &Config, env: &countersign_model::Env) -> Result<Fetcher, Failure> {
    Ok(Fetcher::new(settings(config, env)?))
}

/// The same for metadata documents of clients and for pings to them, where strangers may name the address: small answers,
/// and soon.
///
/// # Errors
/// As [`fetcher`].
pub(super) fn document_fetcher(config: &Config, env: &countersign_model::Env) -> Result<Fetcher, Failure> {
    Ok(Fetcher::new(settings_for_clients(config, env, LARGEST_DOCUMENT)?))
}

/// The same for the `jwks_uri` and `request_uris` of clients, which strangers may register too, and which anybody makes us
/// fetch.
///
/// # Errors
/// As [`fetcher`].
pub(super) fn client_fetcher(config: &Config, env: &countersign_model::Env) -> Result<Fetcher, Failure> {
    Ok(Fetcher::new(settings_for_clients(config, env, LARGEST_KEYS)?))
}

fn settings_for_clients(
    config: &Config,
    env: &countersign_model::Env,
    max_body: usize,
) -> Result<FetchSettings, Failure> {
    Ok(FetchSettings { max_body, timeout: DOCUMENT_TIMEOUT, ..settings(config, env)? })
}

fn settings(config: &Config, env: &countersign_model::Env) -> Result<FetchSettings, Failure> {
    let roots = match &config.network.fetch_ca {
        Some(file) => Roots::Bundles(vec![routes::bundle("fetch", file)?]),
        None => Roots::Platform,
    };
    let tls = ClientTls::new(
        ClientTlsSettings { roots, ..ClientTlsSettings::default() },
        std::sync::Arc::clone(&env.clock),
    )?;
    let mut settings = FetchSettings::new(tls);
    settings.policy = AddressPolicy {
        allowed: countersign_model::AddressList::new(config.network.fetch_from.clone()),
        insecure_http: config.network.insecure_fetch_over_http,
    };
    Ok(settings)
}

/// Fetches metadata and JWK Sets of external issuers.
pub(super) struct JwksFetcher(pub(super) Fetcher);

impl JwksFetch for JwksFetcher {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, Unavailable>> {
        Box::pin(async move {
            let url: Url = url.parse().map_err(|error| Unavailable(format!("{url}: {error}")))?;
            let answer = self.0.fetch(FetchRequest::get(url)).await.map_err(unavailable)?;
            expect_ok(&answer)?;
            Ok(answer.body.to_vec())
        })
    }
}

/// Asks another server about its reference tokens (RFC 7662).
pub(super) struct Introspection {
    pub(super) fetcher: Fetcher,
    pub(super) endpoint: Url,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    /// How long an answer is kept.
    pub(super) remember: Duration,
    /// Tokens nobody knows cost a question each: no more than this many at a time, so that a flood of them does not
    /// become one at the other server.
    pub(super) places: Semaphore,
}

/// Questions asked of one server at a time.
pub(super) const QUESTIONS: usize = 64;

impl ReferenceTokens for Introspection {
    fn reference_token<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<ReferenceToken>, Unavailable>> {
        Box::pin(async move {
            let _place = self.places.acquire().await.map_err(|error| Unavailable(error.to_string()))?;
            let answer = self.fetcher.fetch(self.request(token)?).await.map_err(unavailable)?;
            expect_ok(&answer)?;
            let claims: serde_json::Map<_, _> = serde_json::from_slice(&answer.body).map_err(|error| {
                Unavailable(format!("the introspection answer is no JSON object: {error}"))
            })?;
            // RFC 7662 §2.2: `active` is the one member that must be there.
            let active = claims.get("active").and_then(serde_json::Value::as_bool) == Some(true);
            Ok(active.then(|| ReferenceToken { claims, fresh_until: now.plus(self.remember) }))
        })
    }
}

impl Introspection {
    /// RFC 7662 §2.1, with our credentials in the header (RFC 6749 §2.3.1: form-encoded, then Basic).
    fn request(&self, token: &str) -> Result<FetchRequest, Unavailable> {
        use base64::Engine as _;
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let pair = format!("{}:{}", encode(&self.client_id), encode(self.client_secret.expose()));
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let mut basic = HeaderValue::from_str(&basic).map_err(|error| Unavailable(error.to_string()))?;
        basic.set_sensitive(true);
        let form = "application/x-www-form-urlencoded";
        let mut request = FetchRequest::post(self.endpoint.clone(), form, Bytes::from(body));
        request.headers.insert(header::AUTHORIZATION, basic);
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

fn expect_ok(answer: &Fetched) -> Result<(), Unavailable> {
    if answer.status == StatusCode::OK {
        return Ok(());
    }
    Err(Unavailable(format!("the answer's status is {}", answer.status)))
}

/// The whole chain of causes in one line; none of them holds a body or a credential.
fn unavailable(error: countersign_net::FetchError) -> Unavailable {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    Unavailable(text)
}

#[cfg(test)]
mod tests {
    use countersign_model::Env;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::load;

    /// On this machine, without TLS.
    fn config() -> Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("countersign.toml");
        let text = "[server]\nlisten = \"127.0.0.1:0\"\nissuer = \"http://localhost:8400\"\n\
                    [network]\nfetch_from = [\"127.0.0.0/8\"]\ninsecure_fetch_over_http = true\n";
        std::fs::write(&file, text).unwrap();
        load(&file, []).unwrap()
    }

    /// Answers one request with a body of so many bytes, whose length it says or does not; `None` never answers.
    async fn serve(length: Option<usize>, says_so: bool) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            let _ = socket.read(&mut request).await;
            let Some(length) = length else { return std::future::pending().await };
            let head = match says_so {
                true => format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"),
                false => "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned(),
            };
            let _ = socket.write_all(head.as_bytes()).await;
            let _ = socket.write_all(&vec![b' '; length]).await;
        });
        url
    }

    #[tokio::test]
    async fn what_clients_name_is_small_or_not_read() {
        let (config, env) = (config(), Env::system());
        // The limits themselves, so that nobody raises them without a look here.
        for (fetcher, most) in [
            (client_fetcher(&config, &env).unwrap(), 65_536),
            (document_fetcher(&config, &env).unwrap(), 16_384),
        ] {
            for says_so in [true, false] {
                let get =
                    async |length| fetcher.fetch(FetchRequest::get(serve(Some(length), says_so).await)).await;
                assert_eq!(get(most).await.unwrap().body.len(), most);
                let refused = get(most + 1).await.unwrap_err().to_string();
                assert!(refused.ends_with(&format!("larger than {most} bytes")), "{refused}");
            }
        }
    }

    #[tokio::test]
    async fn what_clients_name_answers_soon_or_is_given_up() {
        let settings = settings_for_clients(&config(), &Env::system(), LARGEST_KEYS).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(5));
        // The same with less patience.
        let fetcher = Fetcher::new(FetchSettings { timeout: Duration::from_millis(50), ..settings });
        let refused = fetcher.fetch(FetchRequest::get(serve(None, true).await)).await.unwrap_err();
        assert!(refused.to_string().ends_with("no whole answer within 50 ms"), "{refused}");
    }
}
