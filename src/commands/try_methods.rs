//! `countersign try`: every method against the running `dev`, side by side.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_model::{Env, Method, SecretString};
use countersign_net::{Alpn, ClientTls, ClientTlsSettings, Roots, TlsMaterial, TrustBundle};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::dev::credentials::{Credentials, ROBOT};
use super::dev::{CONFIG_FILE, DEFAULT_DIRECTORY};
use crate::client::Connection;
use crate::config::load;
use crate::output::{Failure, Format, Progress, table};
use crate::wiring::files;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The data directory of the running `countersign dev`.
    #[arg(long, value_name = "DIRECTORY", default_value = DEFAULT_DIRECTORY, env = "COUNTERSIGN_DATA_DIR", hide_env_values = true)]
    data_dir: PathBuf,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

/// Requests on the open connection whose median is shown.
const ROUNDS: usize = 21;

/// What one method did.
struct Trial {
    method: Method,
    status: StatusCode,
    subject: Option<String>,
    seen_as: Option<String>,
    bytes: usize,
    first: Duration,
    median: Duration,
    /// The same request without its credential, or with a wrong one, was refused.
    refused: StatusCode,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let file = arguments.data_dir.join(CONFIG_FILE);
    if !file.exists() {
        return Err(format!("{} is not there: start `countersign dev` first", file.display()).into());
    }
    let config = load(&file, std::env::vars())?;
    let gateway = config.gateway.as_ref().ok_or("the configuration has no [gateway]")?.listen;
    let caller = Caller { gateway, credentials: Credentials::at(&arguments.data_dir) };
    let mut trials = Vec::with_capacity(Method::ALL.len());
    let progress = Progress::new("calling");
    for method in Method::ALL {
        progress.now(format!("calling by {method}"));
        trials.push(caller.attempt(method).await?);
    }
    drop(progress);
    let all_well = trials.iter().all(Trial::is_well);
    let values: Vec<Value> = trials.iter().map(Trial::value).collect();
    Format::new(arguments.json).print(&values, || render(&trials))?;
    Ok(all_well)
}

struct Caller {
    gateway: SocketAddr,
    credentials: Credentials,
}

impl Caller {
    async fn attempt(&self, method: Method) -> Result<Trial, Failure> {
        let header = self.header(method, SecretString::clone)?;
        let tls = self.tls((method == Method::Mtls).then_some(&self.credentials.certificate))?;
        let began = Instant::now();
        let mut connection = Connection::open(self.gateway, Some((&tls, "localhost"))).await?;
        let request = self.request(header.as_ref())?;
        let bytes = wire_size(&request);
        let answer = connection.send(request).await?;
        let first = began.elapsed();
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let request = self.request(header.as_ref())?;
            let began = Instant::now();
            connection.send(request).await?;
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let identity = serde_json::from_slice::<Value>(answer.body()).ok();
        let field = |name: &str| Some(identity.as_ref()?.get("identity")?.get(name)?.as_str()?.to_owned());
        Ok(Trial {
            method,
            status: answer.status(),
            subject: field("subject"),
            seen_as: field("method"),
            bytes,
            first,
            median: times.get(ROUNDS / 2).copied().unwrap_or_default(),
            refused: self.spoiled(method).await?.status(),
        })
    }

    /// The header that carries the method's credential after a change to it; none for mTLS.
    fn header(
        &self,
        method: Method,
        change: impl Fn(&SecretString) -> SecretString,
    ) -> Result<Option<(&'static str, SecretString)>, Failure> {
        use base64::Engine as _;
        let read = |file: &Path| files::read_secret(file).map(|secret| change(&secret));
        let bearer = |token: SecretString| SecretString::new(format!("Bearer {}", token.expose()));
        Ok(match method {
            Method::Jwt => Some(("authorization", bearer(read(&self.credentials.jwt)?))),
            Method::Oauth => Some(("authorization", bearer(read(&self.credentials.reference)?))),
            Method::Mtls => None,
            Method::Basic => {
                let pair = format!("{ROBOT}:{}", read(&self.credentials.password)?.expose());
                let basic = base64::engine::general_purpose::STANDARD.encode(pair);
                Some(("authorization", SecretString::new(format!("Basic {basic}"))))
            }
            Method::ApiKey => Some(("x-api-key", read(&self.credentials.api_key)?)),
        })
    }

