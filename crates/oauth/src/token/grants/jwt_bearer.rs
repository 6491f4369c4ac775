//! `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1): a trusted issuer vouches for somebody.

use countersign_model::{Client, ClientId, GrantId, ScopeSet, Timestamp, UserId};

use crate::authorize::resource;
use crate::grant_rules::JwtBearerRule;
use crate::ports::{Grant, Ports, Recorded};
use crate::token::issue::{Order, Person, Speaker};
use crate::token::{TokenResponse, asked_scopes, one_audience};
use crate::trusted_issuer::{ForeignRefusal, ForeignToken, Who};
use crate::{AuthenticatedClient, AuthorizationDetails, Engine, Error, GrantRefusal, Parameters};

/// RFC 7523bis §4: its own type; others say JWT or nothing.
const TYPES: [&str; 3] = ["authorization-grant+jwt", "JWT", ""];

pub(crate) async fn redeem<P: Ports>(
    engine: &Engine<P>,
    caller: &AuthenticatedClient,
    form: &Parameters<'_>,
) -> Result<TokenResponse, Error> {
    let assertion = form.one("assertion").ok_or(Error::Missing("assertion"))?;
    let client = caller.client();
    let now = engine.now();
    // RFC 7523 §3.1: whatever is wrong with the assertion is an invalid_grant.
    let token = engine.foreign_token(assertion, &TYPES).await.map_err(refused)?;
    // RFC 7521 §4.1: issuer and client, by rule. Without one the issuer's word counts for nothing here.
    let rule = rule_for(engine, client, &token).ok_or(Error::UnauthorizedClient)?;
    meant_for_us(engine, &token).map_err(refused)?;
    let scopes = within(rule, client, asked_scopes(form)?)?;
    let resources = one_audience(engine, resource::allowed(client, &engine.settings, form)?)?;
    if form.one("authorization_details").is_some() {
        return Err(Error::InvalidAuthorizationDetails);
    }
    let who = engine.foreign_subject(&token).await?.map_err(refused)?;
    spend(engine, rule, &token, now).await?;
    let grant = match &who {
        Who::User(user) => Some(begin(engine, (client, user), &scopes, now).await?),
        Who::Other(_) => None,
    };
    let speaker = match &who {
        Who::User(user) => {
            Speaker::Person(Person { user, grant: grant.as_ref(), session: None, authentication: None })
        }
        Who::Other(subject) => Speaker::Other(subject),
    };
    let order = Order {
        client,
        speaker,
        scopes: &scopes,
        resources: &resources,
        details: &AuthorizationDetails::default(),
        confirmation: caller.confirmation(),
        act: None,
        lifetime: None,
    };
    let access = engine.make_access_token(&order, now)?;
    // RFC 7521 §4.1: no refresh token: whoever is still vouched for brings another assertion.
    match engine.ports.record_issuance(&access.record, None).await? {
        Recorded::Kept => Ok(access.into_response()),
        Recorded::Revoked => Err(Error::InvalidGrant(GrantRefusal::Revoked)),
    }
}

fn rule_for<'e, P: Ports>(
    engine: &'e Engine<P>,
    client: &Client,
    token: &ForeignToken,
) -> Option<&'e JwtBearerRule> {
    let mut rules = engine.settings.jwt_bearer_rules.iter();
    rules.find(|rule| rule.issuer == token.name && rule.clients.contains(&client.client_id))
}

/// RFC 7523 §3, point 3; RFC 7523bis §4: one audience, so that no other server could use what was meant for it.
fn meant_for_us<P: Ports>(engine: &Engine<P>, token: &ForeignToken) -> Result<(), ForeignRefusal> {
    let ours = [&engine.settings.issuer, &engine.settings.endpoints.token];
    match token.claims.audience.as_slice() {
        [one] if ours.contains(&one) => Ok(()),
        _ => Err(ForeignRefusal::Audience),
    }
}

/// What the rule and the client both allow, or the part of it that is asked for.
fn within(rule: &JwtBearerRule, client: &Client, asked: Option<ScopeSet>) -> Result<ScopeSet, Error> {
    let most = rule.scopes.intersection(&client.scopes);
    match asked {
        Some(asked) if most.covers(&asked) => Ok(asked),
        Some(_) => Err(Error::InvalidScope),
        None if most.is_empty() => Err(Error::InvalidScope),
        None => Ok(most),
    }
}

/// RFC 7523 §3, points 4 and 7: it ends soon, and is used once. Spent last, so that a request that was wrong in another
/// way may be sent again.
async fn spend<P: Ports>(
    engine: &Engine<P>,
    rule: &JwtBearerRule,
    token: &ForeignToken,
    now: Timestamp,
) -> Result<(), Error> {
    let (claims, leeway) = (&token.claims, engine.settings.leeway);
    if claims.expires_at > now.plus(rule.max_lifetime).plus(leeway) {
        return Err(refused(ForeignRefusal::Time));
    }
    let Some(jti) = claims.id.as_deref().filter(|jti| (1..=256).contains(&jti.len())) else {
        return Err(refused(ForeignRefusal::Claims));
    };
    // Apart from the assertions of clients: no client's name holds a control character (RFC 6749 appendix A.1).
    let issuer = ClientId::from(format!("issuer\0{}", token.name));
    if engine.ports.remember_assertion(&issuer, jti, claims.expires_at.plus(leeway)).await? {
        Ok(())
    } else {
        Err(Error::InvalidGrant(GrantRefusal::AssertionReplayed))
    }
}

/// A grant of its own, so that the person finds it among what applications may do, and can end it.
async fn begin<P: Ports>(
    engine: &Engine<P>,
    (client, user): (&Client, &UserId),
    scopes: &ScopeSet,
    now: Timestamp,
) -> Result<GrantId, Error> {
    let grant = Grant {
        id: GrantId::generate(now, &*engine.env.rng),
        client: client.client_id.clone(),
        user: user.clone(),
        session: None,
        scopes: scopes.clone(),
        created_at: now,
        revoked_at: None,
    };
    if engine.ports.begin_grant(&grant, now).await? {
        Ok(grant.id)
    } else {
        Err(Error::InvalidGrant(GrantRefusal::Revoked))
    }
}

const fn refused(refusal: ForeignRefusal) -> Error {
    Error::InvalidGrant(GrantRefusal::Assertion(refusal))
}
