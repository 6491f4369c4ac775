//! Decoupled requests that wait for a person who is named in them (OpenID Connect CIBA).

use std::time::Duration;

use countersign_model::{Timestamp, UserId};
use countersign_oauth::ports::{
    BackchannelLimits, BackchannelRequests, BegunBackchannel, DecoupledRequest, Unavailable,
};

use crate::decoupled::micros;
use crate::sql::{Param, json, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store, read_all};

statements! {
    /// Holds the person's row until the transaction ends, so that requests for one person are counted one after another.
    HOLD_PERSON = "UPDATE users SET status = status WHERE id = ?1";
    COUNT = "SELECT \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id = ?1 AND state = 'pending' AND expires_at > ?3), \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id = ?1 AND client_id = ?2 \
            AND state IN ('pending', 'denied') AND expires_at > ?3), \
        (SELECT COUNT(*) FROM decoupled_requests WHERE user_id IS NOT NULL AND client_id = ?2 \
            AND state = 'pending' AND expires_at > ?3)";
    INSERT = "INSERT INTO decoupled_requests \
        (hash, handle, kind, client_id, document, state, pace, too_fast, looks, expires_at, user_id) \
        VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, 0, 0, ?7, ?8)";
    WAITING = "SELECT document FROM decoupled_requests \
        WHERE user_id = ?1 AND state = 'pending' AND expires_at > ?2 ORDER BY expires_at, hash LIMIT ?3";
}

/// Most requests that are shown to one person.
const MOST_SHOWN: u32 = 100;

struct Begin(DecoupledRequest, UserId, Duration, BackchannelLimits);

impl Write for Begin {
    type Output = BegunBackchannel;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<BegunBackchannel> {
        let Self(request, user, pace, limits) = self;
        tx.execute(&HOLD_PERSON, params![user]).await?;
        let counts = params![user, &request.client, request.created_at];
        if let Some(mut row) = tx.optional(&COUNT, counts).await? {
            for limit in [limits.person, limits.pair, limits.client] {
                if row.int()? >= i64::from(limit) {
                    return Ok(BegunBackchannel::TooMany);
                }
            }
        }
        let values = [
            Param::from(&request.hash),
            Param::from(&request.handle),
            Param::from(request.kind.as_str()),
            Param::from(&request.client),
            json(request)?,
            Param::from(micros(*pace)),
            Param::from(request.expires_at),
            Param::from(user),
        ];
        tx.execute(&INSERT, &values).await?;
        Ok(BegunBackchannel::Kept)
    }
}

impl BackchannelRequests for Store {
    async fn begin_backchannel(
        &self,
        request: &DecoupledRequest,
        pace: Duration,
        limits: BackchannelLimits,
    ) -> Result<BegunBackchannel, Unavailable> {
        let named = request.backchannel.as_ref().map(|asked| asked.user.clone());
        let user = named.ok_or_else(|| Unavailable("a backchannel request names nobody".into()))?;
        Ok(self.write(Begin(request.clone(), user, pace, limits)).await?)
    }

    async fn waiting_backchannel(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<DecoupledRequest>, Unavailable> {
        let rows = self.many(&WAITING, params![user, now, MOST_SHOWN]).await?;
        Ok(read_all(rows, |mut row| row.json())?)
    }
}
