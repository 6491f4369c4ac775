//! What must happen next: a pure function of what is known.

use countersign_model::{Session, Timestamp};

use super::CheckedRequest;
use super::redirect_uri::may_be_anybodys;
use crate::ports::Interaction;
use crate::profile::Rules;
use crate::{AcrClass, Consent, Error};

/// What the decision depends on besides the request.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    /// Who is signed in in this browser.
    pub(super) session: Option<&'a Session>,
    /// What that person answered this client earlier; `None`: they were never asked.
    pub(super) consented: Option<&'a Consent>,
    /// The waiting request, when this is not its first look.
    pub(super) waiting: Option<&'a Interaction>,
    /// Whether the person has agreed a moment ago.
    pub(super) agreed_now: bool,
    /// The classes of sign-ins there are.
    pub(super) classes: &'a [AcrClass],
    /// Now.
    pub(super) now: Timestamp,
}

impl Facts<'_> {
    /// Whether this sign-in was made for the request that waits.
    pub(super) fn is_new(&self, session: &Session) -> bool {
        self.waiting.is_some_and(|waiting| is_newer(session, waiting))
    }
}

/// What must happen next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// Somebody must sign in.
    SignIn,
    /// The person must be asked.
    Consent,
    /// A code, for this session.
    Respond(&'a Session),
    /// An error for the client.
    Refuse(Error),
}

pub(super) fn decide<'a>(request: &CheckedRequest, facts: Facts<'a>) -> Next<'a> {
    let session = facts.session.filter(|session| is_good(request, facts, session));
    // OpenID Connect Core §3.1.2.1, prompt=none: an error where a page would be shown.
    match session {
        None if request.wanted.prompt.none => Next::Refuse(Error::LoginRequired),
        None if has_done_what_they_could(request, facts) => Next::Refuse(Error::UnmetAuthentication),
        None => Next::SignIn,
        Some(_) if must_agree(request, facts) && request.wanted.prompt.none => {
            Next::Refuse(Error::ConsentRequired)
        }
        Some(_) if must_agree(request, facts) => Next::Consent,
        Some(session) => Next::Respond(session),
    }
}

/// Whether this sign-in will do.
fn is_good(request: &CheckedRequest, facts: Facts<'_>, session: &Session) -> bool {
    let is_new = facts.is_new(session);
    // OpenID Connect Core §3.1.2.1, id_token_hint: only this person.
    let is_expected =
        request.wanted.hinted.as_ref().is_none_or(|hinted| hinted.as_str() == session.user.as_str());
    // prompt=login and select_account: a sign-in made for this very request.
    let is_fresh = is_new || !(request.wanted.prompt.login || request.wanted.prompt.select_account);
    // max_age: not longer ago; and not re-demanded of somebody who has just done it.
    let is_recent = is_new
        || request
            .wanted
            .step_up
            .max_age
            .is_none_or(|most| facts.now.since(session.auth_time) <= most && !most.is_zero());
    is_expected && is_fresh && is_recent && is_of_class(request, facts, session)
}

/// RFC 9470 §5: a sign-in of one of the classes asked for.
fn is_of_class(request: &CheckedRequest, facts: Facts<'_>, session: &Session) -> bool {
    let asked = &request.wanted.step_up.acr_values;
    let holds = |class: &AcrClass| class.holds(session, facts.is_new(session), facts.now);
    asked.is_empty() || facts.classes.iter().any(|class| asked.contains(&class.acr) && holds(class))
}

/// RFC 9470 §5: the expected person has just signed in for this request, and it is not what was asked for. Asking once
/// more would change nothing.
fn has_done_what_they_could(request: &CheckedRequest, facts: Facts<'_>) -> bool {
    facts.session.is_some_and(|session| {
        let is_expected =
            request.wanted.hinted.as_ref().is_none_or(|hinted| hinted.as_str() == session.user.as_str());
        is_expected && facts.is_new(session) && !is_of_class(request, facts, session)
    })
}

fn must_agree(request: &CheckedRequest, facts: Facts<'_>) -> bool {
    if facts.agreed_now {
        return false;
    }
    // RFC 8252 §8.6: another program could pose as a public client at an address that nobody owns, so what was agreed
    // to earlier says nothing there. The operator may vouch for the client.
    // RFC 9396 §11.1: each is a thing of its own, so what was agreed to earlier says nothing of it.
    let may_be_posed =
        !request.reply.client.is_confidential() && may_be_anybodys(&request.reply.redirect_uri);
    request.wanted.prompt.consent
        || !Rules::vouches(&request.reply.client)
            && (may_be_posed || !request.wanted.details.is_empty() || !is_settled(request, facts))
}

/// Whether an earlier answer covers this request. One that asks for no scope still gives a stranger a name for the person
/// (RFC 9068 §2.2, `sub`), so that nobody was asked settles nothing.
fn is_settled(request: &CheckedRequest, facts: Facts<'_>) -> bool {
    let settles = |consented: &Consent| consented.settles(&request.reply.client, &request.wanted.scopes);
    facts.consented.and_then(settles).is_some()
}

/// A sign-in newer than the request: not the session the browser had when it came, and not an older one either.
fn is_newer(session: &Session, waiting: &Interaction) -> bool {
    waiting.session.as_ref() != Some(&session.id) && session.auth_time >= waiting.created_at
}
