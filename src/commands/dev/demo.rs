//! The small protected service behind the demo gateway: it answers with the identity it was given.
//!
//! It knows nothing of tokens, passwords or certificates. That is the point.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers requests until `stopped`.
pub(super) async fn serve(listener: TcpListener, stopped: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stopped.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the demo service could not accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let stopped = stopped.clone();
        tokio::spawn(async move {
            let serving = hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(stream),
                service_fn(|request| ready(Ok::<_, Infallible>(answer(&request)))),
            );
            tokio::select! {
                () = stopped.cancelled() => {}
                // A caller that goes away in the middle is no news.
                _ = serving => {}
            }
        });
    }
}

/// The identity as the headers tell it, and the path that was asked for.
fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let headers = request.headers();
    let scopes: Vec<&str> =
        text(headers, "countersign-scopes").unwrap_or_default().split_whitespace().collect();
    let body = json!({
        "path": request.uri().path(),
        "identity": {
            "subject": text(headers, "countersign-subject"),
            "issuer": text(headers, "countersign-issuer"),
            "method": text(headers, "countersign-method"),
            "scopes": scopes,
            "client": text(headers, "countersign-client"),
            "token": claims(headers),
        },
    });
    let body = serde_json::to_vec_pretty(&body).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from([body.as_slice(), b"\n"].concat())));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The claims of the identity token, for showing. A real service verifies it against the issuer's key set.
fn claims(headers: &HeaderMap) -> Option<Value> {
    use base64::Engine as _;
    let payload = text(headers, "countersign-identity")?.split('.').nth(1)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&bytes).ok()
}
