//! Making access tokens (RFC 9068), signed or by reference.

use std::time::Duration;

use countersign_access::Confirmation;
use countersign_model::{
    AccessTokenFormat, Client, GrantId, ScopeSet, SessionId, Subject, Timestamp, TokenHash, TokenId,
    TokenLife, UserId,
};

use super::claims::{AccessClaims, Audience};
use super::{TokenResponse, text};
use crate::ports::{AccessToken, AuthenticationEvent, Ports};
use crate::profile::Rules;
use crate::{AuthorizationDetails, Engine, Error, SigningFailed, TokenSignature};

/// What an access token shall say.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) client: &'a Client,
    pub(crate) speaker: Speaker<'a>,
    pub(crate) scopes: &'a ScopeSet,
    /// Empty: the client's or the server's default.
    pub(crate) resources: &'a [String],
    /// The key it is bound to.
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) details: &'a AuthorizationDetails,
    /// Who acts for whom it speaks of (RFC 8693 §4.1).
    pub(crate) act: Option<&'a serde_json::Value>,
    /// `None`: the client's or the server's default.
    pub(crate) lifetime: Option<Duration>,
}

/// Whom a token speaks of.
#[derive(Clone, Copy)]
pub(crate) enum Speaker<'a> {
    /// The client itself.
    Client,
    /// A person.
    Person(Person<'a>),
    /// Another client, or somebody of another issuer.
    Other(&'a Subject),
}

/// A person, and how they came to be in this token.
#[derive(Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) grant: Option<&'a GrantId>,
    pub(crate) session: Option<&'a SessionId>,
    pub(crate) authentication: Option<&'a AuthenticationEvent>,
}

/// A token that has been made and not yet been recorded: it must not go out before.
pub(crate) struct Made {
    text: String,
    /// `None`: until somebody takes it back.
    expires_in: Option<Duration>,
    scope: ScopeSet,
    pub(crate) record: AccessToken,
    pub(crate) id_token: Option<String>,
    token_type: &'static str,
    details: AuthorizationDetails,
}

impl Made {
    /// The token itself, to be hashed into an ID token.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The answer, once the record is kept.
    pub(crate) fn into_response(self) -> TokenResponse {
        TokenResponse {
            access_token: self.text,
            issued_token_type: None,
            token_type: self.token_type,
            expires_in: self.expires_in.map(|life| life.as_secs()),
            refresh_token: None,
            refresh_expires_in: None,
            id_token: self.id_token,
            scope: self.scope,
            authorization_details: self.details,
            dpop_nonce: None,
        }
    }
}

impl<P: Ports> Engine<P> {
    /// Makes an access token and what must be recorded of it.
    pub(crate) fn make_access_token(&self, order: &Order<'_>, now: Timestamp) -> Result<Made, Error> {
        let client = order.client;
        let id = TokenId::generate(now, &*self.env.rng);
        let default = client.audiences.first().unwrap_or(&self.settings.default_audience);
        let tells = order.scopes.contains("openid") || Rules::of(client.profile).tells_the_person;
        let opens_userinfo = matches!(order.speaker, Speaker::Person(_)) && tells;
        // A token that a resource server could have made is for that resource and no other place.
        let is_shared = |name: &str| {
            let known = self.settings.resources.get(name);
            known.is_some_and(|resource| resource.secret().is_some())
        };
        if order.resources.len() > 1 && order.resources.iter().any(|name| is_shared(name)) {
            return Err(Error::InvalidTarget);
        }
        let userinfo = (opens_userinfo && !is_shared(default)).then_some(self.settings.issuer.as_str());
        let aud = Audience { resources: order.resources, default, userinfo };
        let scope = self.settings.resources.narrow(order.resources, order.scopes);
        let known = || aud.iter().filter_map(|resource| self.settings.resources.get(resource));
        let by_reference = client.access_token_format == AccessTokenFormat::Reference
            || known().any(|resource| resource.access_token_format == AccessTokenFormat::Reference);
        let lifetime = self.life_of(order, by_reference);
        let expires_at =
            lifetime.map_or(Timestamp::MAX, |lifetime| Timestamp::from_seconds(now.plus(lifetime).seconds()));
        let signature = known().map(|resource| &resource.signature);
        let signature = signature.into_iter().find(|wanted| **wanted != TokenSignature::First);
        let (subject, grant) = match order.speaker {
            // RFC 9068 §2.2: the client's own name where no person is.
            Speaker::Client => (client.client_id.as_str(), None),
            Speaker::Person(person) => (person.user.as_str(), person.grant),
            Speaker::Other(subject) => (subject.as_str(), None),
        };
        let token_type = token_type(order.confirmation);
        let details = order.details.at(order.resources);
        let order = &Order { scopes: &scope, details: &details, ..*order };
        let claims = self.claims(order, aud, subject, (&id, now, expires_at));
        let text = if by_reference {
            text::access_token(&*self.env.rng).expose().clone()
        } else {
            let payload = serde_json::to_vec(&claims).map_err(|_| SigningFailed)?;
            match signature {
                Some(TokenSignature::Secret(secret)) => secret.sign(&payload)?,
                Some(TokenSignature::Key(algorithm)) => {
                    self.keys.sign("at+jwt", &payload, Some(*algorithm), now)?
                }
                // The first that the client's profile takes.
                Some(TokenSignature::First) | None => {
                    let algorithm = self.signing_algorithm(client, None)?;
                    self.keys.sign("at+jwt", &payload, Some(algorithm), now)?
                }
            }
        };
        // What we know again by its signature is not kept; all else is.
        let by_hash = by_reference || matches!(signature, Some(TokenSignature::Secret(_)));
        let reference = by_hash.then(|| TokenHash::of(text.as_bytes()));
        let kept = by_hash.then(|| object(&claims)).transpose()?;
        let record = AccessToken {
            reference,
            grant: grant.cloned(),
            client: client.client_id.clone(),
            subject: Subject::from(subject),
            claims: kept,
            issued_at: now,
            expires_at,
            id,
        };
        Ok(Made { text, expires_in: lifetime, scope, record, id_token: None, token_type, details })
    }

