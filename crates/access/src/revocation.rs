//! What of the own issuer no longer counts, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use countersign_model::{ClientId, Timestamp, UserId};

use crate::ports::{Change, Revocations};
use crate::{Identity, OWN};

/// The revocation list. Every change moves its epoch on; a remembered token that was compared with the list in the
/// current epoch needs no second look.
#[derive(Default)]
pub(crate) struct RevocationSet {
    epoch: AtomicU64,
    lists: RwLock<Lists>,
}

#[derive(Default)]
struct Lists {
    /// By `jti`, until when it matters.
    tokens: HashMap<Box<str>, Timestamp>,
    grants: HashMap<Box<str>, Timestamp>,
    clients: HashMap<Box<str>, Principal>,
    users: HashMap<Box<str>, Principal>,
    /// Expired entries are swept when there are this many.
    sweep_at: usize,
}

/// A client or account that is not known to be in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Principal {
    /// It changed in this epoch; whether it still counts must be asked.
    Changed(u64),
    Disabled,
}

/// Whether a token still counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    Good,
    Revoked,
    /// Ask about this client and this account first.
    Unknown(Option<ClientId>, Option<UserId>),
}

impl RevocationSet {
    /// The epoch now. Read it before anything that is to be compared with the list.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether the token or key behind this identity still counts.
    pub(crate) fn standing(&self, identity: &Identity) -> Standing {
        if *identity.issuer_name != *OWN {
            return Standing::Good;
        }
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let is_listed = identity.token.as_ref().is_some_and(|id| lists.tokens.contains_key(id.as_str()))
            || identity.grant.as_ref().is_some_and(|id| lists.grants.contains_key(id.as_str()));
        let client = identity.client.as_ref().and_then(|id| lists.clients.get(id.as_str()).map(|p| (id, p)));
        let user = lists.users.get(identity.subject.as_str());
        if is_listed
            || client.is_some_and(|(_, p)| *p == Principal::Disabled)
            || user == Some(&Principal::Disabled)
        {
            return Standing::Revoked;
        }
        if client.is_none() && user.is_none() {
            return Standing::Good;
        }
        Standing::Unknown(
            client.map(|(id, _)| id.clone()),
            user.map(|_| UserId::new(identity.subject.as_str())),
        )
    }

    /// Takes in a change that was announced.
    pub(crate) fn apply(&self, change: &Change, now: Timestamp) {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        let next = self.epoch().wrapping_add(1);
        match change {
            Change::TokenRevoked(id, until) => {
                lists.tokens.insert(id.as_str().into(), *until);
            }
            Change::GrantRevoked(id, until) => {
                lists.grants.insert(id.as_str().into(), *until);
            }
            Change::Client(id) => {
                lists.clients.insert(id.as_str().into(), Principal::Changed(next));
            }
            Change::User(id, _) => {
                lists.users.insert(id.as_str().into(), Principal::Changed(next));
            }
            Change::ApiKey(_) | Change::SigningKeys | Change::Certificates => return,
        }
        lists.sweep(now);
        self.epoch.store(next, Ordering::Release);
    }

