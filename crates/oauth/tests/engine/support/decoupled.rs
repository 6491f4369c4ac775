//! Requests that a person answers on another device, in memory: the flow of device codes and CIBA.

use std::time::Duration;

use countersign_model::*;
use countersign_oauth::ports::*;

use super::ports::{Answer, Memory, Tables};

/// A decoupled request and what became of it.
pub(crate) struct Decoupled {
    request: DecoupledRequest,
    pace: Duration,
    polled_at: Option<Timestamp>,
    looks: u32,
    state: State,
    ping_at: Option<Timestamp>,
    ping_tries: u32,
}

impl Decoupled {
    fn new(request: &DecoupledRequest, pace: Duration) -> Self {
        let request = request.clone();
        Self { request, pace, polled_at: None, looks: 0, state: State::Pending, ping_at: None, ping_tries: 0 }
    }

    fn decide(&mut self, state: State, now: Timestamp) {
        self.state = state;
        let pings = self.request.backchannel.as_ref().is_some_and(|asked| asked.ping.is_some());
        self.ping_at = pings.then_some(now);
    }
}

#[derive(Clone)]
enum State {
    Pending,
    Approved(Approval),
    Denied,
    Redeemed,
}

impl Tables {
    /// Everything that is kept of decoupled requests, as a store would write it.
    pub(crate) fn decoupled_documents(&self) -> String {
        let documents: Vec<_> = self.decoupled.iter().map(|one| &one.request).collect();
        serde_json::to_string(&documents).unwrap()
    }

    /// Puts what two requests would be pinged with in each other's place.
    pub(crate) fn swap_pings(&mut self) {
        let mut sealed: Vec<_> =
            self.decoupled.iter().map(|one| one.request.backchannel.as_ref().unwrap().ping.clone()).collect();
        sealed.reverse();
        for (one, sealed) in self.decoupled.iter_mut().zip(sealed) {
            one.request.backchannel.as_mut().unwrap().ping = sealed;
        }
    }

    fn waiting(&mut self, handle: &TokenHash, now: Timestamp) -> Option<&mut Decoupled> {
        let waits = |one: &&mut Decoupled| {
            one.request.handle == *handle
                && matches!(one.state, State::Pending)
                && now < one.request.expires_at
        };
        self.decoupled.iter_mut().find(waits)
    }
}

impl DecoupledRequests for Memory {
    async fn begin_decoupled(&self, request: &DecoupledRequest, pace: Duration) -> Answer<bool> {
        let mut tables = self.open()?;
        if tables.decoupled.iter().any(|known| known.request.handle == request.handle) {
            return Ok(false);
        }
        tables.decoupled.push(Decoupled::new(request, pace));
        Ok(true)
    }

    async fn poll_decoupled(&self, poll: PollRequest) -> Answer<Poll> {
        let PollRequest { kind, hash, client, slower, now } = poll;
        let mut tables = self.open()?;
        let found = tables.decoupled.iter_mut().find(|one| {
            let request = &one.request;
            request.kind == kind && request.hash == hash && request.client == client
        });
        let Some(found) = found else { return Ok(Poll::Unknown) };
        let early = found.polled_at.is_some_and(|at| now < at.plus(found.pace));
        found.polled_at = Some(now);
        let ended = found.request.expires_at <= now;
        match found.state.clone() {
            State::Redeemed => Ok(Poll::Unknown),
            State::Denied => Ok(Poll::Denied),
            State::Pending | State::Approved(_) if ended => Ok(Poll::Expired),
            State::Approved(approval) => {
                found.state = State::Redeemed;
                Ok(Poll::Approved(Box::new((found.request.clone(), approval))))
            }
            State::Pending if early => {
                found.pace += slower;
                Ok(Poll::TooFast)
            }
            State::Pending => Ok(Poll::Pending),
        }
    }

    async fn look_up_decoupled(
        &self,
        handle: &TokenHash,
        most: u32,
        now: Timestamp,
    ) -> Answer<Option<DecoupledRequest>> {
        let mut tables = self.open()?;
        let Some(found) = tables.waiting(handle, now).filter(|found| found.looks < most) else {
            return Ok(None);
        };
        found.looks += 1;
        Ok(Some(found.request.clone()))
    }

