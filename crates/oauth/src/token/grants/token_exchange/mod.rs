//! `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693).
//!
//! A client that got a token from a caller trades it for one that speaks of the same subject, is meant for somebody
//! else, and allows no more. The operator's rules say who may; the new token says who acts, unless a rule allows that to
//! be hidden.

mod actor;
mod presented;

use std::time::Duration;

use countersign_model::{Client, ScopeSet};

use self::presented::{Presented, TokenType};
pub(crate) use self::presented::{authentication, scopes};
use crate::grant_rules::ExchangeRule;
use crate::ports::{Ports, Recorded};
use crate::token::issue::{Order, Person, Speaker};
use crate::token::{TokenResponse, asked_scopes, one_audience};
use crate::trusted_issuer::{ForeignRefusal, Who};
use crate::{AuthenticatedClient, AuthorizationDetails, Engine, Error, GrantRefusal, Parameters};

/// Why nothing is exchanged. For the log; outside all are the same (RFC 8693 §2.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum ExchangeRefusal {
    #[error("subject_token_type or actor_token_type is none that is taken here")]
    TokenType,
    #[error("requested_token_type is none that is given here")]
    RequestedType,
    #[error("a token: {0}")]
    Token(ForeignRefusal),
    #[error("a token: a claim is missing or of the wrong kind")]
    Claims,
    #[error("a token speaks of nobody who is known here and enabled")]
    Subject,
    #[error("no rule lets this client exchange such a token")]
    NoRule,
    #[error("the subject token was not made for this client")]
    Audience,
    #[error("actor_token was not given to this client")]
    ActorForeign,
    #[error("actor_token has an actor of its own")]
    ActorActed,
    #[error("too many actors behind one another")]
    TooManyActors,
    #[error("the subject token names others who may act")]
    MayAct,
}

/// The request (RFC 8693 §2.1).
struct ExchangeRequest<'a> {
    subject_token: &'a str,
    subject_type: TokenType,
    actor: Option<(&'a str, TokenType)>,
    requested: TokenType,
    scopes: Option<ScopeSet>,
}

impl<'a> ExchangeRequest<'a> {
    fn read(form: &'a Parameters<'_>) -> Result<Self, Error> {
        let token_type = |name: &'static str| {
            let identifier = form.one(name).ok_or(Error::Missing(name))?;
            TokenType::read(identifier).ok_or(refused(ExchangeRefusal::TokenType))
        };
        let actor = match (form.one("actor_token"), form.one("actor_token_type")) {
            (Some(token), _) => Some((token, token_type("actor_token_type")?)),
            // RFC 8693 §2.1: its type must not be there without it.
            (None, Some(_)) => return Err(Error::Missing("actor_token")),
            (None, None) => None,
        };
        // RFC 8693 §2.2.1: an access token where nothing else is asked for. ID tokens are given to whom somebody
        // signs in at, and refresh tokens would outlive what they were traded for.
        let requested = match form.one("requested_token_type") {
            None => TokenType::AccessToken,
            Some(identifier) => TokenType::read(identifier)
                .filter(|requested| *requested != TokenType::IdToken)
                .ok_or(refused(ExchangeRefusal::RequestedType))?,
        };
        // RFC 9396 §4: an exchange carries none.
        if form.one("authorization_details").is_some() {
            return Err(Error::InvalidAuthorizationDetails);
        }
        Ok(Self {
            subject_token: form.one("subject_token").ok_or(Error::Missing("subject_token"))?,
            subject_type: token_type("subject_token_type")?,
            actor,
            requested,
            scopes: asked_scopes(form)?,
        })
    }
}

pub(crate) async fn exchange<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let client = caller.client();
    // RFC 8693 §5: who can't be told from others could trade whatever leaked.
    if !client.is_confidential() {
        return Err(Error::UnauthorizedClient);
    }
    let request = ExchangeRequest::read(form)?;
    let subject = presented::verify(engine, request.subject_token, request.subject_type).await?;
    let subject = subject.map_err(refused)?;
    let (rule, resources) = rule_for(engine, client, &subject, form)?;
    let actor = match request.actor {
        Some((token, kind)) => Some(presented::verify(engine, token, kind).await?.map_err(refused)?),
        None => None,
    };
    let act = actor::chain(engine, client, rule, (&subject, actor.as_ref())).map_err(refused)?;
    let scopes = narrowed(client, rule, &subject, request.scopes)?;
    let ends = actor.iter().map(|actor| actor.expires_at).fold(subject.expires_at, Ord::min);
    let now = engine.now();
    let own = client.lifetimes.access_token_or(engine.settings.lifetimes.access_token);
    let order = Order {
        client,
        speaker: speaker(&subject),
        scopes: &scopes,
        resources: &resources,
        details: &AuthorizationDetails::default(),
        confirmation: caller.confirmation(),
        act: act.as_ref(),
        // It never outlives what it was traded for.
        lifetime: Some(own.min(ends.since(now)).max(Duration::from_secs(1))),
    };
    let access = engine.make_access_token(&order, now)?;
    // RFC 8693 §2.2.1: what was asked for, or an error: no reference where a JWT is wanted.
    if request.requested == TokenType::Jwt && access.record.reference.is_some() {
        return Err(refused(ExchangeRefusal::RequestedType));
    }
    match engine.ports.record_issuance(&access.record, None).await? {
        Recorded::Kept => {
            let mut response = access.into_response();
            response.issued_token_type = Some(request.requested.as_str());
            Ok(response)
        }
        Recorded::Revoked => Err(Error::InvalidGrant(GrantRefusal::Revoked)),
    }
}

