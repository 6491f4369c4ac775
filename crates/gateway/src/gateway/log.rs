//! The access log and the audit trail. No query, no header and no credential is ever in them.

use std::net::IpAddr;
use std::time::Duration;

use countersign_access::{Denial, Identity};
use countersign_model::{Method, Subject};
use http::HeaderValue;

use super::meters::Outcome;
use crate::hygiene::Refusal;

/// What the access log says about one request; gathered only while somebody listens.
#[derive(Debug)]
pub(crate) struct Record {
    method: http::Method,
    path: Box<str>,
    client: IpAddr,
    subject: Option<Subject>,
}

/// Whether the access log is on.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: "access", tracing::Level::INFO)
}

impl Record {
    /// `path` without its query.
    pub(crate) fn new(method: &http::Method, path: &str, client: IpAddr) -> Box<Self> {
        Box::new(Self { method: method.clone(), path: path.into(), client, subject: None })
    }

    pub(crate) fn identified(&mut self, client: IpAddr, identity: Option<&Identity>) {
        self.client = client;
        self.subject = identity.map(|identity| identity.subject.clone());
    }
}

/// One request, at its end.
pub(crate) struct Ended<'a> {
    pub(crate) record: &'a Record,
    pub(crate) route: &'a str,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) authenticated_by: Option<Method>,
    pub(crate) outcome: Outcome,
    pub(crate) request_id: &'a HeaderValue,
}

impl Ended<'_> {
    pub(crate) fn log(&self) {
        tracing::info!(
            target: "access",
            route = self.route,
            method = self.record.method.as_str(),
            path = &*self.record.path,
            status = self.status,
            duration_us = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            client = %self.record.client,
            subject = self.record.subject.as_ref().map(Subject::as_str),
            auth = self.authenticated_by.map(Method::as_str),
            outcome = self.outcome.as_str(),
            request_id = id(self.request_id),
            "request"
        );
    }
}

/// One denial.
pub(crate) fn denied(
    denial: &Denial,
    route: &str,
    (method, path): (&http::Method, &str),
    client: IpAddr,
    request_id: &HeaderValue,
) {
    tracing::info!(
        target: "audit",
        event = "denied",
        reason = denial.reason(),
        route,
        method = method.as_str(),
        path,
        status = denial.status().as_u16(),
        client = %client,
        subject = denial.subject().map(Subject::as_str),
        issuer = denial.issuer().map(|issuer| issuer.as_str()),
        request_id = id(request_id),
        "request denied"
    );
}

/// One request refused for its shape.
pub(crate) fn refused(refusal: Refusal, client: IpAddr, request_id: &HeaderValue) {
    tracing::info!(
        target: "audit",
        event = "refused",
        reason = refusal.as_str(),
        client = %client,
        request_id = id(request_id),
        "request refused"
    );
}

fn id(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}
