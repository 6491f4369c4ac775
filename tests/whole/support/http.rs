//! One request on a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use countersign_net::{ClientTls, Stream};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longer than anything takes on a slow and busy machine: a bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A member of a JSON answer, which is text.
    pub(crate) fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The header of this name as the upstream saw it.
    pub(crate) fn seen(&self, name: &str) -> Option<String> {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()["headers"][name].as_str().map(str::to_owned)
    }
}

/// Sends a request; with TLS, to `localhost`.
pub(crate) async fn send(
    address: SocketAddr,
    tls: Option<&ClientTls>,
    mut request: Request<Full<Bytes>>,
) -> Answer {
    let exchange = async {
        let socket = TcpStream::connect(address).await.unwrap();
        let stream = match tls {
            Some(tls) => tls.connect("localhost", socket).await.unwrap(),
            None => Stream::plain(socket),
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        request.headers_mut().entry(header::HOST).or_insert("localhost".parse().unwrap());
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        drop(sender);
        drop(connection.await);
        Answer { status: parts.status, headers: parts.headers, body }
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap()
}