/// The first rule under which this client may exchange this token for these targets, and the targets.
fn rule_for<'e, P: Ports>(
    engine: &'e Engine<P>,
    client: &Client,
    subject: &Presented,
    form: &Parameters<'_>,
) -> Result<(&'e ExchangeRule, Vec<String>), Error> {
    let rules = engine.settings.exchange_rules.iter().filter(|rule| {
        rule.client == client.client_id && rule.admits(&subject.issuer_name, subject.client.as_ref())
    });
    let mut refusal = refused(ExchangeRefusal::NoRule);
    for rule in rules {
        if !is_meant_for(engine, client, rule, subject) {
            refusal = refused(ExchangeRefusal::Audience);
            continue;
        }
        match targets(rule, form).and_then(|targets| one_audience(engine, targets)) {
            Ok(targets) => return Ok((rule, targets)),
            // RFC 8693 §2.2.2.
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// A token that leaked from elsewhere is of no use here: it must have been given to this client, or be made for it, or
/// for an audience of which the rule speaks.
fn is_meant_for<P: Ports>(
    engine: &Engine<P>,
    client: &Client,
    rule: &ExchangeRule,
    subject: &Presented,
) -> bool {
    let settings = &engine.settings;
    let is_own = subject.foreign_issuer.is_none();
    if is_own && subject.client.as_ref() == Some(&client.client_id) {
        return true;
    }
    // An ID token's audience is the client that somebody signed in at: the rule must name that one.
    if is_own && subject.is_id_token {
        return rule.names(subject.client.as_ref());
    }
    subject.audience.iter().any(|audience| {
        let of_the_client = client.audiences.contains(audience)
            || client.audiences.is_empty() && is_own && *audience == settings.default_audience;
        // RFC 7523 §3, point 3: what another issuer makes for us names us.
        let of_ours = !is_own && (*audience == settings.issuer || *audience == settings.endpoints.token);
        of_the_client || of_ours || rule.subject_audiences.contains(audience)
    })
}

/// RFC 8693 §2.1: resources and audiences, any of which may come several times; here both are names for the same.
fn targets(rule: &ExchangeRule, form: &Parameters<'_>) -> Result<Vec<String>, Error> {
    let mut targets: Vec<String> = Vec::new();
    for target in form.all("resource").chain(form.all("audience")) {
        if !rule.audiences.iter().any(|allowed| allowed == target) {
            return Err(Error::InvalidTarget);
        }
        if !targets.iter().any(|known| known == target) {
            targets.push(target.to_owned());
        }
    }
    if targets.is_empty() {
        targets.extend(rule.audiences.first().cloned());
    }
    Ok(targets)
}

/// Down only: what the rule, the client and the subject token all allow, or the part of it that is asked for.
fn narrowed(
    client: &Client,
    rule: &ExchangeRule,
    subject: &Presented,
    asked: Option<ScopeSet>,
) -> Result<ScopeSet, Error> {
    let most = rule.scopes.intersection(&client.scopes);
    let most = subject.scopes.as_ref().map_or(most.clone(), |scopes| most.intersection(scopes));
    match asked {
        Some(asked) if most.covers(&asked) => Ok(asked),
        Some(_) => Err(Error::InvalidScope),
        // A token that allows nothing is nobody's wish.
        None if most.is_empty() => Err(Error::InvalidScope),
        None => Ok(most),
    }
}

/// It belongs to the family of the subject token, and ends with it.
fn speaker(subject: &Presented) -> Speaker<'_> {
    match &subject.who {
        Who::User(user) => Speaker::Person(Person {
            user,
            grant: subject.grant.as_ref(),
            session: subject.session.as_ref(),
            authentication: subject.authentication.as_ref(),
        }),
        Who::Other(other) => Speaker::Other(other),
    }
}

const fn refused(refusal: ExchangeRefusal) -> Error {
    Error::Exchange(refusal)
}