    /// Takes in the whole list, asked for in that epoch. What was announced meanwhile stays.
    pub(crate) fn load(&self, all: Revocations, asked_in: u64) {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch() == asked_in {
            // Whoever was enabled again while nobody told us is not in the list any more.
            lists.clients.clear();
            lists.users.clear();
        }
        lists.tokens.extend(all.tokens.into_iter().map(|(id, until)| (id.as_str().into(), until)));
        lists.grants.extend(all.grants.into_iter().map(|(id, until)| (id.as_str().into(), until)));
        for client in all.disabled_clients {
            lists.clients.entry(client.as_str().into()).or_insert(Principal::Disabled);
        }
        for user in all.disabled_users {
            lists.users.entry(user.as_str().into()).or_insert(Principal::Disabled);
        }
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes in what was answered about a client, if it has not changed again since the question.
    pub(crate) fn client_is(&self, client: &ClientId, enabled: bool, asked_in: u64) {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        settle(&mut lists.clients, client.as_str(), enabled, asked_in);
    }

    /// The same about an account.
    pub(crate) fn user_is(&self, user: &UserId, enabled: bool, asked_in: u64) {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        settle(&mut lists.users, user.as_str(), enabled, asked_in);
    }
}

fn settle(list: &mut HashMap<Box<str>, Principal>, id: &str, enabled: bool, asked_in: u64) {
    if !matches!(list.get(id), Some(Principal::Changed(epoch)) if *epoch <= asked_in) {
        return;
    }
    if enabled {
        list.remove(id);
    } else {
        list.insert(id.into(), Principal::Disabled);
    }
}

impl Lists {
    fn sweep(&mut self, now: Timestamp) {
        if self.tokens.len() + self.grants.len() < self.sweep_at {
            return;
        }
        self.tokens.retain(|_, until| *until > now);
        self.grants.retain(|_, until| *until > now);
        self.sweep_at = 1024.max(2 * (self.tokens.len() + self.grants.len()));
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::{Assurance, GrantId, Issuer, Method, Subject, TokenId};

    use super::*;

    fn identity() -> Identity {
        let mut identity =
            Identity::new(Subject::from("usr_1"), Issuer::from("i"), Method::Jwt, Assurance::ShortLivedToken);
        identity.token = Some(TokenId::from("tok_1"));
        identity.grant = Some(GrantId::from("grt_1"));
        identity.client = Some(ClientId::from("cli_1"));
        identity
    }

    #[test]
    fn each_kind_of_revocation_is_found_and_others_are_not() {
        let (now, later) = (Timestamp::from_seconds(0), Timestamp::from_seconds(60));
        for (change, standing) in [
            (Change::TokenRevoked(TokenId::from("tok_1"), later), Standing::Revoked),
            (Change::TokenRevoked(TokenId::from("tok_2"), later), Standing::Good),
            (Change::GrantRevoked(GrantId::from("grt_1"), later), Standing::Revoked),
            (Change::GrantRevoked(GrantId::from("grt_2"), later), Standing::Good),
            (Change::Client(ClientId::from("cli_1")), Standing::Unknown(Some(ClientId::from("cli_1")), None)),
            (Change::Client(ClientId::from("cli_2")), Standing::Good),
            (
                Change::User(UserId::from("usr_1"), "a".parse().unwrap()),
                Standing::Unknown(None, Some(UserId::from("usr_1"))),
            ),
            (Change::SigningKeys, Standing::Good),
        ] {
            let set = RevocationSet::default();
            assert_eq!(set.standing(&identity()), Standing::Good);
            set.apply(&change, now);
            assert_eq!(set.standing(&identity()), standing, "{change:?}");
            // Somebody else's token may have the same identifiers.
            let mut foreign = identity();
            foreign.issuer_name = "partner".into();
            assert_eq!(set.standing(&foreign), Standing::Good);
        }
    }

    #[test]
    fn an_answer_that_a_newer_change_overtook_is_dropped() {
        let (set, now, client) = (RevocationSet::default(), Timestamp::EPOCH, ClientId::from("cli_1"));
        set.apply(&Change::Client(client.clone()), now);
        let asked_in = set.epoch();
        set.apply(&Change::Client(client.clone()), now);
        set.client_is(&client, true, asked_in);
        assert!(matches!(set.standing(&identity()), Standing::Unknown(..)));
        set.client_is(&client, false, set.epoch());
        assert_eq!(set.standing(&identity()), Standing::Revoked);
        set.apply(&Change::Client(client.clone()), now);
        set.client_is(&client, true, set.epoch());
        assert_eq!(set.standing(&identity()), Standing::Good);
    }

    #[test]
    fn expired_revocations_are_swept() {
        let set = RevocationSet::default();
        for second in 0..5_000 {
            let (id, now) = (TokenId::new(second.to_string()), Timestamp::from_seconds(second));
            set.apply(&Change::TokenRevoked(id, Timestamp::from_seconds(second + 1)), now);
        }
        assert!(set.lists.read().unwrap().tokens.len() <= 1024);
    }
}
