//! What a check costs, in nanoseconds: every method remembered, and a JWT at first sight.
//!
//! `cargo run --release -p countersign-access --example check_cost`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a measuring tool, not the product"
)]

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use base64::Engine as _;
use countersign_access::ports::{
    Account, Accounts, ApiKeys, BoxFuture, KeySource, ReferenceToken, ReferenceTokens, Unavailable,
};
use countersign_access::{
    Access, Decision, IssuerSettings, KeyOrigin, Limits, OWN, Peer, PeerCertificate, RequestParts, Rule,
    RuleSettings, Settings, Sources, api_key,
};
use countersign_jose::{Algorithm, SigningKey, VerifyingKey, jws};
use countersign_model::{
    AddressList, ApiKey, ApiKeyId, ApiKeyStatus, Env, Issuer, Method, PasswordHashText, Subject, SystemRng,
    Timestamp, TokenHash, Username,
};
use countersign_passwords::Hasher;
use http::{HeaderMap, HeaderName, HeaderValue};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://orders.example.com";
const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const KEYS: usize = 100_000;
const CHECKS: usize = 200_000;

struct Store {
    signing: Vec<(SigningKey, Arc<VerifyingKey>)>,
    keys: std::collections::HashMap<TokenHash, Arc<ApiKey>>,
    password: PasswordHashText,
}

impl KeySource for Store {
    fn verifying_key(&self, kid: &str, _: Timestamp) -> Option<Arc<VerifyingKey>> {
        self.signing.iter().find(|(key, _)| key.kid().as_str() == kid).map(|(_, key)| Arc::clone(key))
    }
    fn generation(&self) -> u64 {
        1
    }
}

impl ApiKeys for Store {
    fn api_key<'a>(&'a self, hash: &'a TokenHash) -> BoxFuture<'a, Result<Option<Arc<ApiKey>>, Unavailable>> {
        Box::pin(async move { Ok(self.keys.get(hash).cloned()) })
    }
}

impl Accounts for Store {
    fn account<'a>(&'a self, _: &'a Username) -> BoxFuture<'a, Result<Option<Account>, Unavailable>> {
        let account = Account {
            subject: Subject::from("usr_1"),
            user: None,
            password: Some(self.password.clone()),
            enabled: true,
            scopes: "orders.read".parse().unwrap(),
        };
        Box::pin(async move { Ok(Some(account)) })
    }
    fn upgrade_password<'a>(
        &'a self,
        _: &'a Account,
        _: &'a PasswordHashText,
        _: PasswordHashText,
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async { Ok(()) })
    }
}

impl ReferenceTokens for Store {
    fn reference_token<'a>(
        &'a self,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<ReferenceToken>, Unavailable>> {
        let claims = claims(0).as_object().unwrap().clone();
        Box::pin(async move { Ok(Some(ReferenceToken { claims, fresh_until: Timestamp::MAX })) })
    }
}

fn claims(number: usize) -> serde_json::Value {
    serde_json::json!({
        "iss": ISSUER, "sub": "usr_0192a1b2c3d4e5f60718293a4b5c6d7e", "aud": AUDIENCE,
        "exp": NOW.seconds() + 600, "iat": NOW.seconds(), "jti": format!("tok_{number:032}"),
        "client_id": "cli_0192a1b2c3d4e5f60718293a4b5c6d7e", "scope": "orders.read orders.write openid profile",
        "grant_id": "grt_0192a1b2c3d4e5f60718293a4b5c6d7e", "auth_time": NOW.seconds(), "amr": ["pwd", "otp"],
    })
}

fn token(store: &Store, algorithm: Algorithm, number: usize) -> String {
    let (key, _) = store.signing.iter().find(|(key, _)| key.algorithm() == algorithm).unwrap();
    jws::sign_compact(Some("at+jwt"), claims(number).to_string().as_bytes(), key).unwrap()
}

fn store() -> (Arc<Store>, Vec<String>) {
    let signing = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256].map(|algorithm| {
        let key = SigningKey::generate(algorithm).unwrap();
        let public = VerifyingKey::from_jwk(&key.public_jwk().unwrap(), algorithm).unwrap();
        (key, Arc::new(public))
    });
    let mut keys = std::collections::HashMap::new();
    let mut texts = Vec::new();
    for number in 0..KEYS {
        let text = api_key::generate("csk", "live", &SystemRng);
        let key = ApiKey {
            id: ApiKeyId::new(format!("key_{number}")),
            hash: text.hash(),
            name: "bench".to_owned(),
            owner: Subject::from("usr_1"),
            scopes: "orders.read".parse().unwrap(),
            routes: Vec::new(),
            addresses: AddressList::default(),
            requests_per_minute: Some(u32::MAX),
            status: ApiKeyStatus::Active,
            created_at: NOW,
            expires_at: None,
        };
        keys.insert(key.hash, Arc::new(key));
        texts.push(text.expose().clone());
    }
    let password = PasswordHashText::new("$2y$05$UyuYRuVYQlZo6T6vbU6rVu3NYfdxjvCLIoP5s9Z0Wm/gUhdWD4JC6");
    (Arc::new(Store { signing: signing.into(), keys, password }), texts)
}

