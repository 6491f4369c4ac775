//! Requests that a person decides elsewhere than where they were made: the device flow (RFC 8628) and backchannel
//! authentication (OpenID Connect CIBA). One life cycle for both: waiting, approved or denied, redeemed.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use countersign_model::{ClientId, GrantId, ScopeSet, SessionId, Timestamp, TokenHash, UserId};
use serde::{Deserialize, Serialize};

use super::{Answer, AuthenticationEvent, BackchannelRequest, Basis, Grant};

/// Which flow a request belongs to. What one flow gave out is nothing in the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecoupledKind {
    /// RFC 8628.
    Device,
    /// OpenID Connect CIBA.
    Backchannel,
}

impl DecoupledKind {
    /// Its word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Backchannel => "backchannel",
        }
    }
}

/// A request that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecoupledRequest {
    /// Hash of what the client polls with: `device_code` (RFC 8628 §3.2), `auth_req_id` (CIBA §7.3).
    pub hash: TokenHash,
    /// Hash of what the person finds it by: the user code, or the name it has on their page.
    pub handle: TokenHash,
    /// Which flow it belongs to.
    pub kind: DecoupledKind,
    /// Who asks.
    pub client: ClientId,
    /// For what.
    pub scopes: ScopeSet,
    /// For which resources (RFC 8707).
    pub resources: Vec<String>,
    /// Where the request came from, so that the person can judge it (RFC 8628 §5.4).
    pub address: Option<IpAddr>,
    /// What more there is of it in the backchannel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel: Option<BackchannelRequest>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a person agreed to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// The family that begins with it.
    pub grant: GrantId,
    /// Who agreed.
    pub user: UserId,
    /// In which session.
    pub session: Option<SessionId>,
    /// How they had signed in.
    pub authentication: AuthenticationEvent,
    /// To what.
    pub scopes: ScopeSet,
}

/// A client asks whether the person has decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PollRequest {
    /// In which flow.
    pub kind: DecoupledKind,
    /// Hash of what it polls with.
    pub hash: TokenHash,
    /// Who polls.
    pub client: ClientId,
    /// How much slower it must go when it comes too early.
    pub slower: Duration,
    /// When it comes.
    pub now: Timestamp,
}

/// What became of a poll.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Poll {
    /// The person agreed, and this caller, and no other, has it now.
    Approved(Box<(DecoupledRequest, Approval)>),
    /// The person has not decided.
    Pending,
    /// The person has not decided, and this poll came too early: the pace has been slowed by this very call.
    TooFast,
    /// The person said no.
    Denied,
    /// It ended before anybody decided, or before it was fetched.
    Expired,
    /// Nothing of this kind for this client, or it was redeemed before.
    Unknown,
}

/// Requests that a person decides elsewhere.
pub trait DecoupledRequests: Send + Sync {
    /// Keeps a new one, to be polled at this pace at most; `false` when its handle or hash is taken.
    fn begin_decoupled(
        &self,
        request: &DecoupledRequest,
        pace: Duration,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// A client asks whether the person has decided. Redeeming what was approved, noting the time, and slowing the
    /// pace when it came too early are one statement.
    fn poll_decoupled(&self, poll: PollRequest) -> impl Future<Output = Answer<Poll>> + Send;
    /// A person looks for the request of this handle for the first time. It is shown so often at most: a code that
    /// many people type was sent round, and is no good any more (RFC 8628 §5.4).
    fn look_up_decoupled(
        &self,
        handle: &TokenHash,
        most: u32,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Option<DecoupledRequest>>> + Send;
    /// The request of this handle while it waits, for whom it was shown to already.
    fn waiting_decoupled(
        &self,
        handle: &TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Answer<Option<DecoupledRequest>>> + Send;
    /// Decides it and begins its grant, in one transaction; `false` when it no longer waits, or when what the grant rests
    /// on is no more.
    fn approve_decoupled(
        &self,
        handle: &TokenHash,
        given: (&Grant, Basis),
        approval: &Approval,
        now: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// Decides it; `false` when it no longer waits.
    fn deny_decoupled(&self, handle: &TokenHash, now: Timestamp)
    -> impl Future<Output = Answer<bool>> + Send;
}
