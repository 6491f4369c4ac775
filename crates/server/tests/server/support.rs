//! A whole server for one test.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::response::Response;
use countersign_access::ports::KeySource;
use countersign_access::{
    Access, IssuerSettings, KeyOrigin, Limits, OWN, Settings as AccessSettings, Sources,
};
use countersign_jose::{Algorithm, VerifyingKey};
use countersign_keys::{KeyRing, MasterKey, Policy};
use countersign_model::{
    AddressList, Client, ClientAuthentication, ClientId, Clock, Env, GrantType, Issuer, PasswordHashText,
    Rng, ScopeSet, SecretString, Timestamp, TokenHash, User, UserId, UserKind, UserStatus,
};
use countersign_oauth::ports::People as _;
use countersign_oauth::register::{DocumentUnavailable, FetchDocuments, FetchedDocument};
use countersign_oauth::{Engine, FetchKeys, KeysUnavailable, Settings};
use countersign_passwords::{Hasher, Limits as HashLimits};
use countersign_server::{AppState, Readiness, ServerSettings, Services, router};
use countersign_store::{Store, StoreSettings};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::browser::{Browser, Page, encode};

pub(crate) const ISSUER: &str = "https://auth.example";
pub(crate) const PASSWORD: &str = "correct horse battery";
/// The same password as `openssl passwd -6` hashes it.
pub(crate) const SHA_CRYPT: &str =
    "$6$saltstring$dBHc6z5hpSlx63LLGnlt2xpSGH7T2QL7PJTCjPwajfWh/K10OPeGyl0Oe5VoIANbBgC0gNnRFVE.3uO/lesxj/";
pub(crate) const SECRET: &str = "a-secret-of-a-client-that-nobody-guesses-0123456789";
pub(crate) const REDIRECT: &str = "https://app.example/callback";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A clock that stands still until the test moves it.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Randomness that is the same in every run.
struct SeededRng(AtomicU64);

impl Rng for SeededRng {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block = TokenHash::of(&self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// The key ring, as the pipeline sees it.
#[derive(Clone)]
struct Keys(Arc<KeyRing<Store>>);

impl KeySource for Keys {
    fn verifying_key(&self, kid: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        self.0.snapshot().verifier(kid, now).cloned()
    }

    fn generation(&self) -> u64 {
        self.0.snapshot().generation()
    }
}

/// What clients publish: nothing, until a test puts it at a URL.
#[derive(Default)]
pub(crate) struct Published(Mutex<HashMap<String, Vec<u8>>>);

impl Published {
    pub(crate) fn put(&self, url: &str, document: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().insert(url.to_owned(), document.into());
    }
}

impl FetchKeys for Published {
    fn request_object<'a>(
        &'a self,
        url: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Arc<[u8]>, KeysUnavailable>> + Send + 'a>> {
        self.fetch(url, true)
    }

    fn fetch<'a>(
        &'a self,
        url: &'a str,
        _fresh: bool,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Arc<[u8]>, KeysUnavailable>> + Send + 'a>> {
        let found = self.0.lock().unwrap().get(url).map(|document| Arc::from(document.as_slice()));
        Box::pin(async { found.ok_or(KeysUnavailable("nothing is there".to_owned())) })
    }
}

/// Every URL is a client's.
struct EveryDocument;

impl FetchDocuments for EveryDocument {
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<FetchedDocument, DocumentUnavailable>> + Send + 'a>>
    {
        let mut document =
            serde_json::json!({ "client_id": url, "client_name": "Your Bank", "redirect_uris": [REDIRECT] });
        // What some of them say of themselves is not taken.
        match url.rsplit_once('/').map(|(_, name)| name) {
            Some("another") => document["client_id"] = "https://elsewhere.example/client".into(),
            Some("secret") => document["client_secret"] = "which everybody can read".into(),
            Some("greedy") => document["scope"] = "admin".into(),
            Some("gone") => {
                return Box::pin(async { Err(DocumentUnavailable("the answer was 404".to_owned())) });
            }
            Some(_) | None => {}
        }
        let body = Arc::from(document.to_string().into_bytes());
        Box::pin(async { Ok(FetchedDocument { body, max_age: None }) })
    }
}

