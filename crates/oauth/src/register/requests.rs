//! How the client asks: pushed (RFC 9126 §6), signed and encrypted (RFC 9101 §10.5, OpenID Connect Registration §2), and
//! for which authorization details (RFC 9396 §10).

use std::collections::BTreeSet;

use countersign_jose::Algorithm;
use countersign_jose::jwe::{ContentEncryption, KeyManagement};

use super::keys::Keys;
use super::{Members, RegistrationRefusal, Rules, information};
use crate::keys::ENCRYPTIONS;

/// Most addresses of request objects.
const MOST: usize = 8;

/// What a client registers of its authorization requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Requests {
    pub(super) pushed: bool,
    pub(super) signed: bool,
    pub(super) signing_algorithm: Option<String>,
    pub(super) encryption: Option<(String, String)>,
    pub(super) uris: Vec<String>,
    pub(super) details_types: BTreeSet<String>,
}

/// Everything about requests.
pub(super) fn allowed(
    asked: &Members,
    rules: &Rules<'_>,
    keys: &Keys,
) -> Result<Requests, RegistrationRefusal> {
    let has_keys = *keys != Keys::default();
    Ok(Requests {
        pushed: asked.flag("require_pushed_authorization_requests")?.unwrap_or(false),
        // That there are keys then is the profile's check.
        signed: asked.flag("require_signed_request_object")?.unwrap_or(false),
        signing_algorithm: signing_algorithm(asked, rules, has_keys)?,
        encryption: encryption(asked)?,
        uris: uris(asked, has_keys)?,
        details_types: details_types(asked, rules)?,
    })
}

fn signing_algorithm(
    asked: &Members,
    rules: &Rules<'_>,
    has_keys: bool,
) -> Result<Option<String>, RegistrationRefusal> {
    let name = "request_object_signing_alg";
    let Some(algorithm) = asked.text(name)? else { return Ok(None) };
    // RFC 9101 §10.1: never `none`; never HMAC, because secrets are kept as hashes.
    let known =
        algorithm.parse::<Algorithm>().ok().filter(|known| rules.request_object_algorithms.contains(*known));
    known.ok_or(RegistrationRefusal::metadata(name, "it is not offered"))?;
    if has_keys {
        Ok(Some(algorithm.to_owned()))
    } else {
        Err(RegistrationRefusal::metadata(name, "it needs a public key in jwks, or jwks_uri"))
    }
}

/// OpenID Connect Registration §2: how the client encrypts requests to us.
fn encryption(asked: &Members) -> Result<Option<(String, String)>, RegistrationRefusal> {
    let (alg_name, enc_name) = ("request_object_encryption_alg", "request_object_encryption_enc");
    let refused = RegistrationRefusal::metadata;
    match (asked.text(alg_name)?, asked.text(enc_name)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(refused(enc_name, "it needs request_object_encryption_alg")),
        (Some(alg), enc) => {
            if alg != KeyManagement::EcdhEs.as_str() {
                return Err(refused(alg_name, "it is not offered"));
            }
            let enc = enc.unwrap_or(ContentEncryption::A128CbcHs256.as_str());
            let known = ENCRYPTIONS.into_iter().find(|known| known.as_str() == enc);
            let enc = known.ok_or(refused(enc_name, "it is not offered"))?;
            Ok(Some((alg.to_owned(), enc.to_string())))
        }
    }
}

/// RFC 9101 §10.4, §10.5: where request objects may be fetched. They are fetched by `https` and behind the guard against
/// private networks, and verified by the client's keys, without which fetching them would be for nothing.
fn uris(asked: &Members, has_keys: bool) -> Result<Vec<String>, RegistrationRefusal> {
    let refused = |fault| Err(RegistrationRefusal::metadata("request_uris", fault));
    let Some(uris) = asked.texts("request_uris")? else { return Ok(Vec::new()) };
    if uris.len() > MOST {
        return refused("there are too many");
    }
    if !uris.iter().all(|uri| information::is_https(uri)) {
        return refused("each must be an https URL without user name and fragment");
    }
    if !uris.is_empty() && !has_keys {
        return refused("what is there is signed: it needs a public key in jwks, or jwks_uri");
    }
    Ok(uris.into_iter().map(str::to_owned).collect())
}

fn details_types(asked: &Members, rules: &Rules<'_>) -> Result<BTreeSet<String>, RegistrationRefusal> {
    let name = "authorization_details_types";
    let types: BTreeSet<String> =
        asked.texts(name)?.unwrap_or_default().into_iter().map(str::to_owned).collect();
    if types.is_subset(&rules.policy.authorization_details_types) {
        Ok(types)
    } else {
        let fault = "one of them is not offered to clients that register themselves";
        Err(RegistrationRefusal::metadata(name, fault))
    }
}