    /// How long the token lives; `None`: until somebody takes it back.
    fn life_of(&self, order: &Order<'_>, by_reference: bool) -> Option<Duration> {
        let lifetimes = &order.client.lifetimes;
        let own = || lifetimes.access_token_or(self.settings.lifetimes.access_token);
        // Nobody verifies a signature whose key is gone: what registration refused doesn't happen here either.
        if !by_reference {
            return Some(order.lifetime.unwrap_or_else(own).min(self.settings.longest_signed_token));
        }
        // There must be something to take back: a client alone can have a new one whenever it likes.
        let has_grant = matches!(order.speaker, Speaker::Person(Person { grant: Some(_), .. }));
        match (order.lifetime, lifetimes.access_token) {
            (None, Some(TokenLife::UntilWithdrawn)) if has_grant => None,
            (lifetime, _) => Some(lifetime.unwrap_or_else(own)),
        }
    }

    fn claims<'a>(
        &'a self,
        order: &Order<'a>,
        aud: Audience<'a>,
        sub: &'a str,
        (id, now, expires_at): (&'a TokenId, Timestamp, Timestamp),
    ) -> AccessClaims<'a> {
        let person = match order.speaker {
            Speaker::Client | Speaker::Other(_) => None,
            Speaker::Person(person) => Some(person),
        };
        let authentication = person.and_then(|person| person.authentication);
        AccessClaims {
            iss: &self.settings.issuer,
            sub,
            aud,
            client_id: order.client.client_id.as_str(),
            scope: order.scopes,
            authorization_details: order.details,
            iat: now.seconds(),
            exp: (expires_at != Timestamp::MAX).then(|| expires_at.seconds()),
            jti: id.as_str(),
            cnf: order.confirmation,
            act: order.act,
            auth_time: authentication.map(|event| event.auth_time.seconds()),
            acr: authentication.and_then(|event| event.acr.as_deref()),
            amr: authentication.map_or(&[], |event| event.amr.as_slice()),
            sid: person.and_then(|person| person.session).map(SessionId::as_str),
            grant_id: person.and_then(|person| person.grant).map(GrantId::as_str),
        }
    }
}

fn object(claims: &AccessClaims<'_>) -> Result<serde_json::Map<String, serde_json::Value>, SigningFailed> {
    match serde_json::to_value(claims) {
        Ok(serde_json::Value::Object(claims)) => Ok(claims),
        Ok(_) | Err(_) => Err(SigningFailed),
    }
}

/// RFC 9449 §5: who must prove a key with each request is told by the type. RFC 8705 §3: a certificate changes nothing.
pub(crate) const fn token_type(confirmation: Option<Confirmation>) -> &'static str {
    match confirmation {
        Some(Confirmation::Key(_)) => "DPoP",
        Some(Confirmation::Certificate(_)) | None => "Bearer",
    }
}
