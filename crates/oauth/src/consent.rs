//! What a person agreed that a client may have: all that it asked for, or some (RFC 6749 §3.3).

use countersign_model::{Client, ClientId, ScopeSet, UserId};

use crate::ports::Ports;
use crate::{Engine, Error};

/// What a person gave a client, and what they left out of what it asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Consent {
    /// What it may have.
    pub granted: ScopeSet,
    /// What it asked for and was not given.
    pub declined: ScopeSet,
}

impl Consent {
    /// The answer to one question. `None` when something was left out that can't be: no page of ours sends that, so
    /// nothing is read into it. What was not asked for is not given, whoever adds it.
    pub(crate) fn answer(client: &Client, asked: &ScopeSet, agreed: &ScopeSet) -> Option<Self> {
        let optional = client.optional_scopes.of(asked);
        let stays = |scope: &str| scope == "openid" || agreed.contains(scope);
        let granted: ScopeSet = asked.iter().filter(|scope| stays(scope.as_str())).cloned().collect();
        let declined = asked.difference(&granted);
        optional.covers(&declined).then_some(Self { granted, declined })
    }

    /// What of these scopes this client gets without another question; `None` when the person must be asked. A request for
    /// nothing is settled by any earlier answer, and by nothing else: whoever was never asked has no [`Consent`].
    pub(crate) fn settles(&self, client: &Client, asked: &ScopeSet) -> Option<ScopeSet> {
        let granted = self.granted.intersection(asked);
        // What was left out is not asked for again and again; but what the client can't do without has to be.
        let left_out = client.optional_scopes.of(&self.declined.intersection(asked));
        let is_settled = granted.union(&left_out).covers(asked) && (asked.is_empty() || !granted.is_empty());
        is_settled.then_some(granted)
    }

    /// What holds after a later answer: it says nothing of what it was not asked.
    #[must_use]
    pub fn followed_by(&self, later: &Self) -> Self {
        Self {
            granted: self.granted.difference(&later.declined).union(&later.granted),
            declined: self.declined.difference(&later.granted).union(&later.declined),
        }
    }
}

impl<P: Ports> Engine<P> {
    /// A person takes back whatever they gave a client: what it remembers of their answers, and what it holds.
    ///
    /// # Errors
    /// The store failed.
    pub async fn withdraw(&self, user: &UserId, client: &ClientId) -> Result<(), Error> {
        Ok(self.ports.withdraw_consent(user, client, self.now()).await?)
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::{ClientId, OptionalScopes, Timestamp};

    use super::*;

    fn scopes(text: &str) -> ScopeSet {
        text.parse().unwrap()
    }

    fn client(optional: OptionalScopes) -> Client {
        Client { optional_scopes: optional, ..Client::new(ClientId::from("app"), Timestamp::EPOCH) }
    }

    #[test]
    fn what_can_not_be_left_out_is_not_and_nothing_is_added() {
        let app = client(OptionalScopes::Named(scopes("email write")));
        let asked = scopes("openid email read write");
        let answer = |agreed: &str| Consent::answer(&app, &asked, &scopes(agreed));
        let all = answer("openid email read write admin").unwrap();
        assert_eq!((all.granted, all.declined), (asked.clone(), ScopeSet::empty()));
        let some = answer("read").unwrap();
        assert_eq!((some.granted, some.declined), (scopes("openid read"), scopes("email write")));
        assert_eq!(answer("email write"), None, "read can't be left out");
        assert_eq!(answer(""), None);
    }

    #[test]
    fn what_was_answered_is_not_asked_again() {
        let app = client(OptionalScopes::AllButOpenid);
        let given = Consent { granted: scopes("openid read"), declined: scopes("email") };
        let settles = |asked: &str| given.settles(&app, &scopes(asked));
        assert_eq!(settles("openid read email"), Some(scopes("openid read")));
        assert_eq!(settles("read"), Some(scopes("read")));
        assert_eq!(settles(""), Some(ScopeSet::empty()));
        assert_eq!(settles("read write"), None, "write was never asked for");
        assert_eq!(settles("email"), None, "nothing would be left");
        // What the client can't do without any more has to be asked for again.
        let strict = client(OptionalScopes::default());
        assert_eq!(given.settles(&strict, &scopes("read email")), None);
    }

    #[test]
    fn a_later_answer_counts() {
        let first = Consent { granted: scopes("a b"), declined: scopes("c") };
        let later = Consent { granted: scopes("c d"), declined: scopes("b") };
        let both = first.followed_by(&later);
        assert_eq!((both.granted, both.declined), (scopes("a c d"), scopes("b")));
    }
}
