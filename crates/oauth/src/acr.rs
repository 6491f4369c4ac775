//! Authentication context classes (OpenID Connect Core §2, RFC 9470): what a sign-in amounts to, in the operator's words.

use std::time::Duration;

use countersign_model::{Session, Timestamp};

use crate::ports::AuthenticationEvent;

/// A class of sign-ins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AcrClass {
    /// Its name: the `acr` of tokens, the `acr_values` of requests.
    pub acr: String,
    /// The methods (RFC 8176) by which the person must have proved who they are, all of them.
    pub amr: Vec<String>,
    /// How long ago at most.
    pub within: Option<Duration>,
}

/// What is known of a sign-in beside the name somebody once gave it: when, and by which methods.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proven<'a> {
    auth_time: Timestamp,
    amr: &'a [String],
}

impl<'a> From<&'a Session> for Proven<'a> {
    fn from(session: &'a Session) -> Self {
        Self { auth_time: session.auth_time, amr: &session.amr }
    }
}

/// Its `acr` is left out: it says what the sign-in was when the token was first made, and the token may be the child of
/// a refresh token that is months old.
impl<'a> From<&'a AuthenticationEvent> for Proven<'a> {
    fn from(event: &'a AuthenticationEvent) -> Self {
        Self { auth_time: event.auth_time, amr: &event.amr }
    }
}

impl AcrClass {
    /// Whether the sign-in is of this class. `is_new`: it was made for the request that is being answered, and does
    /// not grow old while its person reads the consent page.
    pub(crate) fn holds<'s>(&self, sign_in: impl Into<Proven<'s>>, is_new: bool, now: Timestamp) -> bool {
        let Proven { auth_time, amr } = sign_in.into();
        let is_recent = is_new || self.within.is_none_or(|most| now.since(auth_time) <= most);
        is_recent && self.amr.iter().all(|method| amr.contains(method))
    }
}

/// What the sign-in amounts to: the first of the classes asked for, else the first of all of them that holds. The
/// operator lists the strongest first.
pub(crate) fn class_of<'a, 's>(
    classes: &'a [AcrClass],
    asked: &[String],
    sign_in: impl Into<Proven<'s>>,
    is_new: bool,
    now: Timestamp,
) -> Option<&'a str> {
    let sign_in = sign_in.into();
    let held = |class: &&AcrClass| class.holds(sign_in, is_new, now);
    let known = |acr: &String| classes.iter().filter(held).find(|class| class.acr == *acr);
    let class = asked.iter().find_map(known).or_else(|| classes.iter().find(held));
    class.map(|class| class.acr.as_str())
}
