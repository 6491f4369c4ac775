//! RFC 8705: clients known by their certificate, and tokens bound to it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_access::{PeerCertificate, UnvouchedCertificate};
use countersign_jose::{Algorithm, SigningKey};
use countersign_model::{AccessTokenFormat, CertificateName, ClientAuthentication, digest};
use countersign_oauth::{
    ClientCall, ClientCertificate, ClientRefusal, Error, KeysUnavailable, TokenResponse,
};
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use serde_json::{Value, json};

use crate::support::*;

/// A certificate with every kind of name, and its key.
fn certificate(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
    params.distinguished_name.push(DnType::CommonName, "billing");
    params.subject_alt_names = vec![
        SanType::DnsName("billing.example".try_into().unwrap()),
        SanType::URI("https://billing.example/client".try_into().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
        SanType::IpAddress("2001:db8::7".parse().unwrap()),
        SanType::Rfc822Name("Billing@Example.org".try_into().unwrap()),
    ];
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

enum Shown {
    Nothing,
    Vouched(Box<PeerCertificate>),
    Unvouched(UnvouchedCertificate),
}

fn vouched(der: &[u8]) -> Shown {
    Shown::Vouched(Box::new(PeerCertificate::from_der(der, Some("own")).unwrap()))
}

fn unvouched(der: &[u8]) -> Shown {
    Shown::Unvouched(UnvouchedCertificate::from_der(der).unwrap())
}

async fn ask(house: &House, shown: &Shown, form: &[(&str, &str)]) -> Result<TokenResponse, Error> {
    let certificate = match shown {
        Shown::Nothing => None,
        Shown::Vouched(certificate) => Some(ClientCertificate::Vouched(certificate)),
        Shown::Unvouched(certificate) => Some(ClientCertificate::Unvouched(certificate)),
    };
    let form = parameters(form);
    house.engine.token(&ClientCall { certificate, ..ClientCall::new(&form) }).await
}

const SERVICE: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("client_id", "service")];

fn refused(result: Result<TokenResponse, Error>) -> ClientRefusal {
    match result.unwrap_err() {
        error @ Error::InvalidClient { reason, .. } => {
            assert_eq!((error.status(), error.code()), (401, "invalid_client"));
            reason
        }
        other => panic!("{other:?}"),
    }
}

fn named(house: &House, name: Option<CertificateName>) {
    house.client("service", |client| {
        client.authentication = ClientAuthentication::TlsClientAuth;
        client.secrets.clear();
        client.certificate_name = name;
    });
}

#[tokio::test]
async fn each_kind_of_name_is_compared_in_its_own_way() {
    let house = House::new().await;
    let shown = vouched(&certificate(|_| {}));
    let dn = |name: &str| CertificateName::SubjectDn(name.to_owned());
    let dns = |name: &str| CertificateName::SanDns(name.to_owned());
    let uri = |name: &str| CertificateName::SanUri(name.to_owned());
    let ip = |name: &str| CertificateName::SanIp(name.parse().unwrap());
    let email = |name: &str| CertificateName::SanEmail(name.to_owned());
    for right in [
        dn("CN=billing,O=Example\\, Inc."),
        dn("cn=Billing, o=example\\2C inc."),
        dns("billing.example"),
        dns("Billing.Example"),
        uri("https://billing.example/client"),
        ip("192.0.2.7"),
        ip("2001:0db8:0::7"),
        email("Billing@example.ORG"),
    ] {
        named(&house, Some(right.clone()));
        ask(&house, &shown, &SERVICE).await.unwrap_or_else(|error| panic!("{right:?}: {error}"));
    }
    for wrong in [
        dn("CN=billing"),
        dn("O=Example\\, Inc.,CN=billing"),
        dn("CN=billing,O=Other"),
        dn("nonsense"),
        dns("example"),
        dns("*.example"),
        dns("billing.example.evil"),
        uri("https://billing.example/client/"),
        uri("https://BILLING.example/client"),
        ip("192.0.2.8"),
        ip("::ffff:192.0.2.7"),
        email("billing@example.org"),
        email("Billing@example.org.evil"),
        dns("https://billing.example/client"),
        uri("billing.example"),
    ] {
        named(&house, Some(wrong.clone()));
        assert_eq!(refused(ask(&house, &shown, &SERVICE).await), ClientRefusal::CertificateName, "{wrong:?}");
    }
    named(&house, None);
    assert_eq!(refused(ask(&house, &shown, &SERVICE).await), ClientRefusal::CertificateName);
}

#[tokio::test]
async fn an_unvouched_certificate_or_none_proves_no_name() {
    let house = House::new().await;
    named(&house, Some(CertificateName::SanDns("billing.example".to_owned())));
    let der = certificate(|_| {});
    assert_eq!(refused(ask(&house, &unvouched(&der), &SERVICE).await), ClientRefusal::CertificateUnvouched);
    assert_eq!(refused(ask(&house, &Shown::Nothing, &SERVICE).await), ClientRefusal::CertificateAbsent);
    let form = [SERVICE[0], SERVICE[1], ("client_secret", "secret-of-service")];
    assert_eq!(refused(ask(&house, &vouched(&der), &form).await), ClientRefusal::WrongMethod);
    // The certificate of the connection is no proof for a client that is registered for another.
    house.client("service", |_| {});
    assert_eq!(refused(ask(&house, &vouched(&der), &SERVICE).await), ClientRefusal::WrongMethod);
}

fn jwk(der: &[u8], x5c: bool) -> Value {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let mut jwk = key.public_jwk_value().unwrap();
    if x5c {
        jwk["x5c"] = json!([STANDARD.encode(der)]);
    }
    jwk
}

fn registered(house: &House, keys: &[Value]) {
    let jwks = json!({ "keys": keys });
    house.client("service", |client| {
        client.authentication = ClientAuthentication::SelfSignedTlsClientAuth;
        client.secrets.clear();
        client.jwks = Some(jwks);
    });
}

#[tokio::test]
async fn a_certificate_of_its_own_making_is_known_by_what_was_registered() {
    let house = House::new().await;
    let (own, other) = (certificate(|_| {}), certificate(|_| {}));
    registered(&house, &[jwk(&other, true), jwk(&own, true)]);
    ask(&house, &unvouched(&own), &SERVICE).await.unwrap();
    // RFC 8705 §2.2: who signed it does not matter.
    ask(&house, &vouched(&own), &SERVICE).await.unwrap();
    registered(&house, &[jwk(&other, true)]);
    assert_eq!(refused(ask(&house, &unvouched(&own), &SERVICE).await), ClientRefusal::CertificateUnknown);
    assert_eq!(refused(ask(&house, &Shown::Nothing, &SERVICE).await), ClientRefusal::CertificateAbsent);
    for nothing in [json!([]), json!({}), json!({ "keys": [{ "x5c": [] }, { "x5c": "x" }, 7] })] {
        house.client("service", |client| {
            client.authentication = ClientAuthentication::SelfSignedTlsClientAuth;
            client.jwks = Some(nothing);
        });
        assert_eq!(refused(ask(&house, &unvouched(&own), &SERVICE).await), ClientRefusal::CertificateUnknown);
    }
}

#[tokio::test]
async fn a_bare_key_stands_for_every_certificate_of_it() {
    let house = House::new().await;
    let pair = KeyPair::generate().unwrap();
    let make = |name: &str| {
        CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&pair).unwrap().der().to_vec()
    };
    // The uncompressed point.
    let spki = pair.public_key_raw();
    let (x, y) = spki[spki.len() - 64..].split_at(32);
    let key = json!({
        "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    registered(&house, std::slice::from_ref(&key));
    for name in ["a.example", "b.example"] {
        ask(&house, &unvouched(&make(name)), &SERVICE).await.unwrap();
    }
    let stranger = unvouched(&certificate(|_| {}));
    assert_eq!(refused(ask(&house, &stranger, &SERVICE).await), ClientRefusal::CertificateUnknown);
    // Beside a certificate, the key alone stands for nothing else.
    let mut pinned = key;
    pinned["x5c"] = json!([STANDARD.encode(make("a.example"))]);
    registered(&house, &[pinned]);
    let renewed = unvouched(&make("b.example"));
    assert_eq!(refused(ask(&house, &renewed, &SERVICE).await), ClientRefusal::CertificateUnknown);
}

#[tokio::test]
async fn certificates_from_a_url_are_looked_at_again_for_one_that_is_missing() {
    let house = House::new().await;
    let own = certificate(|_| {});
    house.client("service", |client| {
        client.authentication = ClientAuthentication::SelfSignedTlsClientAuth;
        client.jwks_uri = Some("https://app.example/jwks".to_owned());
    });
    let set = |keys: &[Value]| Ok(json!({ "keys": keys }).to_string());
    *house.fetch.documents.lock().unwrap() = vec![set(&[]), set(&[jwk(&own, true)])];
    ask(&house, &unvouched(&own), &SERVICE).await.unwrap();
    assert_eq!(*house.fetch.asked.lock().unwrap(), [false, true]);
    *house.fetch.documents.lock().unwrap() = vec![Err(KeysUnavailable("time-out".to_owned()))];
    assert_eq!(refused(ask(&house, &unvouched(&own), &SERVICE).await), ClientRefusal::KeysUnavailable);
}

#[tokio::test]
async fn tokens_are_bound_to_the_certificate() {
    let house = House::new().await;
    let der = certificate(|_| {});
    let thumbprint = URL_SAFE_NO_PAD.encode(digest::sha256(&der));
    let name = CertificateName::SanDns("billing.example".to_owned());
    for format in [AccessTokenFormat::Jwt, AccessTokenFormat::Reference] {
        house.client("service", |client| {
            client.authentication = ClientAuthentication::TlsClientAuth;
            client.certificate_name = Some(name.clone());
            client.access_token_format = format;
            client.tls_client_certificate_bound_access_tokens = true;
        });
        house.client("api", |client| client.may_introspect = true);
        let tokens = ask(&house, &vouched(&der), &SERVICE).await.unwrap();
        // RFC 8705 §3: the type stays Bearer.
        assert_eq!(tokens.token_type, "Bearer");
        let answer = house.introspect("api", &tokens.access_token).await;
        assert_eq!(answer["cnf"], json!({ "x5t#S256": thumbprint }), "{answer}");
        assert_eq!(answer["token_type"], "Bearer");
        if format == AccessTokenFormat::Jwt {
            assert_eq!(read_jwt(&tokens.access_token).1["cnf"], json!({ "x5t#S256": thumbprint }));
        }
    }
    // By whatever it authenticates: without a certificate it gets nothing rather than less.
    house.client("service", |client| client.tls_client_certificate_bound_access_tokens = true);
    let error = house.token("service", &SERVICE).await.unwrap_err();
    assert_eq!((error.status(), error.code(), error.section()), (400, "invalid_request", "RFC 8705 §3.4"));
}

#[tokio::test]
async fn the_metadata_name_the_other_address_where_there_is_one() {
    let metadata = |house: &House| -> Value { serde_json::from_slice(&house.engine.metadata()).unwrap() };
    let without = metadata(&House::new().await);
    assert!(without.get("mtls_endpoint_aliases").is_none());
    assert!(!without["token_endpoint_auth_methods_supported"].to_string().contains("tls_client_auth"));
    let settings = |settings: &mut countersign_oauth::Settings| {
        settings.mtls_url = Some("https://mtls.id.example".to_owned());
    };
    let with = metadata(&House::with(settings, Algorithm::ES256).await);
    assert_eq!(with["tls_client_certificate_bound_access_tokens"], true);
    let aliases = &with["mtls_endpoint_aliases"];
    assert_eq!(aliases["token_endpoint"], "https://mtls.id.example/token");
    assert_eq!(with["token_endpoint"], "https://id.example/token");
    for name in [
        "introspection_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
        "device_authorization_endpoint",
    ] {
        assert!(aliases[name].as_str().unwrap().starts_with("https://mtls.id.example/"), "{name}");
    }
    assert!(aliases.get("authorization_endpoint").is_none(), "that is for browsers");
    for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
        for list in ["token", "introspection", "revocation"] {
            let list = &with[format!("{list}_endpoint_auth_methods_supported")];
            assert!(list.as_array().unwrap().contains(&json!(method)), "{method} {list}");
        }
    }
}
