//! One running product with somebody of every kind in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::Running;
use countersign_access::api_key;
use countersign_ca::IssueRequest;
use countersign_keys::{KeyRing, MasterKey, Policy};
use countersign_model::{
    AccessTokenFormat, AddressList, ApiKey, ApiKeyId, ApiKeyStatus, Client, ClientAuthentication, ClientId,
    GrantType, ScopeSet, SecretBytes, SecretString, Subject, TokenHash, User, UserId, UserKind, UserStatus,
};
use countersign_net::{ClientTls, ClientTlsSettings, Roots, TlsMaterial, TrustBundle};
use countersign_passwords::{Hasher, Limits};
use countersign_store::Store;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use tempfile::TempDir;

use super::browser::Browser;
use super::environment::Bench;
use super::http::{Answer, send};
use super::upstream::Upstream;

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "a-client-secret-that-nobody-guesses-0123456789";
pub(crate) const REDIRECT: &str = "https://app.example.com/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A running product, its data, and what stands behind its gateway.
pub(crate) struct House {
    pub(crate) running: Running,
    pub(crate) bench: Bench,
    upstream: Upstream,
    directory: TempDir,
    configuration: String,
}

/// What a code was redeemed for.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) code: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl House {
    /// Without TLS, so that the clock may be moved further than a certificate lives.
    pub(crate) async fn new() -> Self {
        Self::start(Bench::new(1), "").await
    }

    /// With these lines more in the configuration's last tables.
    pub(crate) async fn start(bench: Bench, more: &str) -> Self {
        let upstream = Upstream::start().await;
        let route = |name: &str, path: &str, rest: &str| {
            format!(
                "[[gateway.routes]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"http://{}\"\n\
                 accept = [\"jwt\", \"oauth\", \"mtls\", \"basic\", \"api_key\"]\n\
                 insecure_allow_basic_over_http = true\n{rest}\n",
                upstream.address
            )
        };
        let (tls, more) = match more.strip_prefix("tls") {
            Some(rest) => ("tls = { built_in_ca = [\"localhost\"] }\n", rest),
            None => ("", more),
        };
        let configuration = format!(
            "data_dir = \"data\"\n[server]\nlisten = \"127.0.0.1:0\"\nissuer = \"{ISSUER}\"\n\
             [gateway]\nlisten = \"127.0.0.1:0\"\n{tls}{}{}[tokens]\n{more}",
            route("all", "/", ""),
            route("orders", "/orders", "scopes = [\"orders.read\"]"),
        );
        let directory = TempDir::new().unwrap();
        // Ours rather than one of its own making, so that it comes from the seed.
        let master = MasterKey::generate(&*bench.env().rng).unwrap();
        std::fs::create_dir(directory.path().join("data")).unwrap();
        let file = directory.path().join("data/master.key");
        std::fs::write(&file, master.to_text().expose()).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let running = Running::start(&configuration, directory.path(), bench.env()).await.unwrap();
        let house = Self { running, bench, upstream, directory, configuration };
        house.furnish().await;
        house
    }

    /// Ends it and starts it again over the same data.
    pub(crate) async fn again(self) -> Self {
        let Self { running, bench, upstream, directory, configuration } = self;
        running.stop().await;
        let running = Running::start(&configuration, directory.path(), bench.env()).await.unwrap();
        Self { running, bench, upstream, directory, configuration }
    }

    pub(crate) fn store(&self) -> &Store {
        self.running.store()
    }

    /// A person, a service account, and clients of three kinds.
    async fn furnish(&self) {
        let hasher = Hasher::new(Limits::default(), self.bench.env().rng);
        let password = hasher.hash(&SecretString::from(PASSWORD)).await.unwrap();
        for (name, kind) in [("alice", UserKind::Person), ("robot", UserKind::Service)] {
            let user = User {
                id: UserId::from(format!("usr_{name}")),
                username: name.parse().unwrap(),
                kind,
                status: UserStatus::Enabled,
                display_name: None,
                email: None,
                email_verified: false,
                scopes: scopes("orders.read"),
                password: Some(password.clone()),
                created_at: self.bench.now(),
                password_changed_at: self.bench.now(),
            };
            self.store().create_user(&user).await.unwrap();
        }
        let by_code = BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]);
        let as_itself = BTreeSet::from([GrantType::ClientCredentials]);
        let client = |id: &str, grant_types: &BTreeSet<GrantType>, format| Client {
            authentication: ClientAuthentication::ClientSecretBasic,
            secrets: vec![TokenHash::of(SECRET.as_bytes())],
            redirect_uris: vec![REDIRECT.to_owned()],
            grant_types: grant_types.clone(),
            scopes: scopes("openid offline_access orders.read"),
            default_scopes: scopes("orders.read"),
            access_token_format: format,
            may_introspect: id == "service",
            ..Client::new(ClientId::from(id), self.bench.now())
        };
        for client in [
            client("app", &by_code, AccessTokenFormat::Jwt),
            client("service", &as_itself, AccessTokenFormat::Jwt),
            client("opaque", &as_itself, AccessTokenFormat::Reference),
        ] {
            self.store().create_client(&client).await.unwrap();
        }
    }

    /// A key of the robot's.
    pub(crate) async fn api_key(&self) -> (ApiKeyId, String) {
        let secret = api_key::generate("cst", "test", &*self.bench.env().rng);
        let key = ApiKey {
            id: ApiKeyId::from("key_robot"),
            hash: secret.hash(),
            name: "the robot's".to_owned(),
            owner: Subject::from("usr_robot"),
            scopes: scopes("orders.read"),
            routes: Vec::new(),
            addresses: AddressList::default(),
            requests_per_minute: None,
            status: ApiKeyStatus::Active,
            created_at: self.bench.now(),
            expires_at: None,
        };
        self.store().create_api_key(&key).await.unwrap();
        (key.id, secret.expose().clone())
    }

    /// TLS that shows a certificate of this name, and believes the built-in authority alone.
    pub(crate) async fn client_tls(&self, name: Option<&str>) -> ClientTls {
        let authority = self.running.authority();
        let roots =
            TrustBundle::from_pem("built-in", "built-in", authority.trust_bundle_pem().as_bytes()).unwrap();
        let certificate = match name {
            None => None,
            Some(name) => {
                let request = IssueRequest {
                    profile: "client".to_owned(),
                    subject: Subject::from(name),
                    names: vec![name.parse().unwrap()],
                    lifetime: None,
                };
                let made = authority.issue_with_new_key(&request).await.unwrap();
                let (chain, key) = (made.issued.chain_pem(), made.key_pem());
                let chain = ("chain", chain.as_bytes());
                Some(TlsMaterial::from_pem(chain, ("key", key.expose().as_bytes())).unwrap())
            }
        };
        let settings =
            ClientTlsSettings { roots: Roots::Bundles(vec![roots]), certificate, alpn: Vec::new() };
        ClientTls::new(settings, self.bench.env().clock).unwrap()
    }

    /// The signing keys as another node of the same clock sees and changes them.
    pub(crate) async fn keys(&self, policy: Policy) -> KeyRing<Store> {
        let file: PathBuf = self.directory.path().join("data/master.key");
        let content = SecretBytes::new(std::fs::read(file).unwrap());
        let master = MasterKey::from_file_content(&content).unwrap();
        KeyRing::open(self.store().clone(), master, self.bench.env(), policy).await.unwrap()
    }

    /// A request to the authorization server.
    pub(crate) async fn server(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        form: Option<String>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = Full::from(Bytes::from(form.unwrap_or_default()));
        send(self.running.server().unwrap(), None, request.body(body).unwrap()).await
    }

    /// A form to one of its endpoints, from a client with its secret.
    pub(crate) async fn post(&self, client: &str, target: &str, form: &[(&str, &str)]) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{SECRET}")));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.server(Method::POST, target, &[("authorization", &basic)], Some(form)).await
    }

    /// An access token of a client in its own name.
    pub(crate) async fn client_credentials(&self, client: &str) -> String {
        let answer = self.post(client, "/token", &[("grant_type", "client_credentials")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.text("access_token")
    }

    /// What an introspection says of a token.
    pub(crate) async fn introspect(&self, token: &str) -> serde_json::Value {
        let answer = self.post("service", "/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        self.browser_with(BTreeMap::new())
    }

    /// A browser that has been here before, also if it was before a restart.
    pub(crate) fn browser_with(&self, cookies: BTreeMap<String, String>) -> Browser<'_> {
        Browser::new(self, cookies)
    }

    /// A code for the application, by way of a browser.
    pub(crate) async fn code(&self, browser: &mut Browser<'_>) -> String {
        self.code_for(browser, "openid offline_access orders.read").await
    }

    /// The same for these scopes.
    pub(crate) async fn code_for(&self, browser: &mut Browser<'_>, scope: &str) -> String {
        let challenge = TokenHash::of(VERIFIER.as_bytes()).to_base64url();
        let request = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "app"),
                ("redirect_uri", REDIRECT),
                ("scope", scope),
                ("state", "a state"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let back = browser.authorize(&format!("/authorize?{request}"), "alice").await;
        let back = url::Url::parse(&back).unwrap();
        let find = |name: &str| back.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value);
        assert_eq!(find("state").as_deref(), Some("a state"), "{back}");
        assert_eq!(find("iss").as_deref(), Some(ISSUER), "{back}");
        find("code").unwrap_or_else(|| panic!("no code: {back}")).into_owned()
    }

    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.post("app", "/token", &form).await
    }

    /// Tokens of the person's, by code and PKCE through the pages.
    pub(crate) async fn tokens(&self) -> Tokens {
        self.tokens_in(&mut self.browser(), "openid offline_access orders.read").await
    }

    /// The same in this browser, for these scopes.
    pub(crate) async fn tokens_in(&self, browser: &mut Browser<'_>, scope: &str) -> Tokens {
        let code = self.code_for(browser, scope).await;
        let answer = self.redeem(&code).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        Tokens { code, access: answer.text("access_token"), refresh: answer.text("refresh_token") }
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("app", "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A request at the gateway.
    pub(crate) async fn gateway(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.gateway_over(None, target, headers).await
    }

    pub(crate) async fn gateway_over(
        &self,
        tls: Option<&ClientTls>,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(self.running.gateway().unwrap(), tls, request.body(Full::default()).unwrap()).await
    }

    /// What the gateway answers to a bearer token.
    pub(crate) async fn bearer(&self, token: &str) -> Answer {
        self.gateway("/orders", &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// Sees to it that the gateway comes to refuse the credential: an announcement is taken up beside requests, so the
    /// very next one may be as fast as it.
    pub(crate) async fn soon_refused(&self, header: (&str, &str)) -> Answer {
        for _ in 0..400 {
            let answer = self.gateway("/orders", &[header]).await;
            if answer.status == StatusCode::UNAUTHORIZED {
                return answer;
            }
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it is accepted still");
    }
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

/// `Authorization` of HTTP Basic.
pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}
