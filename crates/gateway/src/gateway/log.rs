//! The access log and the audit trail. No query, no header and no credential is ever in them.

use std::net::IpAddr;
use std::time::Duration;

use countersign_access::{Denial, Identity, InvalidCertificate};
use countersign_model::{Method, Subject};
use http::HeaderValue;
use metrics::counter;

use super::watch::Phase;
use crate::hygiene::Refusal;
use crate::meters::Outcome;
use crate::proxy::Fault;

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

/// One denial, told and counted by its reason.
pub(crate) fn denied(
    denial: &Denial,
    route: &str,
    (method, path): (&http::Method, &str),
    client: IpAddr,
    request_id: &HeaderValue,
) {
    counter!("countersign_denials_total", "route" => route.to_owned(), "reason" => denial.reason())
        .increment(1);
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

/// One request refused for its shape; without a name when it could not even be read.
pub(crate) fn refused(refusal: Refusal, client: IpAddr, request_id: Option<&HeaderValue>) {
    counter!("countersign_refusals_total", "reason" => refusal.as_str()).increment(1);
    tracing::info!(
        target: "audit",
        event = "refused",
        reason = refusal.as_str(),
        client = %client,
        request_id = request_id.map(id),
        "request refused"
    );
}

/// A connection that was not served for its certificate, which TLS believes and we can't read.
pub(crate) fn unreadable_certificate(error: &InvalidCertificate, client: IpAddr) {
    counter!("countersign_refusals_total", "reason" => "client_certificate").increment(1);
    tracing::info!(
        target: "audit",
        event = "refused",
        reason = "client_certificate",
        client = %client,
        %error,
        "connection refused"
    );
}

/// A WebSocket that was ended because it would not be allowed any more.
pub(crate) fn ended(reason: &'static str, route: &str, client: IpAddr, request_id: &HeaderValue) {
    counter!("countersign_denials_total", "route" => route.to_owned(), "reason" => reason).increment(1);
    tracing::info!(
        target: "audit",
        event = "ended",
        reason,
        route,
        client = %client,
        request_id = id(request_id),
        "WebSocket ended"
    );
}

/// A connection that was cut because its caller took too long. Resting ones end like this every day.
pub(crate) fn cut(phase: Phase, client: IpAddr) {
    counter!("countersign_connections_cut_total", "reason" => phase.as_str()).increment(1);
    match phase {
        Phase::Idle | Phase::Served => {
            tracing::debug!(reason = phase.as_str(), client = %client, "connection cut");
        }
        Phase::Head | Phase::Stalled => tracing::info!(
            target: "audit",
            event = "cut",
            reason = phase.as_str(),
            client = %client,
            "connection cut"
        ),
    }
}

/// A request that the upstream did not answer. What the caller did is in the access log; what the upstream did not
/// is for whoever runs it.
pub(crate) fn not_forwarded(fault: &Fault, route: &str, client: IpAddr, request_id: &HeaderValue) {
    let request_id = id(request_id);
    match fault {
        Fault::Body(_) | Fault::NotSupported => {
            tracing::debug!(route, client = %client, %fault, request_id, "not forwarded");
        }
        Fault::Connect(_)
        | Fault::ConnectTimedOut
        | Fault::Broken
        | Fault::TimedOut
        | Fault::NoServer
        | Fault::BadAnswer => tracing::warn!(route, %fault, request_id, "the upstream did not answer"),
    }
}

fn id(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}