/// A server over a fresh store.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) state: AppState,
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) published: Arc<Published>,
    issuer: String,
    _directory: TempDir,
}

impl App {
    pub(crate) async fn new() -> Self {
        // Without a connection the other end is unspecified: believed, so that tests can come from anywhere.
        let trusted_proxies = AddressList::new(vec!["0.0.0.0/32".parse().unwrap()]);
        Self::at(ISSUER, ServerSettings { trusted_proxies, ..ServerSettings::default() }).await
    }

    pub(crate) async fn at(issuer: &str, settings: ServerSettings) -> Self {
        Self::with(issuer, settings, |_| {}).await
    }

    /// The same with other settings of the engine.
    pub(crate) async fn with(
        issuer: &str,
        settings: ServerSettings,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let directory = TempDir::new().unwrap();
        let store = Store::open(&StoreSettings::sqlite(directory.path())).await.unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_790_000_000_000_000)));
        let env = Env { clock: clock.clone(), rng: Arc::new(SeededRng(AtomicU64::new(1))) };
        let policy = Policy {
            algorithms: vec![Algorithm::ES256],
            rotate_after: Duration::from_secs(90 * 86_400),
            prepublish: Duration::from_secs(86_400),
            token_life: Duration::from_secs(3_600),
        };
        let master = MasterKey::generate(env.rng.as_ref()).unwrap();
        let ring = KeyRing::open(store.clone(), master, env.clone(), policy).await.unwrap();
        let ring = Arc::new(ring);
        let keys = Keys(ring.clone());
        // However slow the machine is: no test here is about who has to wait.
        let patient = HashLimits { wait: Duration::from_secs(120), ..HashLimits::default() };
        let hasher = Arc::new(Hasher::new(patient, env.rng.clone()));
        let access =
            Access::new(access_settings(issuer, &keys, &store), sources(&store, &hasher, &env)).unwrap();
        let mut decided = Settings::new(issuer).unwrap();
        change(&mut decided);
        let published = Arc::new(Published::default());
        let engine =
            Engine::new(Arc::new(store.clone()), env.clone(), ring, published.clone(), decided).unwrap();
        let engine = engine.with_client_documents(Arc::new(EveryDocument));
        let readiness = Readiness::default().with("store", {
            let store = store.clone();
            Arc::new(move || {
                let store = store.clone();
                Box::pin(async move { store.ping().await.map_err(|error| error.to_string()) })
            })
        });
        let services = Services {
            engine,
            access: Arc::new(access),
            hasher: hasher.clone(),
            env,
            authority: None,
            readiness,
        };
        let state = AppState::new(settings, services);
        Self {
            router: router(state.clone()),
            state,
            store,
            clock,
            hasher,
            published,
            issuer: issuer.to_owned(),
            _directory: directory,
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Somebody who can sign in with [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str) -> User {
        self.user(name, UserKind::Person).await
    }

    pub(crate) async fn user(&self, name: &str, kind: UserKind) -> User {
        let hash = self.hashed_password().await;
        self.user_with(name, kind, UserStatus::Enabled, hash).await
    }

    pub(crate) async fn disabled_person(&self, name: &str) -> User {
        let hash = self.hashed_password().await;
        self.user_with(name, UserKind::Person, UserStatus::Disabled, hash).await
    }

    /// [`PASSWORD`] as it is stored, computed once: it is the same for everybody.
    async fn hashed_password(&self) -> PasswordHashText {
        static HASH: OnceCell<PasswordHashText> = OnceCell::const_new();
        let hash = || async { self.hasher.hash(&SecretString::from(PASSWORD)).await.unwrap() };
        HASH.get_or_init(hash).await.clone()
    }

    pub(crate) async fn user_with(
        &self,
        name: &str,
        kind: UserKind,
        status: UserStatus,
        password: PasswordHashText,
    ) -> User {
        let user = User {
            id: UserId::from(format!("usr_{name}")),
            username: name.parse().unwrap(),
            kind,
            status,
            display_name: Some(format!("{name} <the first>")),
            email: Some(format!("{name}@example.org")),
            email_verified: true,
            scopes: ScopeSet::empty(),
            password: Some(password),
            created_at: self.clock.now(),
            password_changed_at: self.clock.now(),
        };
        self.store.create_user(&user).await.unwrap();
        user
    }

    pub(crate) async fn stored_hash(&self, user: &User) -> String {
        self.store.user(&user.id).await.unwrap().unwrap().password.unwrap().expose().to_owned()
    }

    /// A confidential web application.
    pub(crate) async fn client(&self, id: &str) -> Client {
        let client = web_client(id, self.clock.now());
        self.store.create_client(&client).await.unwrap();
        client
    }

    /// A form at an endpoint for clients, and its answer as JSON.
    pub(crate) async fn post(
        &self,
        path: &str,
        authorization: Option<&str>,
        form: &[(&str, &str)],
    ) -> Answer {
        self.post_raw(path, authorization, &encode(form.iter().copied())).await
    }

    pub(crate) async fn post_raw(&self, path: &str, authorization: Option<&str>, form: &str) -> Answer {
        let mut request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        Answer::of(self.send(request.body(Body::from(form.to_owned())).unwrap()).await).await
    }
}

