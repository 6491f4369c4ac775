//! `client_secret_jwt`: the secret is sealed, long enough, one client's, and for this method alone.

use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_keys::MasterKey;
use countersign_model::{ClientAuthentication, ClientId, KeyId, SecretBytes, SecretString, SystemRng};
use countersign_oauth::client_auth::{UnfitSecret, seal};
use countersign_oauth::{ClientCall, ClientRefusal, Error, TokenResponse};
use serde_json::json;

use crate::support::*;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SECRET: &str = "a secret of more than thirty-two bytes";

async fn house(master: &MasterKey) -> House {
    let house = House::with(|settings| settings.master_key = Some(master.clone()), Algorithm::ES256).await;
    let sealed = seal(master, &ClientId::from("signer"), &SecretString::from(SECRET), &SystemRng).unwrap();
    house.client("signer", |client| {
        client.authentication = ClientAuthentication::ClientSecretJwt;
        client.secrets.clear();
        client.sealed_secrets = vec![sealed];
    });
    house
}

async fn ask(house: &House, id: &str, secret: &str, jti: &str) -> Result<TokenResponse, Error> {
    let secret = SecretBytes::new(secret.as_bytes().to_vec());
    let key = SigningKey::from_secret(&secret, Algorithm::HS256, KeyId::from("k")).unwrap();
    let claims = json!({
        "iss": id, "sub": id, "aud": ISSUER, "iat": START, "exp": START + 60, "jti": jti,
    });
    let assertion = jws::sign_compact(None, claims.to_string().as_bytes(), &key).unwrap();
    let form = parameters(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", &assertion),
    ]);
    house.engine.token(&ClientCall::new(&form)).await
}

fn refused(result: Result<TokenResponse, Error>) -> ClientRefusal {
    match result.unwrap_err() {
        Error::InvalidClient { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_secret_signs_once() {
    let master = MasterKey::generate(&SystemRng).unwrap();
    let house = house(&master).await;
    ask(&house, "signer", SECRET, "1").await.unwrap();
    assert_eq!(refused(ask(&house, "signer", SECRET, "1").await), ClientRefusal::AssertionReplayed);
    let wrong = "another secret of more than thirty-two bytes";
    assert_eq!(refused(ask(&house, "signer", wrong, "2").await), ClientRefusal::AssertionSignature);
    let metadata: serde_json::Value = serde_json::from_slice(&house.engine.metadata()).unwrap();
    let has = |name: &str, value: &str| metadata[name].as_array().unwrap().contains(&json!(value));
    assert!(has("token_endpoint_auth_methods_supported", "client_secret_jwt"));
    assert!(has("token_endpoint_auth_signing_alg_values_supported", "HS256"));
}

#[tokio::test]
async fn a_secret_is_one_clients_and_one_methods() {
    let master = MasterKey::generate(&SystemRng).unwrap();
    let house = house(&master).await;
    let stolen = house.client("signer", |_| {}).sealed_secrets.clone();
    assert!(stolen.is_empty(), "the client was replaced");
    let sealed = seal(&master, &ClientId::from("signer"), &SecretString::from(SECRET), &SystemRng).unwrap();
    for (id, method) in [
        ("other", ClientAuthentication::ClientSecretJwt),
        ("signer", ClientAuthentication::PrivateKeyJwt),
        ("signer", ClientAuthentication::ClientSecretBasic),
    ] {
        house.client(id, |client| {
            client.authentication = method;
            client.sealed_secrets = vec![sealed.clone()];
        });
        let expected = match method {
            ClientAuthentication::ClientSecretJwt => ClientRefusal::KeysUnavailable,
            _ => ClientRefusal::WrongMethod,
        };
        assert_eq!(refused(ask(&house, id, SECRET, "1").await), expected, "{id} {method:?}");
    }
}

#[test]
fn a_short_secret_is_never_kept() {
    let master = MasterKey::generate(&SystemRng).unwrap();
    let seal = |secret: &str| seal(&master, &ClientId::from("a"), &SecretString::from(secret), &SystemRng);
    assert_eq!(seal(&"x".repeat(31)), Err(UnfitSecret::Short));
    let sealed = seal(&"x".repeat(32)).unwrap();
    assert!(!sealed.contains("xxx"));
}
