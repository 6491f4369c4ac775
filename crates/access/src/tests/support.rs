//! A world: an own issuer with its keys, a store in memory, and the pipeline over them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey, VerifyingKey, jws};
use countersign_model::{
    ApiKey, ApiKeyId, ApiKeyStatus, ClientId, Env, Issuer, Method, PasswordHashText, SecretString, Subject,
    SystemRng, Timestamp, TokenHash, UserId, Username,
};
use countersign_passwords::Hasher;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::ports::{
    Account, Accounts, ApiKeys, BoxFuture, JwksFetch, KeySource, KeyUse, ReferenceToken, ReferenceTokens,
    RevocationList, Revocations, Unavailable,
};
use crate::*;

pub(super) const ISSUER: &str = "https://id.example.com";
pub(super) const AUDIENCE: &str = "https://orders.example.com";
pub(super) const NOW: i64 = 1_700_000_000;

/// Seconds after the beginning of the test.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW + seconds)
}

/// Everything the pipeline asks, in memory, and how often it was asked.
pub(super) struct Store {
    pub(super) signing: Mutex<Vec<Arc<SigningKey>>>,
    pub(super) generation: AtomicU64,
    pub(super) accounts: Mutex<HashMap<String, Account>>,
    pub(super) keys: Mutex<HashMap<TokenHash, Arc<ApiKey>>>,
    pub(super) references: Mutex<HashMap<String, ReferenceToken>>,
    pub(super) documents: Mutex<HashMap<String, String>>,
    pub(super) revocations: Mutex<Revocations>,
    pub(super) down: AtomicBool,
    pub(super) asked: AtomicUsize,
    pub(super) uses: AtomicUsize,
    pub(super) upgraded: AtomicUsize,
}

impl Store {
    fn answer(&self) -> Result<(), Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) { Err(Unavailable("down".to_owned())) } else { Ok(()) }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl KeySource for Store {
    fn verifying_key(&self, kid: &str, _: Timestamp) -> Option<Arc<VerifyingKey>> {
        let signing = self.signing.lock().unwrap();
        let key = signing.iter().find(|key| key.kid().as_str() == kid)?;
        Some(Arc::new(VerifyingKey::from_jwk(&key.public_jwk()?, key.algorithm()).ok()?))
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

impl Accounts for Store {
    fn account<'a>(&'a self, name: &'a Username) -> BoxFuture<'a, Result<Option<Account>, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            Ok(self.accounts.lock().unwrap().get(name.as_str()).cloned())
        })
    }

    fn upgrade_password<'a>(
        &'a self,
        account: &'a Account,
        old: &'a PasswordHashText,
        new: PasswordHashText,
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            let mut accounts = self.accounts.lock().unwrap();
            let kept = accounts
                .values_mut()
                .find(|a| a.subject == account.subject && a.password.as_ref() == Some(old));
            if let Some(kept) = kept {
                kept.password = Some(new);
                self.upgraded.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
    }
}

impl ApiKeys for Store {
    fn api_key<'a>(&'a self, hash: &'a TokenHash) -> BoxFuture<'a, Result<Option<Arc<ApiKey>>, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            Ok(self.keys.lock().unwrap().get(hash).cloned())
        })
    }
}

impl ReferenceTokens for Store {
    fn reference_token<'a>(
        &'a self,
        token: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<ReferenceToken>, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            Ok(self.references.lock().unwrap().get(token).cloned())
        })
    }
}

impl RevocationList for Store {
    fn revocations(&self, _: Timestamp) -> BoxFuture<'_, Result<Revocations, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            Ok(self.revocations.lock().unwrap().clone())
        })
    }

    fn client_is_enabled<'a>(&'a self, client: &'a ClientId) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            Ok(!self.revocations.lock().unwrap().disabled_clients.contains(client))
        })
    }

    fn user_is_enabled<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            Ok(!self.revocations.lock().unwrap().disabled_users.contains(user))
        })
    }
}

impl JwksFetch for Store {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, Unavailable>> {
        Box::pin(async move {
            self.answer()?;
            let documents = self.documents.lock().unwrap();
            documents
                .get(url)
                .map(|text| text.clone().into_bytes())
                .ok_or_else(|| Unavailable("404".to_owned()))
        })
    }
}

impl KeyUse for Store {
    fn used(&self, _: &Arc<ApiKey>, _: IpAddr, _: Timestamp) {
        self.uses.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) struct World {
    pub(super) store: Arc<Store>,
    pub(super) access: Arc<Access>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::build(
            change,
            countersign_passwords::Limits { concurrent: 1, queue: 16, wait: Duration::from_secs(60) },
        )
    }

    pub(super) fn build(change: impl FnOnce(&mut Settings), hashing: countersign_passwords::Limits) -> Self {
        let store = Arc::new(Store {
            signing: Mutex::new(vec![Arc::new(SigningKey::generate(Algorithm::ES256).unwrap())]),
            generation: AtomicU64::new(1),
            accounts: Mutex::default(),
            keys: Mutex::default(),
            references: Mutex::default(),
            documents: Mutex::default(),
            revocations: Mutex::default(),
            down: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            uses: AtomicUsize::new(0),
            upgraded: AtomicUsize::new(0),
        });
        let mut settings = settings(&store);
        change(&mut settings);
        let hasher = Hasher::new(hashing, Arc::new(SystemRng));
        let access = Arc::new(Access::new(settings, sources(&store, hasher)).unwrap());
        Self { store, access }
    }

    /// Checks a request with these header fields, over an encrypted connection from 192.0.2.1.
    pub(super) async fn ask(&self, rule: &Rule, headers: &[(&str, &str)], now: Timestamp) -> Decision {
        self.ask_as(rule, &Ask { headers, ..Ask::default() }, now).await
    }

