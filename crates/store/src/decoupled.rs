//! Requests that a person decides elsewhere (RFC 8628, OpenID Connect CIBA).

use std::time::Duration;

use countersign_model::{Timestamp, TokenHash};
use countersign_oauth::ports::{
    Approval, Basis, DecoupledRequest, DecoupledRequests, Grant, Poll, PollRequest, Unavailable,
};

use crate::sql::{Param, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, grants};

statements! {
    INSERT = "INSERT INTO decoupled_requests \
        (hash, handle, kind, client_id, document, state, pace, too_fast, looks, expires_at, user_id, pings, by_stranger) \
        VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, 0, 0, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    /// Everything a poll does, in one statement: of many who poll an approved request at once, one turns it into a
    /// redeemed one and gets the row, and the others find none.
    POLL = "UPDATE decoupled_requests SET \
        too_fast = CASE WHEN state = 'pending' AND polled_at IS NOT NULL AND ?4 < polled_at + pace THEN 1 ELSE 0 END, \
        pace = CASE WHEN state = 'pending' AND polled_at IS NOT NULL AND ?4 < polled_at + pace \
            THEN pace + ?5 ELSE pace END, \
        polled_at = ?4, \
        state = CASE WHEN state = 'approved' AND expires_at > ?4 THEN 'redeemed' ELSE state END \
        WHERE hash = ?1 AND kind = ?2 AND client_id = ?3 AND state <> 'redeemed' \
        RETURNING state, too_fast, expires_at, document, approval";
    LOOK_UP = "UPDATE decoupled_requests SET looks = looks + 1 \
        WHERE handle = ?1 AND state = 'pending' AND expires_at > ?2 AND looks < ?3 RETURNING document";
    WAITING = "SELECT document FROM decoupled_requests WHERE handle = ?1 AND state = 'pending' AND expires_at > ?2";
    /// Whether there is something to tell the client is written with the decision itself: neither can be lost alone.
    APPROVE = "UPDATE decoupled_requests SET state = 'approved', approval = ?2, \
        ping_at = CASE WHEN pings = 1 THEN ?3 ELSE ping_at END \
        WHERE handle = ?1 AND state = 'pending' AND expires_at > ?3 RETURNING expires_at";
    DENY = "UPDATE decoupled_requests SET state = 'denied', \
        ping_at = CASE WHEN pings = 1 THEN ?2 ELSE ping_at END \
        WHERE handle = ?1 AND state = 'pending' AND expires_at > ?2";
}

/// Microseconds, as the times are.
pub(crate) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// Writes a new request of either flow; `false` when its handle or hash is taken.
pub(crate) async fn insert(tx: &mut Tx<'_>, request: &DecoupledRequest, pace: Duration) -> Result<bool> {
    let asked = request.backchannel.as_ref();
    let values = [
        Param::from(&request.hash),
        Param::from(&request.handle),
        Param::from(request.kind.as_str()),
        Param::from(&request.client),
        json(request)?,
        Param::from(micros(pace)),
        Param::from(request.expires_at),
        Param::from(asked.map(|asked| &asked.user)),
        Param::from(asked.is_some_and(|asked| asked.ping.is_some())),
        Param::from(asked.is_some_and(|asked| asked.by_stranger)),
    ];
    Ok(tx.execute(&INSERT, &values).await? == 1)
}

struct Begin {
    request: DecoupledRequest,
    pace: Duration,
}

impl Write for Begin {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        insert(tx, &self.request, self.pace).await
    }
}

impl Write for PollRequest {
    type Output = Poll;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Poll> {
        let Self { kind, hash, client, slower, now } = self;
        let values = params![hash, kind.as_str(), client, *now, micros(*slower)];
        let Some(mut row) = tx.optional(&POLL, values).await? else { return Ok(Poll::Unknown) };
        let (state, too_fast, expires_at) = (row.text()?, row.flag()?, row.time()?);
        match state.as_str() {
            "redeemed" => Ok(Poll::Approved(Box::new((row.json()?, row.json()?)))),
            "denied" => Ok(Poll::Denied),
            _ if expires_at <= *now => Ok(Poll::Expired),
            "pending" if too_fast => Ok(Poll::TooFast),
            "pending" => Ok(Poll::Pending),
            other => Err(StoreError::Unreadable(format!("a decoupled request is {other:?}"))),
        }
    }
}

struct LookUp(TokenHash, u32, Timestamp);

impl Write for LookUp {
    type Output = Option<DecoupledRequest>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<DecoupledRequest>> {
        let Self(handle, most, now) = self;
        let row = tx.optional(&LOOK_UP, params![handle, *now, *most]).await?;
        row.map(|mut row| row.json()).transpose()
    }
}

struct Approve {
    handle: TokenHash,
    grant: Grant,
    basis: Basis,
    approval: Approval,
    now: Timestamp,
}

impl Write for Approve {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self { handle, grant, basis, approval, now } = self;
        if !grants::rests(tx, grant, *basis, *now).await? {
            return Ok(false);
        }
        let values = [Param::from(handle), json(approval)?, Param::from(*now)];
        let Some(mut row) = tx.optional(&APPROVE, &values).await? else { return Ok(false) };
        grants::insert(tx, grant, row.time()?).await?;
        Ok(true)
    }
}

struct Deny(TokenHash, Timestamp);

impl Write for Deny {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        Ok(tx.execute(&DENY, params![&self.0, self.1]).await? == 1)
    }
}

impl DecoupledRequests for Store {
    async fn begin_decoupled(&self, request: &DecoupledRequest, pace: Duration) -> Result<bool, Unavailable> {
        Ok(self.write(Begin { request: request.clone(), pace }).await?)
    }

    async fn poll_decoupled(&self, poll: PollRequest) -> Result<Poll, Unavailable> {
        Ok(self.write(poll).await?)
    }

    async fn look_up_decoupled(
        &self,
        handle: &TokenHash,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<DecoupledRequest>, Unavailable> {
        Ok(self.write(LookUp(*handle, most, now)).await?)
    }

    async fn waiting_decoupled(
        &self,
        handle: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<DecoupledRequest>, Unavailable> {
        let row = self.one(&WAITING, params![handle, now]).await?;
        Ok(row.map(|mut row| row.json()).transpose()?)
    }

    async fn approve_decoupled(
        &self,
        handle: &TokenHash,
        (grant, basis): (&Grant, Basis),
        approval: &Approval,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let (handle, grant, approval) = (*handle, grant.clone(), approval.clone());
        Ok(self.write(Approve { handle, grant, basis, approval, now }).await?)
    }

    async fn deny_decoupled(&self, handle: &TokenHash, now: Timestamp) -> Result<bool, Unavailable> {
        Ok(self.write(Deny(*handle, now)).await?)
    }
}
