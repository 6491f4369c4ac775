//! A gateway on a free port, and callers that speak bytes.

mod upstream;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_access::ports::{ApiKeys, BoxFuture, Change, Unavailable};
use countersign_access::{Access, ApiKeyPlacement, Limits, Rule, RuleSettings, Settings, Sources, api_key};
use countersign_gateway::{
    Gateway, GatewaySettings, IdentityIssuer, IdentityOptions, RequestLimits, RouteConfig, SignIdentity,
    SigningUnavailable, UpstreamConfig, UpstreamTimeouts,
};
use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_model::{
    AddressList, ApiKey, ApiKeyId, ApiKeyStatus, Env, Issuer, Method, Subject, SystemRng, Timestamp,
    TokenHash,
};
use countersign_net::{CancellationToken, Listener, ListenerSettings};
use countersign_passwords::Hasher;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) use upstream::Upstream;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway that serves.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Arc<Gateway>,
    /// A key that is good for `owner`.
    pub(crate) key: String,
    pub(crate) verifier: Arc<countersign_jose::VerifyingKey>,
    access: Arc<Access>,
    known: Arc<OneKey>,
    shutdown: CancellationToken,
    task: Option<tokio::task::JoinHandle<countersign_net::Drained>>,
}

struct OneKey(Mutex<Arc<ApiKey>>);

impl ApiKeys for OneKey {
    fn api_key<'a>(&'a self, hash: &'a TokenHash) -> BoxFuture<'a, Result<Option<Arc<ApiKey>>, Unavailable>> {
        let key = Arc::clone(&self.0.lock().unwrap());
        Box::pin(async move { Ok((*hash == key.hash).then_some(key)) })
    }
}

struct Signer(SigningKey);

impl SignIdentity for Signer {
    fn sign(&self, typ: &str, payload: &[u8], _now: Timestamp) -> Result<String, SigningUnavailable> {
        jws::sign_compact(Some(typ), payload, &self.0).map_err(|error| SigningUnavailable(error.to_string()))
    }
}

fn access(key: &str) -> (Arc<Access>, Arc<OneKey>) {
    let env = Env::system();
    let known = ApiKey {
        id: ApiKeyId::from("key_1"),
        hash: TokenHash::of(key.as_bytes()),
        name: "test".to_owned(),
        owner: Subject::from("owner"),
        scopes: "read write".parse().unwrap(),
        routes: vec![],
        addresses: AddressList::default(),
        requests_per_minute: None,
        status: ApiKeyStatus::Active,
        created_at: env.now(),
        expires_at: None,
    };
    let known = Arc::new(OneKey(Mutex::new(Arc::new(known))));
    let settings = Settings {
        local_issuer: Issuer::from("https://id.example"),
        issuers: vec![],
        subject_from_common_name: false,
        certificate_scopes: vec![],
        trust_domains: vec![],
        limits: Limits::default(),
    };
    let sources = Sources {
        accounts: vec![],
        api_keys: Some(Arc::clone(&known) as Arc<dyn ApiKeys>),
        revocations: None,
        fetch: None,
        key_use: None,
        hasher: Arc::new(Hasher::new(countersign_passwords::Limits::default(), Arc::new(SystemRng))),
        env,
    };
    (Arc::new(Access::new(settings, sources).unwrap()), known)
}

impl Running {
    pub(crate) async fn start(routes: Vec<RouteConfig>) -> Self {
        Self::start_with(routes, GatewaySettings::default()).await
    }

    pub(crate) async fn start_with(routes: Vec<RouteConfig>, settings: GatewaySettings) -> Self {
        let key = api_key::generate("csk", "test", &SystemRng).expose().to_owned();
        let signer = SigningKey::generate(Algorithm::ES256).unwrap();
        let verifier =
            countersign_jose::VerifyingKey::from_jwk(&signer.public_jwk().unwrap(), Algorithm::ES256)
                .unwrap();
        let issuer = IdentityIssuer::new(
            Issuer::from("https://id.example"),
            Duration::from_secs(60),
            Arc::new(Signer(signer)),
        );
        let (access, known) = access(&key);
        let gateway =
            Gateway::new(settings, routes, Arc::clone(&access), Some(issuer), Env::system()).unwrap();
        let listener =
            Listener::bind(ListenerSettings::new(SocketAddr::from(([127, 0, 0, 1], 0))), None).unwrap();
        let address = listener.local_addr();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&gateway).serve(listener, shutdown.clone()));
        let verifier = Arc::new(verifier);
        Self { address, gateway, key, verifier, access, known, shutdown, task: Some(task) }
    }

    /// Revokes the key and lets the gateway know.
    pub(crate) fn revoke_key(&self) {
        let hash = {
            let mut known = self.known.0.lock().unwrap();
            *known = Arc::new(ApiKey { status: ApiKeyStatus::Revoked, ..ApiKey::clone(&known) });
            known.hash
        };
        self.access.apply(&Change::ApiKey(hash), Env::system().now());
    }

    /// Tells it to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task.take().unwrap()).await.unwrap().unwrap();
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads what comes until the gateway closes.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut socket = self.connect().await;
        socket.write_all(bytes.as_ref()).await.unwrap();
        let mut read = Vec::new();
        let reading = async {
            let mut buffer = [0; 4096];
            // A reset after an answer is an end too.
            while let Ok(length @ 1..) = socket.read(&mut buffer).await {
                read.extend_from_slice(&buffer[..length]);
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the gateway closes the connection");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// One request on a connection of its own, with these header lines.
    pub(crate) async fn ask(&self, target: &str, lines: &str) -> Answered {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{lines}\r\n");
        Answered::read(&self.raw(text).await)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// An answer, and what the upstream saw if it is an echo.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answered {
    pub(crate) fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn seen(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn target(&self) -> String {
        self.seen()["target"].as_str().unwrap().to_owned()
    }

    /// The values of a field that the upstream saw.
    pub(crate) fn field(&self, name: &str) -> Vec<String> {
        fields(&self.seen()["headers"], name)
    }
}

pub(crate) fn fields(list: &Value, name: &str) -> Vec<String> {
    let pairs = list.as_array().unwrap().iter();
    pairs.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

/// Everybody passes.
pub(crate) fn open() -> Rule {
    Rule::new(RuleSettings { name: "open".into(), anonymous: true, ..RuleSettings::default() }).unwrap()
}

/// API keys pass, in a header or the parameter `key`.
pub(crate) fn keyed() -> Rule {
    Rule::new(RuleSettings {
        name: "keyed".into(),
        accept: vec![Method::ApiKey],
        api_key: ApiKeyPlacement { query: Some("key".into()), ..ApiKeyPlacement::default() },
        ..RuleSettings::default()
    })
    .unwrap()
}

/// A route for every host.
pub(crate) fn route(name: &str, prefix: &str, upstream: &Upstream, rule: Rule) -> RouteConfig {
    RouteConfig {
        name: name.to_owned(),
        hosts: vec![],
        path_prefix: prefix.to_owned(),
        strip_prefix: false,
        upstream: UpstreamConfig::http1(upstream.url()),
        rule,
        timeouts: UpstreamTimeouts::default(),
        limits: RequestLimits::default(),
        websocket: true,
        identity: IdentityOptions::full("https://service.example"),
        resource: None,
    }
}

/// A gateway whose only route is open, and its upstream.
pub(crate) async fn one_open_route() -> (Upstream, Running) {
    let upstream = Upstream::start().await;
    let running = Running::start(vec![route("open", "/", &upstream, open())]).await;
    (upstream, running)
}