    fn tls(&self, certificate: Option<&(PathBuf, PathBuf)>) -> Result<ClientTls, Failure> {
        let bundle = &self.credentials.bundle;
        let roots = TrustBundle::from_pem("dev", &bundle.display().to_string(), &files::read(bundle)?)?;
        let certificate = certificate.map(|(chain, key)| {
            let (chain_pem, key_pem) = (files::read(chain)?, files::read(key)?);
            let (chain, key) = (chain.display().to_string(), key.display().to_string());
            Ok::<_, Failure>(TlsMaterial::from_pem((&chain, &chain_pem), (&key, &key_pem))?)
        });
        let settings = ClientTlsSettings {
            roots: Roots::Bundles(vec![roots]),
            certificate: certificate.transpose()?,
            alpn: vec![Alpn::Http1],
        };
        Ok(ClientTls::new(settings, Env::system().clock)?)
    }

    fn request(
        &self,
        credential: Option<&(&'static str, SecretString)>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let host = format!("localhost:{}", self.gateway.port());
        let mut request = Request::get("/hello").header(header::HOST, host);
        if let Some((name, value)) = credential {
            request = request.header(*name, value.expose().as_str());
        }
        Ok(request.body(Full::default())?)
    }

    /// The same with one character of the credential changed; for mTLS, without the certificate.
    async fn spoiled(&self, method: Method) -> Result<Response<Bytes>, Failure> {
        let header = self.header(method, flip)?;
        let mut connection = Connection::open(self.gateway, Some((&self.tls(None)?, "localhost"))).await?;
        connection.send(self.request(header.as_ref())?).await
    }
}

/// Changes one character, well inside the credential.
fn flip(value: &SecretString) -> SecretString {
    let text = value.expose();
    let at = text.len() - text.len() / 4;
    let flipped = text.char_indices().map(|(position, c)| match (position == at, c) {
        (false, c) => c,
        (true, 'A') => 'B',
        (true, _) => 'A',
    });
    SecretString::new(flipped.collect())
}

/// The size of the request as HTTP/1.1 writes it, in bytes.
fn wire_size(request: &Request<Full<Bytes>>) -> usize {
    let line = request.method().as_str().len() + 1 + request.uri().path().len() + " HTTP/1.1\r\n".len();
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    line + headers + "\r\n".len()
}

impl Trial {
    /// The credential was accepted as what it is, and a spoiled one was refused.
    fn is_well(&self) -> bool {
        self.status == StatusCode::OK
            && self.refused == StatusCode::UNAUTHORIZED
            && self.seen_as.as_deref() == Some(self.method.as_str())
    }

    fn value(&self) -> Value {
        json!({
            "method": self.method,
            "status": self.status.as_u16(),
            "subject": self.subject,
            "identity_method": self.seen_as,
            "request_bytes": self.bytes,
            "first_ms": self.first.as_secs_f64() * 1e3,
            "median_ms": self.median.as_secs_f64() * 1e3,
            "spoiled_status": self.refused.as_u16(),
            "ok": self.is_well(),
        })
    }
}

fn render(trials: &[Trial]) -> String {
    let milliseconds = |duration: Duration| format!("{:.2} ms", duration.as_secs_f64() * 1e3);
    let rows = trials.iter().map(|trial| {
        [
            trial.method.to_string(),
            trial.status.as_u16().to_string(),
            trial.subject.clone().unwrap_or_else(|| "-".to_owned()),
            trial.bytes.to_string(),
            milliseconds(trial.first),
            milliseconds(trial.median),
            trial.refused.as_u16().to_string(),
        ]
    });
    let text = table(["method", "status", "identity", "bytes", "first", "then", "spoiled"], rows);
    format!(
        "{text}\n\nbytes: one request as sent. first: connection, TLS handshake and request. then: median of {ROUNDS} \
         on the open connection.\nspoiled: the answer to the same request with one character of the credential \
         changed (mtls: without the certificate)."
    )
}
