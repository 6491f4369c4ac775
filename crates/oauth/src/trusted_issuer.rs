//! Issuers other than this server whose tokens some grants take: as subject or actor of an exchange (RFC 8693), or as
//! an authorization grant (RFC 7523 §2.1).

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_jose::jwt::{Rejection, ValidClaims, Validation};
use countersign_jose::{Algorithms, JwkSet, ParsedJws, jws};
use countersign_model::{Subject, User, UserId, Username};
use serde::Deserialize;

use crate::key_sets::{NoKey, signed_by_one_of};
use crate::ports::Ports;
use crate::{Engine, Error};

/// A token has no reason to be longer.
const LONGEST: usize = 16 * 1024;

/// Trusted issuers by the names that the configuration gives them.
pub type TrustedIssuers = BTreeMap<String, Arc<TrustedIssuer>>;

/// An issuer whose tokens are believed as far as a rule allows.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// The `iss` of its tokens, compared exactly.
    pub issuer: String,
    /// Where its keys are.
    pub keys: IssuerKeys,
    /// Algorithms its tokens may be signed with. Never `none`, never HMAC.
    pub algorithms: Algorithms,
    /// The claim that says of whom its tokens speak.
    pub subject_claim: String,
    /// Whom that is here.
    pub subjects: SubjectMapping,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// Fetched from this URL.
    Url(String),
    /// These.
    Set(JwkSet),
}

/// Whom the subject of another issuer is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubjectMapping {
    /// Nobody: tokens name the issuer and its subject, so that it never is mistaken for one of ours.
    Foreign,
    /// The account with this id.
    UserId,
    /// The account that signs in under this name.
    Username,
}

/// Of whom a token speaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// An account of ours.
    User(UserId),
    /// A client of ours, or somebody of another issuer.
    Other(Subject),
}

/// Why a token of another issuer is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum ForeignRefusal {
    #[error("it is no JWT")]
    Malformed,
    #[error("its issuer is not trusted here")]
    Issuer,
    #[error("its algorithm is not allowed")]
    Algorithm,
    #[error("no key of its issuer verifies it")]
    Signature,
    #[error("the keys of its issuer could not be had")]
    KeysUnavailable,
    #[error("it was made for another audience")]
    Audience,
    #[error("it has expired, or is not valid yet")]
    Time,
    #[error("a claim is missing or of the wrong kind")]
    Claims,
    #[error("it speaks of nobody who is known here and enabled")]
    Subject,
}

/// A token of a trusted issuer whose signature, type and times hold. Its audience is for the grant to judge.
pub(crate) struct ForeignToken {
    pub(crate) name: String,
    pub(crate) issuer: Arc<TrustedIssuer>,
    pub(crate) claims: ValidClaims,
}

impl<P: Ports> Engine<P> {
    /// The claims of a token that a trusted issuer signed.
    pub(crate) async fn foreign_token(
        &self,
        token: &str,
        types: &[&str],
    ) -> Result<ForeignToken, ForeignRefusal> {
        if token.len() > LONGEST {
            return Err(ForeignRefusal::Malformed);
        }
        let token = jws::parse(token).map_err(|_| ForeignRefusal::Malformed)?;
        let named = issuer_of(&token).ok_or(ForeignRefusal::Malformed)?;
        let mut known = self.settings.trusted_issuers.iter();
        let (name, issuer) = known.find(|(_, known)| known.issuer == named).ok_or(ForeignRefusal::Issuer)?;
        // RFC 8725 §3.1: our list, not the header's wish.
        if !issuer.algorithms.contains(token.header.algorithm) {
            return Err(ForeignRefusal::Algorithm);
        }
        let claims = self.signed_by(issuer, &token, types).await?;
        Ok(ForeignToken { name: name.clone(), issuer: Arc::clone(issuer), claims })
    }

    async fn signed_by(
        &self,
        issuer: &TrustedIssuer,
        token: &ParsedJws<'_>,
        types: &[&str],
    ) -> Result<ValidClaims, ForeignRefusal> {
        let validation = Validation {
            issuer: &issuer.issuer,
            audiences: &[],
            types,
            algorithms: issuer.algorithms,
            required: &["sub"],
            leeway: self.settings.leeway,
            now: self.now(),
        };
        let signed = match &issuer.keys {
            IssuerKeys::Set(set) => signed_by_one_of(set, token, &validation),
            IssuerKeys::Url(url) => self.signed_by_one_at(url, token, &validation).await,
        };
        signed.map_err(|no_key| match no_key {
            NoKey::Unavailable => ForeignRefusal::KeysUnavailable,
            NoKey::Unfit => ForeignRefusal::Signature,
            NoKey::Rejected(rejection) => refusal(&rejection),
        })
    }

    /// Whom such a token speaks of: somebody who may be used.
    pub(crate) async fn foreign_subject(
        &self,
        token: &ForeignToken,
    ) -> Result<Result<Who, ForeignRefusal>, Error> {
        let claim = token.claims.all.get(&token.issuer.subject_claim).and_then(serde_json::Value::as_str);
        let fits = |name: &&str| (1..=256).contains(&name.len()) && !name.chars().any(char::is_control);
        let Some(name) = claim.filter(fits) else { return Ok(Err(ForeignRefusal::Claims)) };
        let user = match token.issuer.subjects {
            // No account of ours has such an id, and no two issuers share one.
            SubjectMapping::Foreign => {
                return Ok(Ok(Who::Other(Subject::from(format!("{}|{name}", token.name)))));
            }
            SubjectMapping::UserId => self.ports.user(&UserId::from(name)).await?,
            SubjectMapping::Username => match name.parse::<Username>() {
                Ok(name) => self.ports.user_by_name(&name).await?,
                Err(_) => None,
            },
        };
        let user = user.filter(User::is_enabled);
        Ok(user.map(|user| Who::User(user.id)).ok_or(ForeignRefusal::Subject))
    }
}

/// Whose token it says it is: only to find the keys that must prove it.
fn issuer_of(token: &ParsedJws<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    let payload = token.dangerous_unverified_payload()?;
    serde_json::from_slice::<Named>(&payload).ok().map(|named| named.iss)
}

fn refusal(rejection: &Rejection) -> ForeignRefusal {
    match rejection {
        Rejection::Malformed(_) | Rejection::EmbeddedKey | Rejection::DuplicateClaim | Rejection::Type => {
            ForeignRefusal::Malformed
        }
        Rejection::Claims | Rejection::ClaimKind(_) | Rejection::MissingClaim(_) => ForeignRefusal::Claims,
        Rejection::AlgorithmNotAllowed => ForeignRefusal::Algorithm,
        Rejection::UnknownKey | Rejection::Signature => ForeignRefusal::Signature,
        Rejection::Issuer => ForeignRefusal::Issuer,
        Rejection::Audience => ForeignRefusal::Audience,
        Rejection::Expired | Rejection::NotYetValid | Rejection::IssuedInTheFuture => ForeignRefusal::Time,
    }
}
