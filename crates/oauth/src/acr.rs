//! Authentication context classes (OpenID Connect Core §2, RFC 9470): what a sign-in amounts to, in the operator's words.

use std::time::Duration;

use countersign_model::{Session, Timestamp};

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

impl AcrClass {
    /// Whether the sign-in is of this class. `is_new`: it was made for the request that is being answered, and does
    /// not grow old while its person reads the consent page.
    pub(crate) fn holds(&self, session: &Session, is_new: bool, now: Timestamp) -> bool {
        let is_recent = is_new || self.within.is_none_or(|most| now.since(session.auth_time) <= most);
        is_recent && self.amr.iter().all(|method| session.amr.contains(method))
    }
}

/// What the sign-in amounts to: the first of the classes asked for, else the first of all of them that holds. The
/// operator lists the strongest first.
pub(crate) fn class_of<'a>(
    classes: &'a [AcrClass],
    asked: &[String],
    session: &Session,
    is_new: bool,
    now: Timestamp,
) -> Option<&'a str> {
    let held = |class: &&AcrClass| class.holds(session, is_new, now);
    let known = |acr: &String| classes.iter().filter(held).find(|class| class.acr == *acr);
    let class = asked.iter().find_map(known).or_else(|| classes.iter().find(held));
    class.map(|class| class.acr.as_str())
}
