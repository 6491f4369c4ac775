//! Decoupled requests that wait for a person who is named in them (OpenID Connect CIBA).

use std::time::Duration;

use countersign_model::{Timestamp, TokenHash, UserId};
use countersign_oauth::ports::{
    BackchannelLimits, BackchannelRequests, BegunBackchannel, DecoupledRequest, Unavailable,
};

use crate::decoupled::{insert, micros};
use crate::sql::{params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, StoreError, read_all};

statements! {
    /// Holds the person's row until the transaction ends, so that requests for one person are counted one after another.
    HOLD_PERSON = "UPDATE users SET status = status WHERE id = ?1";
    COUNT = "SELECT \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id = ?1 AND by_stranger = 0 \
            AND state = 'pending' AND expires_at > ?3), \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id = ?1 AND by_stranger = 1 \
            AND state IN ('pending', 'denied') AND expires_at > ?3), \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id = ?1 AND client_id = ?2 \
            AND state IN ('pending', 'denied') AND expires_at > ?3), \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id IS NOT NULL AND client_id = ?2 \
            AND state = 'pending' AND expires_at > ?3)";
    WAITING = "SELECT document FROM decoupled_requests \
        WHERE user_id = ?1 AND state = 'pending' AND expires_at > ?2 ORDER BY expires_at, hash LIMIT ?3";
    /// Mostly nothing is due, and finding that out should write nothing.
    IS_DUE = "SELECT 1 FROM decoupled_requests WHERE ping_at <= ?1 LIMIT 1";
    GIVE_UP = "UPDATE decoupled_requests SET ping_at = NULL \
        WHERE ping_at <= ?1 AND (ping_tries >= ?2 OR expires_at <= ?1)";
    /// The time is looked at once more in the row that is changed: whoever waited for another node finds it moved on.
    TAKE = "UPDATE decoupled_requests SET ping_tries = ping_tries + 1, \
        ping_at = ?1 + ?2 * (ping_tries + 1) * (ping_tries + 1) \
        WHERE ping_at <= ?1 AND hash IN \
            (SELECT hash FROM decoupled_requests WHERE ping_at <= ?1 ORDER BY ping_at LIMIT ?3) RETURNING document";
    FORGET = "UPDATE decoupled_requests SET ping_at = NULL WHERE hash = ?1";
}

/// Most requests that are shown to one person.
const MOST_SHOWN: u32 = 100;

struct Begin {
    request: DecoupledRequest,
    user: UserId,
    by_stranger: bool,
    pace: Duration,
    limits: BackchannelLimits,
}

impl Write for Begin {
    type Output = BegunBackchannel;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<BegunBackchannel> {
        let Self { request, user, by_stranger, pace, limits } = self;
        tx.execute(&HOLD_PERSON, params![user]).await?;
        let counts = params![user, &request.client, request.created_at];
        if let Some(mut row) = tx.optional(&COUNT, counts).await? {
            let of_person = [(!by_stranger, limits.person), (*by_stranger, limits.strangers)];
            for (counts, limit) in of_person.into_iter().chain([(true, limits.pair), (true, limits.client)]) {
                if row.int()? >= i64::from(limit) && counts {
                    return Ok(BegunBackchannel::TooMany);
                }
            }
        }
        // Its names are random and long: one that is taken is a fault of ours.
        if insert(tx, request, *pace).await? {
            Ok(BegunBackchannel::Kept)
        } else {
            Err(StoreError::Unreadable("a backchannel request has the name of another".into()))
        }
    }
}

struct Take {
    now: Timestamp,
    pace: Duration,
    most_tries: u32,
    most: u32,
}

impl Write for Take {
    type Output = Vec<DecoupledRequest>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<DecoupledRequest>> {
        let Self { now, pace, most_tries, most } = self;
        tx.execute(&GIVE_UP, params![*now, *most_tries]).await?;
        let rows = tx.all(&TAKE, params![*now, micros(*pace), *most]).await?;
        read_all(rows, |mut row| row.json())
    }
}

struct Forget(TokenHash);

impl Write for Forget {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(&FORGET, params![&self.0]).await.map(drop)
    }
}

impl BackchannelRequests for Store {
    async fn begin_backchannel(
        &self,
        request: &DecoupledRequest,
        pace: Duration,
        limits: BackchannelLimits,
    ) -> Result<BegunBackchannel, Unavailable> {
        let asked = request.backchannel.as_ref();
        let asked = asked.ok_or_else(|| Unavailable("a backchannel request names nobody".into()))?;
        let (user, by_stranger) = (asked.user.clone(), asked.by_stranger);
        Ok(self.write(Begin { request: request.clone(), user, by_stranger, pace, limits }).await?)
    }

    async fn waiting_backchannel(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<DecoupledRequest>, Unavailable> {
        let rows = self.many(&WAITING, params![user, now, MOST_SHOWN]).await?;
        Ok(read_all(rows, |mut row| row.json())?)
    }

    async fn take_pings(
        &self,
        now: Timestamp,
        pace: Duration,
        most_tries: u32,
        most: u32,
    ) -> Result<Vec<DecoupledRequest>, Unavailable> {
        if self.one(&IS_DUE, params![now]).await?.is_none() {
            return Ok(Vec::new());
        }
        Ok(self.write(Take { now, pace, most_tries, most }).await?)
    }

    async fn forget_ping(&self, hash: &TokenHash) -> Result<(), Unavailable> {
        Ok(self.write(Forget(*hash)).await?)
    }
}
