//! What the rows are met with: settings with everything on, clients of each kind, and what they sign.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_access::{Peer, PeerCertificate, UnvouchedCertificate};
use countersign_jose::{Algorithm, Algorithms, JwkSet, SigningKey, jws};
use countersign_keys::MasterKey;
use countersign_model::{
    Client, ClientAuthentication, Clock as _, GrantType, ScopeSet, SystemRng, TokenHash,
};
use countersign_oauth::register::{ClientDocumentPolicy, PeoplePolicy, RegistrationAccess};
use countersign_oauth::{
    AcrClass, DetailType, ExchangeRule, IssuerKeys, JwtBearerRule, OWN_ISSUER, Settings, SubjectMapping,
    TrustedIssuer,
};
use countersign_server::{RateLimits, ServerSettings};
use serde_json::{Value, json};

use super::addresses::Address;
use crate::browser::Browser;
use crate::support::{Answer, App, ISSUER, REDIRECT, VERIFIER, authorization, basic, web_client};

pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const PARTNER: &str = "https://partner.example";
/// A certificate of nobody's: CN=billing, DNS billing.example, until 2120.
const CERTIFICATE: &str = concat!(
    "MIIBMjCB2aADAgECAgEHMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB2JpbGxpbmcwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEw",
    "MDAwMDBaMBIxEDAOBgNVBAMMB2JpbGxpbmcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQHcdRFzllmp4e0laq82BJpLILIApHj",
    "L6WkWS+BO96WRb/e5CBp2uWVkkSSQOFhvjv8/Wp63haMAhRltGAUfgoUox4wHDAaBgNVHREEEzARgg9iaWxsaW5nLmV4YW1wbGUw",
    "CgYIKoZIzj0EAwIDSAAwRQIgd55XZ/liH4EfUFeWcdwVlYc8eUxRRZrCv3bL6wnOa38CIQCMOtZKyZXgDKyGsqYGpzj/lYoUMuTd",
    "VeHJfkV5keAqdA==",
);

/// Everything that can be switched on.
pub(crate) fn everything(settings: &mut Settings) {
    settings.master_key = Some(MasterKey::generate(&SystemRng).unwrap());
    settings.mtls_url = Some("https://mtls.auth.example".to_owned());
    settings.client_documents = Some(ClientDocumentPolicy::default());
    settings.registration.access = RegistrationAccess::Open;
    settings.registration.people = Some(PeoplePolicy { most_per_person: 5 });
    let strong = AcrClass { acr: "strong".to_owned(), amr: vec!["otp".to_owned()], within: None };
    settings.acr_classes = vec![strong];
    let payment = DetailType::new("Pay".to_owned(), Default::default()).unwrap();
    settings.authorization_details_types.insert("payment".to_owned(), payment);
    settings.exchange_rules = vec![ExchangeRule {
        client: "exchanger".into(),
        subject_issuers: [OWN_ISSUER.to_owned()].into(),
        subject_clients: None,
        subject_audiences: Default::default(),
        audiences: vec!["https://billing.example".to_owned()],
        scopes: ScopeSet::empty(),
        impersonation: false,
    }];
    settings.jwt_bearer_rules = vec![JwtBearerRule {
        issuer: "partner".to_owned(),
        clients: ["bearer".into()].into(),
        scopes: "invoices:read".parse().unwrap(),
        max_lifetime: std::time::Duration::from_secs(600),
    }];
}

/// The same, and a partner with this key.
pub(crate) fn with_partner(key: &SigningKey) -> impl FnOnce(&mut Settings) + use<> {
    let jwks = json!({ "keys": [key.public_jwk_value().unwrap()] }).to_string();
    move |settings| {
        everything(settings);
        let partner = TrustedIssuer {
            issuer: PARTNER.to_owned(),
            keys: IssuerKeys::Set(JwkSet::from_json(jwks.as_bytes()).unwrap()),
            algorithms: Algorithms::of(&[Algorithm::ES256]),
            subject_claim: "sub".to_owned(),
            subjects: SubjectMapping::Username,
        };
        settings.trusted_issuers = [("partner".to_owned(), Arc::new(partner))].into();
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap()
}

/// Signed by this key.
pub(crate) fn sign(typ: &str, claims: &Value, key: &SigningKey) -> String {
    jws::sign_compact(Some(typ), claims.to_string().as_bytes(), key).unwrap()
}

/// The claims, with changes: null leaves one out.
pub(crate) fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A DPoP proof for a `POST`.
pub(crate) fn proof(key: &SigningKey, path: &str, jti: &str) -> String {
    proof_with(key, path, &json!({ "jti": jti }))
}

/// The same with more claims.
pub(crate) fn proof_with(key: &SigningKey, path: &str, more: &Value) -> String {
    let claims = json!({ "htm": "POST", "htu": format!("{ISSUER}{path}"), "iat": NOW });
    let claims = changed(claims, more);
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.public_jwk_value().unwrap() });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap()))
}