fn access(store: &Arc<Store>) -> Access {
    let settings = Settings {
        local_issuer: Issuer::from(ISSUER),
        issuers: vec![IssuerSettings {
            name: OWN.to_owned(),
            issuer: Issuer::from(ISSUER),
            keys: KeyOrigin::InProcess(Arc::clone(store) as Arc<dyn KeySource>),
            algorithms: vec![Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256],
            audience: None,
            types: vec!["at+jwt".to_owned()],
            scope_claims: vec!["scope".to_owned()],
            reference_tokens: Some(Arc::clone(store) as Arc<dyn ReferenceTokens>),
        }],
        subject_from_common_name: false,
        certificate_scopes: Vec::new(),
        trust_domains: Vec::new(),
        limits: Limits::default(),
    };
    let sources = Sources {
        accounts: vec![Arc::clone(store) as Arc<dyn Accounts>],
        api_keys: Some(Arc::clone(store) as Arc<dyn ApiKeys>),
        revocations: None,
        fetch: None,
        key_use: None,
        hasher: Arc::new(Hasher::new(countersign_passwords::Limits::default(), Arc::new(SystemRng))),
        env: Env::system(),
    };
    Access::new(settings, sources).unwrap()
}

fn rule(accept: &[Method]) -> Rule {
    let settings = RuleSettings {
        name: "orders".to_owned(),
        accept: accept.to_vec(),
        audience: Some(AUDIENCE.to_owned()),
        ..RuleSettings::default()
    };
    Rule::new(settings).unwrap()
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [("host", "orders.example.com"), ("accept", "*/*"), ("user-agent", "curl/8")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    headers
}

/// Runs one check, which must not wait.
fn check(access: &Access, headers: &HeaderMap, peer: &Peer, rule: &Rule) {
    let request = RequestParts {
        method: &http::Method::GET,
        authority: "orders.example.com",
        path: "/orders",
        query: None,
        headers,
        client_address: peer.address(),
        secure: true,
    };
    let future = std::pin::pin!(access.check(&request, peer, rule, NOW));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Decision::Allow(permit)) => drop(black_box(permit)),
        Poll::Ready(Decision::Deny(denial)) => panic!("{}", denial.reason()),
        Poll::Pending => panic!("it waits"),
    }
}

/// The best of seven rounds, in nanoseconds a check.
fn measure(name: &str, requests: &[HeaderMap], run: impl Fn(&HeaderMap)) {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        for headers in requests.iter().cycle().take(CHECKS) {
            run(headers);
        }
        #[expect(clippy::cast_precision_loss, reason = "a measurement")]
        let each = start.elapsed().as_nanos() as f64 / CHECKS as f64;
        best = best.min(each);
    }
    println!("{name:<36} {best:>9.0} ns");
}

fn main() {
    let (store, keys) = store();
    let access = access(&store);
    let address = "192.0.2.1".parse().unwrap();
    let peer = Peer::new(address, None);
    let open = Rule::new(RuleSettings { anonymous: true, ..RuleSettings::default() }).unwrap();
    let all = rule(&Method::ALL);
    let none = [headers("x-nothing", "1")];
    measure("open route", &none, |headers| check(&access, headers, &peer, &open));

    let keys: Vec<_> = keys.iter().map(|key| headers("x-api-key", key)).collect();
    keys.iter().for_each(|headers| check(&access, headers, &peer, &all));
    measure("API key, one", keys.get(..1).unwrap(), |headers| check(&access, headers, &peer, &all));
    measure("API key, 100,000", &keys, |headers| check(&access, headers, &peer, &all));

    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let bearer =
            |number| headers("authorization", &format!("Bearer {}", token(&store, algorithm, number)));
        let requests: Vec<_> = (0..100).map(bearer).collect();
        requests.iter().for_each(|headers| check(&access, headers, &peer, &all));
        let name = format!("JWT {algorithm}, {} bytes, remembered", token(&store, algorithm, 0).len());
        measure(&name, &requests, |headers| check(&access, headers, &peer, &all));
        let fresh: Vec<_> = (1_000..3_000).map(bearer).collect();
        let start = Instant::now();
        fresh.iter().for_each(|headers| check(&access, headers, &peer, &all));
        println!(
            "{:<36} {:>9} ns",
            format!("JWT {algorithm}, first sight"),
            start.elapsed().as_nanos() / 2_000
        );
    }

    let reference = api_key::generate("cst", "at", &SystemRng);
    let reference = [headers("authorization", &format!("Bearer {}", reference.expose()))];
    measure("reference token, remembered", &reference, |headers| check(&access, headers, &peer, &all));

    let pair = base64::engine::general_purpose::STANDARD.encode("alice:a");
    let basic = [headers("authorization", &format!("Basic {pair}"))];
    let request = RequestParts {
        method: &http::Method::GET,
        authority: "orders.example.com",
        path: "/orders",
        query: None,
        headers: &basic[0],
        client_address: address,
        secure: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(access.check(&request, &peer, &all, NOW));
    measure("Basic, remembered", &basic, |headers| check(&access, headers, &peer, &all));

    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["billing.example.com".to_owned()]).unwrap();
    let der = params.self_signed(&key).unwrap();
    let certificate = PeerCertificate::from_der(der.der(), [OWN]).unwrap();
    let peer = Peer::new(address, Some(Arc::new(certificate)));
    measure("mTLS", &none, |headers| check(&access, headers, &peer, &all));
}
