//! A client with a key of its own, and what it signs.

use countersign_jose::{Algorithm, SigningKey, jws};
use countersign_model::{Client, ClientAuthentication};
use serde_json::{Value, json};

use super::{CALLBACK, CHALLENGE, ISSUER, START, VERIFIER};

/// A client's key.
pub(crate) struct ClientKey(pub(crate) SigningKey);

impl ClientKey {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self(SigningKey::generate(algorithm).unwrap())
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.0.public_jwk_value().unwrap()] })
    }

    /// Lets a client sign with it, requests and assertions.
    pub(crate) fn give_to(&self, client: &mut Client) {
        client.jwks = Some(self.jwks());
        client.authentication = ClientAuthentication::PrivateKeyJwt;
        client.secrets.clear();
    }

    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        jws::sign_compact(Some(typ), claims.to_string().as_bytes(), &self.0).unwrap()
    }

    /// A good request object, with changes.
    pub(crate) fn request_object(&self, id: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": id, "aud": ISSUER, "client_id": id, "exp": START + 300, "nbf": START, "iat": START,
            "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid read", "state": "signed",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", "nonce": "n-1",
        });
        change(&mut claims);
        self.sign("oauth-authz-req+jwt", &claims)
    }

    /// Parameters by which the client proves who it is, once for each `jti`.
    pub(crate) fn assertion(&self, id: &str, audience: &str, jti: &str) -> [(String, String); 2] {
        let claims =
            json!({ "iss": id, "sub": id, "aud": audience, "exp": START + 300, "iat": START, "jti": jti });
        let pair = |name: &str, value: String| (name.to_owned(), value);
        [
            pair("client_assertion", self.sign("JWT", &claims)),
            pair(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
            ),
        ]
    }
}

/// A token request for a code.
pub(crate) fn redemption_pairs(code: &str) -> Vec<(String, String)> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}
