//! Signing keys without a store, and key sets of clients without a network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_access::ports::BoxFuture;
use countersign_jose::jwe::{ContentEncryption, DecryptionKey, EncryptionKey, KeyManagement, ParsedJwe};
use countersign_jose::{Algorithm, Algorithms, Jwk, SigningKey, VerifyingKey, jws};
use countersign_keys::Jwks;
use countersign_model::{SecretBytes, Timestamp};
use countersign_oauth::register::{DocumentUnavailable, FetchDocuments, FetchedDocument};
use countersign_oauth::{FetchKeys, KeysUnavailable, Signed, SigningFailed, TokenKeys};
use serde_json::json;

/// One key that signs and verifies, until it is replaced.
pub(crate) struct TestRing(Algorithm, Mutex<SigningKey>);

impl TestRing {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self(algorithm, Mutex::new(SigningKey::generate(algorithm).unwrap()))
    }

    /// Puts another key in the place of the one there was, whose signatures are good no more.
    pub(crate) fn replace(&self) {
        *self.1.lock().unwrap() = SigningKey::generate(self.0).unwrap();
    }
}

impl TokenKeys for TestRing {
    fn algorithms(&self) -> Vec<Algorithm> {
        vec![self.0]
    }

    fn decrypt(&self, encrypted: &ParsedJwe<'_>) -> Option<SecretBytes> {
        let (own, _) = DecryptionKey::from_p256_number(&encryption_number()).unwrap();
        encrypted.decrypt(&own, &ContentEncryption::ALL).ok()
    }

    fn sign(
        &self,
        typ: &str,
        claims: &[u8],
        algorithm: Option<Algorithm>,
        _now: Timestamp,
    ) -> Result<String, SigningFailed> {
        if algorithm.is_some_and(|algorithm| algorithm != self.0) {
            return Err(SigningFailed);
        }
        jws::sign_compact(Some(typ), claims, &self.1.lock().unwrap()).map_err(|_| SigningFailed)
    }

    fn verify(&self, typ: &str, token: &str, now: Timestamp) -> Option<Signed> {
        let token = jws::parse(token).ok()?;
        let kid = token.header.kid.clone()?;
        if !token.header.is_type(typ) || !self.is_trusted(&kid, now) {
            return None;
        }
        let jwk = self.1.lock().unwrap().public_jwk().unwrap();
        let key = VerifyingKey::from_jwk(&jwk, self.0).unwrap();
        Some(Signed { payload: token.verify(&key, Algorithms::of(&[self.0]))?, kid })
    }

    fn is_trusted(&self, kid: &str, _now: Timestamp) -> bool {
        self.1.lock().unwrap().kid().as_str() == kid
    }

    fn jwks(&self, _now: Timestamp) -> Jwks {
        let key = self.1.lock().unwrap().public_jwk_value().unwrap();
        let body = json!({ "keys": [key] }).to_string().into_bytes().into();
        Jwks { body, max_age: Duration::ZERO, cache_control: "no-cache".into() }
    }
}

/// Key sets in the order in which they are given out, the last for ever, and how each was asked for.
#[derive(Default)]
pub(crate) struct TestKeys {
    pub(crate) documents: Mutex<Vec<Result<String, KeysUnavailable>>>,
    pub(crate) asked: Mutex<Vec<bool>>,
}

/// The key that clients encrypt to.
pub(crate) fn encryption_key() -> EncryptionKey {
    let (_, jwk) = DecryptionKey::from_p256_number(&encryption_number()).unwrap();
    let jwk = Jwk::from_map(jwk.as_object().unwrap()).unwrap();
    EncryptionKey::from_jwk(&jwk, KeyManagement::EcdhEs).unwrap()
}

fn encryption_number() -> SecretBytes {
    SecretBytes::new(vec![7; 32])
}

impl FetchKeys for TestKeys {
    fn request_object<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Arc<[u8]>, KeysUnavailable>> {
        self.fetch(url, true)
    }

    fn fetch<'a>(&'a self, _url: &'a str, fresh: bool) -> BoxFuture<'a, Result<Arc<[u8]>, KeysUnavailable>> {
        self.asked.lock().unwrap().push(fresh);
        let mut documents = self.documents.lock().unwrap();
        let document = if documents.len() > 1 { documents.remove(0) } else { documents[0].clone() };
        Box::pin(async move { document.map(|document| Arc::from(document.into_bytes())) })
    }
}

/// What is at the addresses of clients' metadata documents, and what was asked for.
#[derive(Default)]
pub(crate) struct TestDocuments {
    pub(crate) at: Mutex<HashMap<String, (String, Option<Duration>)>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl FetchDocuments for TestDocuments {
    fn fetch<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<FetchedDocument, DocumentUnavailable>> {
        self.asked.lock().unwrap().push(url.to_owned());
        let found = self.at.lock().unwrap().get(url).cloned();
        let found = found.ok_or(DocumentUnavailable("nobody answers".to_owned()));
        Box::pin(async move {
            found.map(|(body, max_age)| FetchedDocument { body: Arc::from(body.into_bytes()), max_age })
        })
    }
}
