//! A WebSocket is one long request: whether it may go on is asked again and again.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_access::{Decision, RequestParts};
use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::caller::Caller;
use super::log;
use crate::hygiene::host_name;

/// A request that goes on, as it was when it was allowed.
pub(crate) struct Again {
    caller: Arc<Caller>,
    method: Method,
    target: PathAndQuery,
    /// With the credential: nothing else proves that it still counts.
    headers: HeaderMap,
    client: IpAddr,
    request_id: HeaderValue,
}

impl Again {
    /// Take it before the credential is taken off.
    pub(crate) fn new(
        caller: &Arc<Caller>,
        head: &Parts,
        target: &PathAndQuery,
        client: IpAddr,
        request_id: &HeaderValue,
    ) -> Self {
        Self {
            caller: Arc::clone(caller),
            method: head.method.clone(),
            target: target.clone(),
            headers: head.headers.clone(),
            client,
            request_id: request_id.clone(),
        }
    }

    /// Asks now and then; returns when the answer is no.
    pub(crate) async fn until_denied(self) {
        loop {
            tokio::time::sleep(self.caller.gateway.settings.recheck).await;
            if !self.may_go_on().await {
                return;
            }
        }
    }

    /// Whether the route that serves this request now still allows it.
    async fn may_go_on(&self) -> bool {
        let gateway = &self.caller.gateway;
        let authority = self.headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
        let host = host_name(authority).unwrap_or_default();
        let Some(route) = gateway.routes.load().find(&host, self.target.path()).cloned() else {
            log::ended("no_route", "-", self.client, &self.request_id);
            return false;
        };
        let parts = RequestParts {
            method: &self.method,
            authority: std::str::from_utf8(authority).unwrap_or_default(),
            path: self.target.path(),
            query: self.target.query(),
            headers: &self.headers,
            client_address: self.client,
            secure: self.caller.is_secure(&self.headers),
        };
        match gateway.access.check_again(&parts, &self.caller.peer, &route.rule, gateway.env.now()).await {
            Decision::Allow(_) => true,
            // Not knowing is no reason to end what was allowed: it is asked again soon, and ends with the credential.
            Decision::Deny(denial) if is_no_answer(denial.status()) => true,
            Decision::Deny(denial) => {
                log::ended(denial.reason(), &route.name, self.client, &self.request_id);
                false
            }
        }
    }
}

fn is_no_answer(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
