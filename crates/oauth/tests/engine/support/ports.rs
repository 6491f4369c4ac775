//! A small store in memory, as faithful to the ports as a real one, behind one lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use countersign_model::*;
use countersign_oauth::Consent;
use countersign_oauth::ports::*;

use super::decoupled::Decoupled;

#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) clients: HashMap<ClientId, Arc<Client>>,
    pub(crate) users: HashMap<UserId, User>,
    pub(crate) sessions: HashMap<SessionId, Session>,
    pub(crate) consents: HashMap<(UserId, ClientId), Consent>,
    pub(crate) grants: HashMap<GrantId, Grant>,
    pub(crate) codes: HashMap<TokenHash, (AuthorizationCode, bool)>,
    pub(crate) refresh: HashMap<TokenHash, (RefreshToken, Option<Timestamp>)>,
    pub(crate) access: HashMap<TokenId, (AccessToken, bool)>,
    pub(crate) interactions: HashMap<TokenHash, Interaction>,
    pub(crate) pushed: HashMap<TokenHash, PushedRequest>,
    pub(crate) assertions: HashMap<(ClientId, String), Timestamp>,
    pub(crate) proofs: HashMap<TokenHash, Timestamp>,
    pub(crate) decoupled: Vec<Decoupled>,
    /// Uses left of initial access tokens, and when they end.
    pub(crate) initial: HashMap<TokenHash, (u32, Timestamp)>,
    /// Registration access tokens, and until when their clients stay unless they are used.
    pub(crate) registrations: HashMap<ClientId, (Option<TokenHash>, Timestamp)>,
    pub(crate) broken: bool,
}

#[derive(Default)]
pub(crate) struct Memory(Mutex<Tables>);

pub(super) type Answer<T> = Result<T, Unavailable>;

impl Memory {
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap()
    }

    /// The tables, or the failure of a store that is out of order.
    pub(super) fn open(&self) -> Answer<MutexGuard<'_, Tables>> {
        let tables = self.tables();
        if tables.broken { Err(Unavailable("the disk is full".into())) } else { Ok(tables) }
    }
}

impl Tables {
    fn is_live(&self, grant: &GrantId) -> bool {
        self.grants.get(grant).is_some_and(|grant| grant.revoked_at.is_none())
    }

    fn counts(&self, client: &ClientId) -> bool {
        self.clients.get(client).is_some_and(|client| client.is_enabled())
    }

    fn may_sign_in(&self, session: &Session) -> bool {
        let user = self.users.get(&session.user);
        user.is_some_and(|user| user.is_enabled() && user.password_changed_at <= session.auth_time)
    }

    /// Keeps a grant if what it rests on is there.
    pub(super) fn begin_grant(&mut self, grant: &Grant, basis: Basis, now: Timestamp) -> bool {
        let session = grant.session.as_ref().and_then(|id| self.sessions.get(id));
        let in_session = session.is_some_and(|session| now < session.expires_at && self.may_sign_in(session));
        let agreed = self.consents.contains_key(&(grant.user.clone(), grant.client.clone()));
        let rests = match basis {
            Basis::Session => in_session,
            Basis::Consent => in_session && agreed,
            Basis::Voucher => true,
        };
        let begins = rests && self.counts(&grant.client);
        if begins {
            self.grants.insert(grant.id.clone(), grant.clone());
        }
        begins
    }

    fn revoke(&mut self, grant: &GrantId, now: Timestamp) {
        if let Some(grant) = self.grants.get_mut(grant) {
            grant.revoked_at.get_or_insert(now);
        }
    }

    fn found(&self, (token, revoked): &(AccessToken, bool)) -> FoundAccessToken {
        let client = self.clients.get(&token.client).is_some_and(|client| client.is_enabled());
        let user = self.users.get(&UserId::from(token.subject.as_str())).is_none_or(User::is_enabled);
        let grant = token.grant.as_ref().is_none_or(|grant| self.is_live(grant));
        FoundAccessToken { token: token.clone(), is_live: !revoked && client && user && grant }
    }
}

impl Clients for Memory {
    async fn client(&self, id: &ClientId) -> Answer<Option<Arc<Client>>> {
        Ok(self.open()?.clients.get(id).cloned())
    }
}

impl People for Memory {
    async fn user_by_name(&self, name: &Username) -> Answer<Option<User>> {
        Ok(self.open()?.users.values().find(|user| user.username == *name).cloned())
    }

    async fn user(&self, id: &UserId) -> Answer<Option<User>> {
        Ok(self.open()?.users.get(id).cloned())
    }