/// How a connection shows its certificate.
#[derive(Clone, Copy)]
pub(crate) enum Shown {
    Vouched,
    Unvouched,
}

/// A request on a connection with a certificate.
pub(crate) fn shown(mut request: Request<Body>, shown: Option<Shown>) -> Request<Body> {
    let der = STANDARD.decode(CERTIFICATE).unwrap();
    let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let peer = match shown {
        Some(Shown::Vouched) => {
            Peer::new(address, Some(Arc::new(PeerCertificate::from_der(&der, Some("own")).unwrap())))
        }
        Some(Shown::Unvouched) => {
            Peer::with_unvouched(address, Arc::new(UnvouchedCertificate::from_der(&der).unwrap()))
        }
        None => Peer::new(address, None),
    };
    request.extensions_mut().insert(Arc::new(peer));
    request
}

/// With this value of a field, and no other.
pub(crate) fn only(mut request: Request<Body>, name: &'static str, value: &'static str) -> Request<Body> {
    request.headers_mut().remove(name);
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// RFC 7523 §2.2.
pub(crate) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// With GitHub's addresses, and for as many mistakes as there are rows.
pub(crate) fn github() -> ServerSettings {
    let rates = RateLimits {
        failures_per_client_and_minute: 0,
        failures_per_address_and_minute: 0,
        ..RateLimits::default()
    };
    ServerSettings { github: true, rates, ..ServerSettings::default() }
}

/// Everything switched on, ada, and her usual application.
pub(crate) async fn app() -> App {
    let app = App::with(ISSUER, github(), everything).await;
    app.person("ada").await;
    app.client_with("web", |client| client.first_party = false).await;
    app
}

impl App {
    /// A client of the usual kind, changed.
    pub(crate) async fn client_with(&self, id: &str, change: impl FnOnce(&mut Client)) {
        let mut client = web_client(id, self.clock.now());
        client.first_party = true;
        change(&mut client);
        self.store.create_client(&client).await.unwrap();
    }

    /// A public one.
    pub(crate) async fn public(&self, id: &str) {
        self.client_with(id, |client| {
            client.authentication = ClientAuthentication::None;
            client.secrets.clear();
            client.grant_types.remove(&GrantType::ClientCredentials);
        })
        .await;
    }

    /// A code that ada gives this client.
    pub(crate) async fn code(&self, id: &str, changes: &[(&str, &str)]) -> String {
        let back = Browser::new(self).agree(&authorization(id, changes)).await;
        back.answer("code").unwrap_or_else(|| panic!("{back:?}"))
    }

    /// A refresh token of ada's for this client.
    pub(crate) async fn refresh_token(&self, id: &str) -> String {
        let code = self.code(id, &[("scope", "openid offline_access")]).await;
        let given = self.post("/token", Some(&basic(id)), &redemption(&code, &[])).await;
        given.text("refresh_token").to_owned()
    }

    /// An access token of ada's for this client.
    pub(crate) async fn access_token(&self, id: &str, scope: &str) -> String {
        let code = self.code(id, &[("scope", scope)]).await;
        let given = self.post("/token", Some(&basic(id)), &redemption(&code, &[])).await;
        given.text("access_token").to_owned()
    }
}

impl Address {
    /// What proofs of keys name (RFC 9449 §4.2): the engine's endpoint.
    pub(crate) fn proof_path(&self) -> &'static str {
        if self.path == "/par" { "/par" } else { "/token" }
    }

    /// A form of this client, by its secret.
    pub(crate) async fn of(&self, app: &App, id: &str, form: &[(&str, &str)]) -> Answer {
        self.post(app, &[("authorization", &basic(id))], form).await
    }

    /// Redeems a code as the client with its secret, with changes: an empty value leaves a parameter out.
    pub(crate) async fn redeem(&self, app: &App, id: &str, code: &str, changes: &[(&str, &str)]) -> Answer {
        self.of(app, id, &redemption(code, changes)).await
    }

    pub(crate) async fn refresh(&self, app: &App, id: &str, token: &str) -> Answer {
        self.of(app, id, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

/// A token request for a code, with changes: an empty value leaves a parameter out.
pub(crate) fn redemption<'a>(code: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty()).collect()
}

/// The thumbprint of a key (RFC 7638).
pub(crate) fn jkt(key: &SigningKey) -> String {
    key.public_jwk().unwrap().thumbprint()
}

/// RFC 7636 §4.2.
pub(crate) fn challenge() -> String {
    TokenHash::of(VERIFIER.as_bytes()).to_base64url()
}