    async fn waiting_decoupled(
        &self,
        handle: &TokenHash,
        now: Timestamp,
    ) -> Answer<Option<DecoupledRequest>> {
        Ok(self.open()?.waiting(handle, now).map(|found| found.request.clone()))
    }

    async fn approve_decoupled(
        &self,
        handle: &TokenHash,
        (grant, basis): (&Grant, Basis),
        approval: &Approval,
        now: Timestamp,
    ) -> Answer<bool> {
        let mut tables = self.open()?;
        if tables.waiting(handle, now).is_none() || !tables.begin_grant(grant, basis, now) {
            return Ok(false);
        }
        let Some(found) = tables.waiting(handle, now) else { return Ok(false) };
        found.decide(State::Approved(approval.clone()), now);
        Ok(true)
    }

    async fn deny_decoupled(&self, handle: &TokenHash, now: Timestamp) -> Answer<bool> {
        let mut tables = self.open()?;
        let Some(found) = tables.waiting(handle, now) else { return Ok(false) };
        found.decide(State::Denied, now);
        Ok(true)
    }
}

impl BackchannelRequests for Memory {
    async fn begin_backchannel(
        &self,
        request: &DecoupledRequest,
        pace: Duration,
        limits: BackchannelLimits,
    ) -> Answer<BegunBackchannel> {
        let mut tables = self.open()?;
        let BackchannelRequest { user, by_stranger, .. } = request.backchannel.clone().unwrap();
        let count = |counts: &dyn Fn(&Decoupled) -> bool| {
            let alive = |one: &&Decoupled| request.created_at < one.request.expires_at && counts(one);
            u32::try_from(tables.decoupled.iter().filter(alive).count()).unwrap()
        };
        let of = |one: &Decoupled| one.request.backchannel.as_ref().is_some_and(|asked| asked.user == user);
        let alike = |one: &Decoupled| {
            of(one) && one.request.backchannel.as_ref().is_some_and(|asked| asked.by_stranger == by_stranger)
        };
        let from = |one: &Decoupled| one.request.client == request.client;
        let pending = |one: &Decoupled| matches!(one.state, State::Pending);
        let open = |one: &Decoupled| matches!(one.state, State::Pending | State::Denied);
        let of_person = if by_stranger {
            count(&|one| alike(one) && open(one)) >= limits.strangers
        } else {
            count(&|one| alike(one) && pending(one)) >= limits.person
        };
        if of_person
            || count(&|one| of(one) && from(one) && open(one)) >= limits.pair
            || count(&|one| one.request.backchannel.is_some() && from(one) && pending(one)) >= limits.client
        {
            return Ok(BegunBackchannel::TooMany);
        }
        tables.decoupled.push(Decoupled::new(request, pace));
        Ok(BegunBackchannel::Kept)
    }

    async fn waiting_backchannel(&self, user: &UserId, now: Timestamp) -> Answer<Vec<DecoupledRequest>> {
        let tables = self.open()?;
        let theirs = |one: &&Decoupled| {
            matches!(one.state, State::Pending)
                && now < one.request.expires_at
                && one.request.backchannel.as_ref().is_some_and(|asked| asked.user == *user)
        };
        Ok(tables.decoupled.iter().filter(theirs).map(|one| one.request.clone()).collect())
    }

    async fn take_pings(
        &self,
        now: Timestamp,
        pace: Duration,
        most_tries: u32,
        most: u32,
    ) -> Answer<Vec<DecoupledRequest>> {
        let mut tables = self.open()?;
        let is_due = |one: &&mut Decoupled| {
            one.ping_at.is_some_and(|at| at <= now)
                && one.ping_tries < most_tries
                && now < one.request.expires_at
        };
        let mut taken = Vec::new();
        for one in tables.decoupled.iter_mut().filter(is_due).take(most as usize) {
            one.ping_tries += 1;
            one.ping_at = Some(now.plus(pace * one.ping_tries * one.ping_tries));
            taken.push(one.request.clone());
        }
        Ok(taken)
    }

    async fn forget_ping(&self, hash: &TokenHash) -> Answer<()> {
        for one in self.open()?.decoupled.iter_mut().filter(|one| one.request.hash == *hash) {
            one.ping_at = None;
        }
        Ok(())
    }
}