    async fn begin_session(&self, session: &Session, verified: &User) -> Answer<bool> {
        let mut tables = self.open()?;
        let is_the_same = |user: &User| user.password_changed_at == verified.password_changed_at;
        let may = tables.may_sign_in(session) && tables.users.get(&session.user).is_some_and(is_the_same);
        if may {
            tables.sessions.insert(session.id.clone(), session.clone());
        }
        Ok(may)
    }

    async fn session(&self, secret: &TokenHash, now: Timestamp) -> Answer<Option<Session>> {
        let tables = self.open()?;
        let session = tables.sessions.values().find(|session| session.secret == *secret);
        let user = |session: &Session| tables.users.get(&session.user).is_some_and(User::is_enabled);
        Ok(session.filter(|session| now < session.expires_at && user(session)).cloned())
    }

    async fn end_session(&self, id: &SessionId) -> Answer<()> {
        self.open()?.sessions.remove(id);
        Ok(())
    }

    async fn revoke_session(&self, id: &SessionId, offline: Offline, now: Timestamp) -> Answer<()> {
        let mut tables = self.open()?;
        tables.sessions.remove(id);
        let of_session = tables.grants.values_mut().filter(|grant| grant.session.as_ref() == Some(id));
        for grant in
            of_session.filter(|grant| offline == Offline::Ended || !grant.scopes.contains("offline_access"))
        {
            grant.revoked_at.get_or_insert(now);
        }
        Ok(())
    }
}

impl Grants for Memory {
    async fn consent(&self, user: &UserId, client: &ClientId) -> Answer<Option<Consent>> {
        Ok(self.open()?.consents.get(&(user.clone(), client.clone())).cloned())
    }

    async fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        answer: &Consent,
        _now: Timestamp,
    ) -> Answer<()> {
        let mut tables = self.open()?;
        let consent = tables.consents.entry((user.clone(), client.clone())).or_default();
        *consent = consent.followed_by(answer);
        Ok(())
    }

    async fn withdraw_consent(&self, user: &UserId, client: &ClientId, now: Timestamp) -> Answer<()> {
        let mut tables = self.open()?;
        tables.consents.remove(&(user.clone(), client.clone()));
        let given = tables.grants.values_mut().filter(|grant| grant.user == *user && grant.client == *client);
        for grant in given {
            grant.revoked_at.get_or_insert(now);
        }
        Ok(())
    }

    async fn begin_grant(&self, grant: &Grant, now: Timestamp) -> Answer<bool> {
        Ok(self.open()?.begin_grant(grant, Basis::Voucher, now))
    }

    async fn grant(&self, id: &GrantId) -> Answer<Option<Grant>> {
        Ok(self.open()?.grants.get(id).cloned())
    }

    async fn revoke_grant(&self, id: &GrantId, now: Timestamp) -> Answer<()> {
        self.open()?.revoke(id, now);
        Ok(())
    }
}

impl Codes for Memory {
    async fn store_code(&self, grant: &Grant, basis: Basis, code: &AuthorizationCode) -> Answer<bool> {
        let mut tables = self.open()?;
        let begun = tables.begin_grant(grant, basis, grant.created_at);
        if begun {
            tables.codes.insert(code.hash, (code.clone(), false));
        }
        Ok(begun)
    }

    async fn consume_code(&self, hash: &TokenHash, now: Timestamp) -> Answer<ConsumedCode> {
        let mut tables = self.open()?;
        let Some((code, spent)) = tables.codes.get_mut(hash) else { return Ok(ConsumedCode::Unknown) };
        let code = code.clone();
        if !std::mem::replace(spent, true) {
            return Ok(ConsumedCode::Fresh(Box::new(code)));
        }
        tables.revoke(&code.grant, now);
        Ok(ConsumedCode::Replayed(code.grant))
    }
}

impl RefreshTokens for Memory {
    async fn refresh_token(&self, hash: &TokenHash) -> Answer<Option<FoundRefreshToken>> {
        let tables = self.open()?;
        Ok(tables.refresh.get(hash).map(|(token, rotated_at)| FoundRefreshToken {
            token: token.clone(),
            rotated_at: *rotated_at,
            grant_is_live: tables.is_live(&token.grant),
        }))
    }

