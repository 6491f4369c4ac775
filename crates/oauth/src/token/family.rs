//! The first tokens of a grant that a person gave, by whichever way the client fetches them.

use countersign_model::{GrantId, ScopeSet, SessionId, UserId};

use super::id_token::IdTokenOrder;
use super::issue::{Order, Person, Speaker};
use super::{TokenResponse, grants::refresh_token};
use crate::ports::{AuthenticationEvent, Ports, Recorded};
use crate::{AuthenticatedClient, AuthorizationDetails, Engine, Error, GrantRefusal};

/// What a person gave.
pub(super) struct Family<'a> {
    pub(super) grant: &'a GrantId,
    pub(super) user: &'a UserId,
    pub(super) session: Option<&'a SessionId>,
    pub(super) authentication: &'a AuthenticationEvent,
    /// The nonce of the OpenID Connect request.
    pub(super) nonce: Option<&'a str>,
    /// The backchannel request that it answers (CIBA §10.3.1).
    pub(super) auth_req_id: Option<&'a str>,
    pub(super) scopes: &'a ScopeSet,
    /// Every resource it is for; the refresh token keeps them all.
    pub(super) resources: &'a [String],
    /// Every authorization detail (RFC 9396); the refresh token keeps them all.
    pub(super) details: &'a AuthorizationDetails,
}

impl<P: Ports> Engine<P> {
    /// Makes the first tokens of the family; the access token is for these of its resources and details.
    pub(super) async fn begin_family(
        &self,
        caller: &AuthenticatedClient,
        family: &Family<'_>,
        (resources, details): (&[String], &AuthorizationDetails),
    ) -> Result<TokenResponse, Error> {
        let client = caller.client();
        let now = self.now();
        let person = Person {
            user: family.user,
            grant: Some(family.grant),
            session: family.session,
            authentication: Some(family.authentication),
        };
        let order = Order {
            client,
            speaker: Speaker::Person(person),
            scopes: family.scopes,
            resources,
            details,
            confirmation: caller.confirmation(),
            act: None,
            lifetime: None,
        };
        let mut access = self.make_access_token(&order, now)?;
        let id_order = IdTokenOrder { client, person, nonce: family.nonce, auth_req_id: family.auth_req_id };
        access.id_token = self.make_id_token(&id_order, family.scopes, access.text(), now)?;
        let refresh = refresh_token::first(self, caller, family, now);
        let kept = refresh.as_ref().map(|(_, kept)| kept);
        match self.ports.record_issuance(&access.record, kept).await? {
            Recorded::Kept => {
                let mut response = access.into_response();
                if let Some((text, kept)) = refresh {
                    response.refresh_token = Some(text.expose().clone());
                    let life = kept.expires_at.seconds().saturating_sub(now.seconds());
                    response.refresh_expires_in = u64::try_from(life).ok();
                }
                Ok(response)
            }
            // RFC 6749 §4.1.2: the code came a second time while this one was being answered, or the person took back
            // what they gave before it was fetched.
            Recorded::Revoked => Err(Error::InvalidGrant(GrantRefusal::Revoked)),
        }
    }
}
