//! Another issuer, whose tokens are trusted as far as a rule goes.

use std::sync::Arc;

use countersign_jose::{Algorithm, Algorithms, JwkSet, SigningKey, jws};
use countersign_oauth::{IssuerKeys, SubjectMapping, TrustedIssuer};
use serde_json::{Value, json};

use super::{ISSUER, START};

pub(crate) const PARTNER: &str = "https://partner.example";

/// Its key.
pub(crate) struct Partner(SigningKey);

impl Partner {
    pub(crate) fn new() -> Self {
        Self(SigningKey::generate(Algorithm::ES256).unwrap())
    }

    pub(crate) fn jwks(&self) -> String {
        json!({ "keys": [self.0.public_jwk_value().unwrap()] }).to_string()
    }

    /// As the settings know it.
    pub(crate) fn trusted(&self, subjects: SubjectMapping) -> Arc<TrustedIssuer> {
        Arc::new(TrustedIssuer {
            issuer: PARTNER.to_owned(),
            keys: IssuerKeys::Set(JwkSet::from_json(self.jwks().as_bytes()).unwrap()),
            algorithms: Algorithms::of(&[Algorithm::ES256]),
            subject_claim: "sub".to_owned(),
            subjects,
        })
    }

    /// A good token about alice for us, with changes: null leaves a claim out.
    pub(crate) fn token(&self, changes: &Value) -> String {
        self.token_of_type("JWT", changes)
    }

    pub(crate) fn token_of_type(&self, typ: &str, changes: &Value) -> String {
        let mut claims = json!({
            "iss": PARTNER,
            "sub": "alice",
            "aud": ISSUER,
            "iat": START,
            "exp": START + 300,
            "jti": "j1",
            "scope": "read write",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        jws::sign_compact(Some(typ), claims.to_string().as_bytes(), &self.0).unwrap()
    }
}