    async fn rotate_refresh_token(
        &self,
        presented: &TokenHash,
        grace_began: Timestamp,
        next: &RefreshToken,
        access: &AccessToken,
        now: Timestamp,
    ) -> Answer<Rotation> {
        let mut tables = self.open()?;
        let Some((token, rotated_at)) = tables.refresh.get(presented).cloned() else {
            return Ok(Rotation::Revoked);
        };
        if !tables.is_live(&token.grant) {
            return Ok(Rotation::Revoked);
        }
        if rotated_at.is_some_and(|rotated_at| rotated_at <= grace_began) {
            tables.revoke(&token.grant, now);
            return Ok(Rotation::Replayed);
        }
        for (other, rotated_at) in tables.refresh.values_mut() {
            if other.grant == token.grant {
                rotated_at.get_or_insert(now);
            }
        }
        tables.refresh.insert(next.hash, (next.clone(), None));
        tables.access.insert(access.id.clone(), (access.clone(), false));
        Ok(Rotation::Rotated)
    }
}

impl AccessTokens for Memory {
    async fn record_issuance(
        &self,
        access: &AccessToken,
        refresh: Option<&RefreshToken>,
    ) -> Answer<Recorded> {
        let mut tables = self.open()?;
        let rests = match &access.grant {
            Some(grant) => tables.is_live(grant),
            None => tables.clients.contains_key(&access.client),
        };
        if !rests {
            return Ok(Recorded::Revoked);
        }
        tables.access.insert(access.id.clone(), (access.clone(), false));
        if let Some(refresh) = refresh {
            tables.refresh.insert(refresh.hash, (refresh.clone(), None));
        }
        Ok(Recorded::Kept)
    }

    async fn access_token(&self, id: &TokenId) -> Answer<Option<FoundAccessToken>> {
        let tables = self.open()?;
        Ok(tables.access.get(id).map(|found| tables.found(found)))
    }

    async fn reference_token(&self, hash: &TokenHash) -> Answer<Option<FoundAccessToken>> {
        let tables = self.open()?;
        let found = tables.access.values().find(|(token, _)| token.reference == Some(*hash));
        Ok(found.map(|found| tables.found(found)))
    }

    async fn revoke_access_token(&self, id: &TokenId, _now: Timestamp) -> Answer<()> {
        if let Some((_, revoked)) = self.open()?.access.get_mut(id) {
            *revoked = true;
        }
        Ok(())
    }

    async fn replace_access_token(
        &self,
        old: &TokenId,
        next: &AccessToken,
        _now: Timestamp,
    ) -> Answer<Recorded> {
        let mut tables = self.open()?;
        let is_live = next.grant.as_ref().is_some_and(|grant| tables.is_live(grant));
        match tables.access.get_mut(old) {
            Some((_, revoked)) if is_live && !*revoked => *revoked = true,
            Some(_) | None => return Ok(Recorded::Revoked),
        }
        tables.access.insert(next.id.clone(), (next.clone(), false));
        Ok(Recorded::Kept)
    }
}

impl Interactions for Memory {
    async fn keep_interaction(&self, interaction: &Interaction) -> Answer<()> {
        self.open()?.interactions.insert(interaction.hash, interaction.clone());
        Ok(())
    }

    async fn interaction(&self, hash: &TokenHash, now: Timestamp) -> Answer<Option<Interaction>> {
        Ok(self.open()?.interactions.get(hash).filter(|waiting| now < waiting.expires_at).cloned())
    }

    async fn consume_interaction(&self, hash: &TokenHash, now: Timestamp) -> Answer<Option<Interaction>> {
        Ok(self.open()?.interactions.remove(hash).filter(|waiting| now < waiting.expires_at))
    }
}

impl Assertions for Memory {
    async fn remember_assertion(&self, client: &ClientId, jti: &str, expires_at: Timestamp) -> Answer<bool> {
        let key = (client.clone(), jti.to_owned());
        Ok(self.open()?.assertions.insert(key, expires_at).is_none())
    }
}

impl Registrations for Memory {
    async fn initial_access_token_counts(&self, hash: &TokenHash, now: Timestamp) -> Answer<bool> {
        let tables = self.open()?;
        Ok(tables.initial.get(hash).is_some_and(|(left, ends)| *left > 0 && now < *ends))
    }

    async fn register_client(&self, new: NewRegistration) -> Answer<Registered> {
        let mut tables = self.open()?;
        if tables.registrations.len() >= new.most_clients as usize {
            return Ok(Registered::Full);
        }
        if let Some(initial) = &new.initial {
            match tables.initial.get_mut(initial) {
                Some((left, ends)) if *left > 0 && new.now < *ends => *left -= 1,
                _ => return Ok(Registered::TokenSpent),
            }
        }
        let id = new.client.client_id.clone();
        tables.registrations.insert(id.clone(), (Some(new.token), new.expires_at));
        tables.clients.insert(id, new.client);
        Ok(Registered::Kept)
    }