/// What an endpoint for programs answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) json: serde_json::Value,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read(response).await;
        Self { status, headers, json: serde_json::from_str(&body).unwrap_or_default() }
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Browser<'_> {
    /// The answer of an authorization request that ada agrees to, whatever pages come before it.
    pub(crate) async fn agree(&mut self, address: &str) -> Page {
        let mut page = self.get(address).await;
        if page.address.starts_with("/sign-in") {
            page = self.submit(&page, &[("username", "ada"), ("password", PASSWORD)]).await;
        }
        if page.address.starts_with("/consent") {
            page = self.submit(&page, &[("decision", "allow")]).await;
        }
        page
    }

    pub(crate) async fn sign_in(&mut self, name: &str) -> Page {
        let page = self.get("/sign-in").await;
        let page = self.submit(&page, &[("username", name), ("password", PASSWORD)]).await;
        assert!(page.shows("account-username"), "{page:?}");
        page
    }
}

pub(crate) fn web_client(id: &str, now: Timestamp) -> Client {
    Client {
        client_name: format!("The {id} app"),
        authentication: ClientAuthentication::ClientSecretBasic,
        secrets: vec![TokenHash::of(SECRET.as_bytes())],
        redirect_uris: vec![REDIRECT.to_owned()],
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials]
            .into(),
        scopes: "openid profile email offline_access invoices:read".parse().unwrap(),
        ..Client::new(ClientId::from(id), now)
    }
}

/// `Authorization` of a client by its secret.
pub(crate) fn basic(id: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{SECRET}")))
}

/// The address of an authorization request, with these parameters over the usual ones; an empty value leaves one out.
pub(crate) fn authorization(client: &str, changed: &[(&str, &str)]) -> String {
    let challenge = TokenHash::of(VERIFIER.as_bytes()).to_base64url();
    let usual = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("scope", "openid email invoices:read"),
        ("state", "s t&a=te"),
        ("nonce", "n-0S6"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let all = kept.chain(changed.iter().copied()).filter(|(_, value)| !value.is_empty());
    format!("/authorize?{}", encode(all))
}

pub(crate) async fn read(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn access_settings(issuer: &str, keys: &Keys, store: &Store) -> AccessSettings {
    let own = IssuerSettings {
        name: OWN.to_owned(),
        issuer: Issuer::from(issuer),
        keys: KeyOrigin::InProcess(Arc::new(keys.clone())),
        algorithms: vec![Algorithm::ES256],
        audience: None,
        types: vec!["at+jwt".to_owned()],
        scope_claims: vec!["scope".to_owned()],
        reference_tokens: Some(Arc::new(store.clone())),
    };
    AccessSettings {
        local_issuer: Issuer::from(issuer),
        issuers: vec![own],
        subject_from_common_name: false,
        certificate_scopes: Default::default(),
        trust_domains: Default::default(),
        limits: Limits::default(),
    }
}

fn sources(store: &Store, hasher: &Arc<Hasher>, env: &Env) -> Sources {
    Sources {
        accounts: vec![Arc::new(store.clone())],
        api_keys: Some(Arc::new(store.clone())),
        revocations: Some(Arc::new(store.clone())),
        fetch: None,
        key_use: None,
        hasher: hasher.clone(),
        env: env.clone(),
    }
}

pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
