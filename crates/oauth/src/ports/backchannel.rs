//! What backchannel authentication (OpenID Connect CIBA) adds to the life of decoupled requests: the person is named
//! from the start, and is not to be pestered.

use std::future::Future;
use std::time::Duration;

use countersign_model::{Timestamp, TokenHash, UserId};
use serde::{Deserialize, Serialize};

use super::{Answer, DecoupledRequest};

/// What a backchannel request says beside what every decoupled request does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackchannelRequest {
    /// Its name on the person's page. No secret: only that person can do anything with it.
    pub id: String,
    /// Who is asked.
    pub user: UserId,
    /// What both of the person's screens show (CIBA §7.1).
    pub binding_message: Option<String>,
    /// The classes of sign-ins that are asked for, as far as there are such.
    pub acr_values: Vec<String>,
    /// Whether the client is another than the operator's own: those that register themselves, or whom somebody registers
    /// for themselves.
    #[serde(default)]
    pub by_stranger: bool,
    /// What the client is pinged with once it is decided, sealed (CIBA §10.2); `None`: it polls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping: Option<String>,
}

/// How many requests may wait at once, so that nobody is pestered (CIBA §14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackchannelLimits {
    /// Of one person, from the clients of the operator.
    pub person: u32,
    /// Of one person, from all other clients together; those that the person refused count until they end. Counted
    /// apart, so that whoever registers a few clients keeps nobody's bank out, and gets no other try with each.
    pub strangers: u32,
    /// Of one client to one person; those that the person refused count until they end.
    pub pair: u32,
    /// Of one client.
    pub client: u32,
}

/// What became of a new request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BegunBackchannel {
    /// It waits for its person.
    Kept,
    /// As many as may wait already.
    TooMany,
}

/// Requests that wait for a person who is named in them.
pub trait BackchannelRequests: Send + Sync {
    /// Keeps a new one, to be polled at this pace at most, if there is room. Of two that come at the same instant for
    /// one person, the second counts the first.
    fn begin_backchannel(
        &self,
        request: &DecoupledRequest,
        pace: Duration,
        limits: BackchannelLimits,
    ) -> impl Future<Output = Answer<BegunBackchannel>> + Send;
    /// Those that wait for this person, oldest first.
    fn waiting_backchannel(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Vec<DecoupledRequest>>> + Send;
    /// Takes decided requests whose clients are to be pinged now, in one statement, so that of two nodes one gets each.
    /// One comes again, unless it is forgotten, `pace` after the first time, four times that after the second and so on,
    /// `most_tries` times at most and never after the request has ended.
    fn take_pings(
        &self,
        now: Timestamp,
        pace: Duration,
        most_tries: u32,
        most: u32,
    ) -> impl Future<Output = Answer<Vec<DecoupledRequest>>> + Send;
    /// Its client was told, or never will be.
    fn forget_ping(&self, hash: &TokenHash) -> impl Future<Output = Answer<()>> + Send;
}