    async fn registration_token(&self, id: &ClientId) -> Answer<Option<TokenHash>> {
        Ok(self.open()?.registrations.get(id).and_then(|(token, _)| *token))
    }

    async fn replace_registration(
        &self,
        presented: &TokenHash,
        client: &Client,
        next: &TokenHash,
        _now: Timestamp,
    ) -> Answer<bool> {
        let mut tables = self.open()?;
        match tables.registrations.get_mut(&client.client_id) {
            Some((token, _)) if *token == Some(*presented) => *token = Some(*next),
            _ => return Ok(false),
        }
        tables.clients.insert(client.client_id.clone(), Arc::new(client.clone()));
        Ok(true)
    }

    async fn delete_registration(
        &self,
        id: &ClientId,
        presented: &TokenHash,
        now: Timestamp,
    ) -> Answer<bool> {
        let mut tables = self.open()?;
        if tables.registrations.get(id).is_none_or(|(token, _)| *token != Some(*presented)) {
            return Ok(false);
        }
        tables.registrations.remove(id);
        tables.clients.remove(id);
        let grants = tables.grants.values().filter(|grant| grant.client == *id);
        let grants: Vec<GrantId> = grants.map(|grant| grant.id.clone()).collect();
        for grant in grants {
            tables.revoke(&grant, now);
        }
        Ok(true)
    }

    async fn keep_registration(&self, id: &ClientId, expires_at: Timestamp) -> Answer<()> {
        if let Some((_, ends)) = self.open()?.registrations.get_mut(id) {
            *ends = (*ends).max(expires_at);
        }
        Ok(())
    }

    async fn keep_documented_client(&self, documented: DocumentedClient) -> Answer<Option<Arc<Client>>> {
        let mut tables = self.open()?;
        let mut client = documented.client;
        match tables.clients.get(&client.client_id) {
            Some(known) => (client.status, client.created_at) = (known.status, known.created_at),
            None if tables.registrations.len() >= documented.most_clients as usize => return Ok(None),
            None => {
                tables.registrations.insert(client.client_id.clone(), (None, documented.expires_at));
            }
        }
        let client = Arc::new(client);
        tables.clients.insert(client.client_id.clone(), client.clone());
        Ok(Some(client))
    }
}

impl PushedRequests for Memory {
    async fn keep_pushed_request(&self, request: &PushedRequest) -> Answer<()> {
        self.open()?.pushed.insert(request.hash, request.clone());
        Ok(())
    }

    async fn pushed_request(&self, hash: &TokenHash) -> Answer<Option<PushedRequest>> {
        Ok(self.open()?.pushed.get(hash).cloned())
    }

    async fn consume_pushed_request(&self, hash: &TokenHash) -> Answer<bool> {
        Ok(self.open()?.pushed.remove(hash).is_some())
    }
}

impl Proofs for Memory {
    async fn remember_proof(&self, id: &TokenHash, until: Timestamp) -> Answer<bool> {
        Ok(self.open()?.proofs.insert(*id, until).is_none())
    }
}

impl Applications for Memory {
    async fn register_application(&self, client: &Client, owner: &UserId, most: u32) -> Answer<Registered> {
        let mut tables = self.open()?;
        let has = tables.clients.values().filter(|client| client.owner.as_ref() == Some(owner)).count();
        if has >= most as usize {
            return Ok(Registered::Full);
        }
        tables.clients.insert(client.client_id.clone(), Arc::new(client.clone()));
        Ok(Registered::Kept)
    }

    async fn applications(&self, owner: &UserId) -> Answer<Vec<Arc<Client>>> {
        let tables = self.open()?;
        let own = tables.clients.values().filter(|client| client.owner.as_ref() == Some(owner));
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_by(|one, other| one.client_id.as_str().cmp(other.client_id.as_str()));
        Ok(own)
    }

    async fn change_application(&self, before: &Client, after: &Client, _now: Timestamp) -> Answer<bool> {
        let mut tables = self.open()?;
        match tables.clients.get_mut(&before.client_id) {
            Some(known) if **known == *before => {
                *known = Arc::new(after.clone());
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    async fn delete_application(&self, id: &ClientId, owner: &UserId, _now: Timestamp) -> Answer<bool> {
        let mut tables = self.open()?;
        let is_own = tables.clients.get(id).is_some_and(|client| client.owner.as_ref() == Some(owner));
        Ok(is_own && tables.clients.remove(id).is_some())
    }
}
