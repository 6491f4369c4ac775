//! A house for one test: its own memory, clock, randomness and keys.

mod decoupled;
mod keys;
mod partner;
mod ports;
mod signing;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::Algorithm;
use countersign_model::*;
use countersign_oauth::{
    Authorization, AuthorizationResponse, ClientCall, Delivery, Engine, Error, Parameters, PushedResponse,
    Settings, Step, TokenResponse,
};
use serde_json::Value;

pub(crate) use keys::{TestDocuments, TestKeys, TestRing, encryption_key};
pub(crate) use partner::{PARTNER, Partner};
pub(crate) use ports::Memory;
pub(crate) use signing::{ClientKey, redemption_pairs};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const CALLBACK: &str = "https://app.example/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636, appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// SHA-256 of a counter: the same in every run, never the same twice.
struct TestRng(AtomicU64);

impl Rng for TestRng {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block = digest::sha256(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

pub(crate) struct House {
    pub(crate) engine: Arc<Engine<Memory>>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ring: Arc<TestRing>,
    pub(crate) fetch: Arc<TestKeys>,
    pub(crate) documents: Arc<TestDocuments>,
    pub(crate) browser: TokenHash,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}, Algorithm::ES256).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings), algorithm: Algorithm) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(START * 1_000_000)));
        let env = Env { clock: clock.clone(), rng: Arc::new(TestRng(AtomicU64::new(0))) };
        let memory = Arc::new(Memory::default());
        let ring = Arc::new(TestRing::new(algorithm));
        let mut settings = Settings::new(ISSUER).unwrap();
        change(&mut settings);
        let fetch = Arc::new(TestKeys::default());
        let documents = Arc::new(TestDocuments::default());
        let engine = Engine::new(memory.clone(), env, ring.clone(), fetch.clone(), settings).unwrap();
        let engine = engine.with_client_documents(documents.clone());
        let browser = TokenHash::of(b"browser");
        let house = Self { engine: Arc::new(engine), memory, clock, ring, fetch, documents, browser };
        house.user("alice");
        house
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(crate) fn set_broken(&self, broken: bool) {
        self.memory.tables().broken = broken;
    }

    /// A confidential client with every grant, in the third party's hands, and a change to it.
    pub(crate) fn client(&self, id: &str, change: impl FnOnce(&mut Client)) -> Arc<Client> {
        let mut client = Client {
            client_name: format!("The {id}"),
            authentication: ClientAuthentication::ClientSecretBasic,
            secrets: vec![TokenHash::of(secret(id).as_bytes())],
            redirect_uris: vec![CALLBACK.to_owned()],
            grant_types: [
                GrantType::AuthorizationCode,
                GrantType::ClientCredentials,
                GrantType::RefreshToken,
            ]
            .into(),
            scopes: scopes("openid profile email offline_access read write"),
            default_scopes: scopes("read"),
            ..Client::new(ClientId::from(id), Timestamp::from_seconds(START))
        };
        change(&mut client);
        let client = Arc::new(client);
        self.memory.tables().clients.insert(client.client_id.clone(), client.clone());
        client
    }

    /// A public client.
    pub(crate) fn public(&self, id: &str) -> Arc<Client> {
        self.client(id, |client| {
            client.authentication = ClientAuthentication::None;
            client.secrets.clear();
        })
    }

    pub(crate) fn user(&self, name: &str) -> User {
        let user = User {
            id: UserId::from(format!("usr_{name}")),
            username: name.parse().unwrap(),
            kind: UserKind::Person,
            status: UserStatus::Enabled,
            display_name: Some(format!("{name} Example")),
            email: Some(format!("{name}@example.org")),
            email_verified: true,
            scopes: ScopeSet::empty(),
            password: None,
            created_at: Timestamp::from_seconds(START),
            password_changed_at: Timestamp::from_seconds(START),
        };
        self.memory.tables().users.insert(user.id.clone(), user.clone());
        user
    }

    pub(crate) fn disable_user(&self, name: &str) {
        let mut tables = self.memory.tables();
        tables.users.get_mut(&UserId::from(format!("usr_{name}"))).unwrap().status = UserStatus::Disabled;
    }

    pub(crate) async fn sign_in(&self, name: &str) -> Session {
        let user = self.engine.person(name).await.unwrap().unwrap();
        self.engine.sign_in(&user, &["pwd"], None).await.unwrap().unwrap().session
    }

    pub(crate) async fn begin(
        &self,
        query: &[(&str, &str)],
        session: Option<&Session>,
    ) -> Result<Step, Error> {
        self.engine.begin(&parameters(query), session, &self.browser).await
    }

    /// A code for alice, by way of every page that comes in between.
    pub(crate) async fn code(&self, query: &[(&str, &str)]) -> String {
        let session = self.sign_in("alice").await;
        code_of(&self.agree(query, &session).await.unwrap())
    }

    /// The answer to whoever is signed in and agrees to everything.
    pub(crate) async fn agree(
        &self,
        query: &[(&str, &str)],
        session: &Session,
    ) -> Result<AuthorizationResponse, Error> {
        match self.begin(query, Some(session)).await? {
            Step::Respond(response) => Ok(response),
            Step::Consent(request) => {
                let (name, scopes) = (request.interaction.expose(), &request.scopes);
                self.engine.consent_given(name, session, &self.browser, scopes).await.map(respond)
            }
            Step::SignIn(_) => panic!("nobody should have to sign in"),
        }
    }

    /// The token endpoint, asked by a client with its secret in the header.
    pub(crate) async fn token(&self, id: &str, form: &[(&str, &str)]) -> Result<TokenResponse, Error> {
        let secret = secret(id);
        let authorization = Authorization::Basic { name: id, secret: &secret };
        let form = parameters(form);
        self.engine.token(&ClientCall { authorization, ..ClientCall::new(&form) }).await
    }

    /// The pushed authorization request endpoint, asked by a client with its secret in the header.
    pub(crate) async fn push(&self, id: &str, form: &[(&str, &str)]) -> Result<PushedResponse, Error> {
        let secret = secret(id);
        let authorization = Authorization::Basic { name: id, secret: &secret };
        let form = parameters(form);
        self.engine.push(&ClientCall { authorization, ..ClientCall::new(&form) }).await
    }

    /// The same of a good request; what the client sends the browser with.
    pub(crate) async fn pushed(&self, id: &str) -> String {
        self.push(id, &request(id, &[])).await.unwrap().request_uri
    }

    /// The token endpoint, asked by a public client.
    pub(crate) async fn token_public(&self, id: &str, form: &[(&str, &str)]) -> Result<TokenResponse, Error> {
        let mut form = form.to_vec();
        form.push(("client_id", id));
        self.engine.token(&ClientCall::new(&parameters(&form))).await
    }

    /// What alice's code gives this confidential client.
    pub(crate) async fn tokens(&self, id: &str, scope: &str) -> TokenResponse {
        let code = self.code(&request(id, &[("scope", scope)])).await;
        self.token(id, &redemption(&code)).await.unwrap()
    }

    pub(crate) async fn refresh(&self, id: &str, token: &str) -> Result<TokenResponse, Error> {
        self.token(id, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub(crate) async fn introspect(&self, id: &str, token: &str) -> Value {
        let secret = secret(id);
        let authorization = Authorization::Basic { name: id, secret: &secret };
        let form = parameters(&[("token", token)]);
        let call = ClientCall { authorization, ..ClientCall::new(&form) };
        let answer = self.engine.introspect(&call).await.unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    pub(crate) async fn is_active(&self, id: &str, token: &str) -> bool {
        self.introspect(id, token).await["active"] == true
    }

    pub(crate) async fn revoke(&self, id: &str, token: &str) -> Result<(), Error> {
        let secret = secret(id);
        let authorization = Authorization::Basic { name: id, secret: &secret };
        let form = parameters(&[("token", token)]);
        self.engine.revoke(&ClientCall { authorization, ..ClientCall::new(&form) }).await
    }
}

pub(crate) fn secret(id: &str) -> String {
    format!("secret-of-{id}")
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

pub(crate) fn parameters<'a>(pairs: &[(&'a str, &'a str)]) -> Parameters<'a> {
    Parameters::new(pairs.to_vec())
}

/// A good authorization request, with changes: an empty value leaves a parameter out.
pub(crate) fn request<'a>(id: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut query = vec![
        ("client_id", id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid read"),
        ("state", "s&t=1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("nonce", "n-0"),
    ];
    change(&mut query, changes);
    query
}

/// A good token request for a code.
pub(crate) fn redemption(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn change<'a>(pairs: &mut Vec<(&'a str, &'a str)>, changes: &[(&'a str, &'a str)]) {
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
}

pub(crate) fn respond(step: Step) -> AuthorizationResponse {
    match step {
        Step::Respond(response) => response,
        other => panic!("no answer yet: {other:?}"),
    }
}

/// The parameters of an answer.
pub(crate) fn answer(response: &AuthorizationResponse) -> Vec<(String, String)> {
    match response.delivery() {
        Delivery::Form(fields) => {
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        }
        Delivery::Redirect(location) => {
            let location = url::Url::parse(&location).unwrap();
            let fragment = location.fragment().unwrap_or_default().as_bytes();
            let in_fragment = url::form_urlencoded::parse(fragment).into_owned();
            location.query_pairs().into_owned().chain(in_fragment).collect()
        }
    }
}

/// Where the browser is sent.
pub(crate) fn location(response: &AuthorizationResponse) -> String {
    match response.delivery() {
        Delivery::Redirect(location) => location,
        Delivery::Form(_) => panic!("a form"),
    }
}

pub(crate) fn answered(response: &AuthorizationResponse, name: &str) -> Option<String> {
    answer(response).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

pub(crate) fn code_of(response: &AuthorizationResponse) -> String {
    answered(response, "code").unwrap_or_else(|| panic!("no code: {response:?}"))
}

/// Header and claims of a JWT, unverified.
pub(crate) fn read_jwt(token: &str) -> (Value, Value) {
    let mut parts = token.split('.');
    let mut part =
        || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap();
    (part(), part())
}
