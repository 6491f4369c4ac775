//! How the client wants to be answered: signed, encrypted, with which subjects (OpenID Connect Registration §2, RFC 9701
//! §6, JARM §3). What is asked for and not offered is refused, not ignored: whoever asks for encryption must not get plain text.

use countersign_jose::Algorithm;
use countersign_jose::jwe::{ContentEncryption, KeyManagement};

use super::keys::Keys;
use super::{Members, RegistrationRefusal};

/// Members of OpenID Connect and other extensions that ask for something that is not offered, where having less would
/// be a surprise.
const NOT_OFFERED: [&str; 10] = [
    "sector_identifier_uri",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc",
    "default_max_age",
    "default_acr_values",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
];

/// How one kind of answer is made for the client: signed with what, encrypted in which way (`alg` and `enc`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Answers {
    pub(super) signed: Option<String>,
    pub(super) encrypted: Option<(String, String)>,
}

/// Nothing that can't be had.
pub(super) fn offered(asked: &Members, algorithms: &[Algorithm]) -> Result<(), RegistrationRefusal> {
    if let Some(member) = NOT_OFFERED.into_iter().find(|member| asked.wants(member)) {
        return Err(RegistrationRefusal::metadata(member, "it is not offered"));
    }
    // OpenID Connect Core §8: every client sees the same subject.
    if asked.text("subject_type")?.is_some_and(|subject_type| subject_type != "public") {
        return Err(RegistrationRefusal::metadata("subject_type", "only public is offered"));
    }
    // Every ID token says when; nothing more is to be done for it.
    asked.flag("require_auth_time")?;
    // The first algorithm signs.
    let name = "id_token_signed_response_alg";
    let signs = algorithms.first().map(|algorithm| algorithm.as_str());
    match asked.text(name)? {
        Some(wanted) if signs != Some(wanted) => {
            Err(RegistrationRefusal::metadata(name, "it is not what signs here"))
        }
        Some(_) | None => Ok(()),
    }
}

/// How introspection is answered (RFC 9701 §6).
pub(super) fn introspection(
    asked: &Members,
    algorithms: &[Algorithm],
    keys: &Keys,
) -> Result<Answers, RegistrationRefusal> {
    let names = [
        "introspection_signed_response_alg",
        "introspection_encrypted_response_alg",
        "introspection_encrypted_response_enc",
    ];
    answers(asked, names, algorithms, keys)
}

/// How authorization requests are answered that ask for a JWT (JARM §3).
pub(super) fn authorization(
    asked: &Members,
    algorithms: &[Algorithm],
    keys: &Keys,
) -> Result<Answers, RegistrationRefusal> {
    let names = [
        "authorization_signed_response_alg",
        "authorization_encrypted_response_alg",
        "authorization_encrypted_response_enc",
    ];
    answers(asked, names, algorithms, keys)
}

fn answers(
    asked: &Members,
    [signed_name, alg_name, enc_name]: [&'static str; 3],
    algorithms: &[Algorithm],
    keys: &Keys,
) -> Result<Answers, RegistrationRefusal> {
    let refused = RegistrationRefusal::metadata;
    let signed = asked.text(signed_name)?;
    // RFC 8725 §3.2, JARM §3: `none` is nobody's algorithm.
    if signed.is_some_and(|wanted| !algorithms.iter().any(|known| known.as_str() == wanted)) {
        return Err(refused(signed_name, "it is not offered"));
    }
    let encrypted = match (asked.text(alg_name)?, asked.text(enc_name)?) {
        (None, None) => None,
        (None, Some(_)) => return Err(refused(enc_name, "it needs the alg that goes with it")),
        (Some(alg), enc) => {
            let management = alg.parse::<KeyManagement>().ok().filter(|known| known.is_asymmetric());
            let management = management.ok_or(refused(alg_name, "it is not offered"))?;
            // RFC 9701 §6, JARM §3: the default.
            let enc = enc.unwrap_or(ContentEncryption::A128CbcHs256.as_str());
            let enc: ContentEncryption = enc.parse().map_err(|_| refused(enc_name, "it is not offered"))?;
            if *keys == Keys::default() {
                return Err(refused(alg_name, "it needs a public key in jwks, or jwks_uri"));
            }
            Some((management.to_string(), enc.to_string()))
        }
    };
    Ok(Answers { signed: signed.map(str::to_owned), encrypted })
}