    pub(super) async fn ask_as(&self, rule: &Rule, ask: &Ask<'_>, now: Timestamp) -> Decision {
        let mut headers = HeaderMap::new();
        for (name, value) in ask.headers {
            headers.append(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let address = ask.address.parse().unwrap();
        let request = RequestParts {
            method: &http::Method::GET,
            authority: "orders.example.com",
            path: "/orders",
            query: ask.query,
            headers: &headers,
            client_address: address,
            secure: !ask.plain,
        };
        let peer = Peer::new(address, ask.certificate.clone());
        self.access.check(&request, &peer, rule, now).await
    }

    pub(super) async fn bearer(&self, rule: &Rule, token: &str, now: Timestamp) -> Decision {
        self.ask(rule, &[("Authorization", &format!("Bearer {token}"))], now).await
    }

    pub(super) fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        sign(&self.store.signing.lock().unwrap()[0], Some("at+jwt"), &claims)
    }

    /// Makes and stores a key.
    pub(super) fn key(&self, change: impl FnOnce(&mut ApiKey)) -> SecretString {
        let text = api_key::generate("csk", "live", &SystemRng);
        let mut key = ApiKey {
            id: ApiKeyId::from("key_1"),
            hash: text.hash(),
            name: "test".to_owned(),
            owner: Subject::from("usr_1"),
            scopes: "orders.read".parse().unwrap(),
            routes: Vec::new(),
            addresses: countersign_model::AddressList::default(),
            requests_per_minute: None,
            status: ApiKeyStatus::Active,
            created_at: at(0),
            expires_at: None,
        };
        change(&mut key);
        self.store.keys.lock().unwrap().insert(key.hash, Arc::new(key));
        text
    }

    /// Makes and stores an account whose password is `secret`, stored as apr1: quick to check, and weak.
    pub(super) fn account(&self, name: &str) -> Account {
        let account = Account {
            subject: Subject::new(format!("usr_{name}")),
            user: None,
            password: Some(PasswordHashText::new(APR1_SECRET)),
            enabled: true,
            scopes: "orders.read".parse().unwrap(),
        };
        self.store.accounts.lock().unwrap().insert(name.to_owned(), account.clone());
        account
    }
}

/// `secret`, made by OpenSSL.
pub(super) const APR1_SECRET: &str = "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/";

pub(super) fn settings(store: &Arc<Store>) -> Settings {
    Settings {
        local_issuer: Issuer::from(ISSUER),
        issuers: vec![IssuerSettings {
            name: OWN.to_owned(),
            issuer: Issuer::from(ISSUER),
            keys: KeyOrigin::InProcess(Arc::clone(store) as Arc<dyn KeySource>),
            algorithms: vec![Algorithm::ES256],
            audience: None,
            types: vec!["at+jwt".to_owned()],
            scope_claims: vec!["scope".to_owned()],
            reference_tokens: Some(Arc::clone(store) as Arc<dyn ReferenceTokens>),
        }],
        subject_from_common_name: false,
        certificate_scopes: Vec::new(),
        trust_domains: vec![TrustDomain { name: "example.com".to_owned(), bundle: OWN.to_owned() }],
        limits: Limits::default(),
    }
}

pub(super) fn sources(store: &Arc<Store>, hasher: Hasher) -> Sources {
    Sources {
        accounts: vec![Arc::clone(store) as Arc<dyn Accounts>],
        api_keys: Some(Arc::clone(store) as Arc<dyn ApiKeys>),
        revocations: Some(Arc::clone(store) as Arc<dyn RevocationList>),
        fetch: Some(Arc::clone(store) as Arc<dyn JwksFetch>),
        key_use: Some(Arc::clone(store) as Arc<dyn KeyUse>),
        hasher: Arc::new(hasher),
        env: Env::system(),
    }
}

/// A request.
pub(super) struct Ask<'a> {
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) query: Option<&'a str>,
    pub(super) address: &'a str,
    pub(super) plain: bool,
    pub(super) certificate: Option<Arc<PeerCertificate>>,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self { headers: &[], query: None, address: "192.0.2.1", plain: false, certificate: None }
    }
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "usr_1", "aud": AUDIENCE, "exp": NOW + 600, "iat": NOW, "jti": "tok_1",
        "client_id": "cli_1", "scope": "orders.read", "grant_id": "grt_1",
    })
}

pub(super) fn sign(key: &SigningKey, typ: Option<&str>, claims: &Value) -> String {
    jws::sign_compact(typ, &serde_json::to_vec(claims).unwrap(), key).unwrap()
}

/// The rule of a route that accepts these methods.
pub(super) fn rule(accept: &[Method], change: impl FnOnce(&mut RuleSettings)) -> Rule {
    let mut settings = RuleSettings {
        name: "orders".to_owned(),
        accept: accept.to_vec(),
        audience: Some(AUDIENCE.to_owned()),
        ..RuleSettings::default()
    };
    change(&mut settings);
    Rule::new(settings).unwrap()
}

/// `ok <subject>`, `ok` for an anonymous request, or the reason.
pub(super) fn word(decision: &Decision) -> String {
    match decision {
        Decision::Allow(permit) => match permit.identity() {
            Some(identity) => format!("ok {}", identity.subject),
            None => "ok".to_owned(),
        },
        Decision::Deny(denial) => denial.reason().to_owned(),
    }
}

pub(super) fn denial(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        Decision::Allow(permit) => panic!("allowed: {permit:?}"),
    }
}

pub(super) fn identity(decision: &Decision) -> Arc<Identity> {
    match decision {
        Decision::Allow(permit) => Arc::clone(permit.identity().unwrap()),
        Decision::Deny(denial) => panic!("denied: {}", denial.reason()),
    }
}
