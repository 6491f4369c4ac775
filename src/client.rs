//! A small HTTP client for the commands that speak to a running Countersign: `dev` and `try`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use countersign_model::SecretString;
use countersign_net::{ClientTls, Stream};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::output::Failure;

const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read.
const LARGEST: usize = 1 << 20;

/// One open connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects, with TLS when there is a configuration for it and the name to expect.
    ///
    /// # Errors
    /// When nobody answers there or the handshake fails.
    pub(crate) async fn open(address: SocketAddr, tls: Option<(&ClientTls, &str)>) -> Result<Self, Failure> {
        let connect = async {
            let socket = TcpStream::connect(address).await.map_err(|error| {
                format!("nobody answers at {address} ({error}): is `countersign dev` running?")
            })?;
            socket.set_nodelay(true)?;
            let stream = match tls {
                Some((tls, name)) => tls.connect(name, socket).await?,
                None => Stream::plain(socket),
            };
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // It ends with its sender; what goes wrong before shows in the request's own answer.
            tokio::spawn(connection);
            Ok::<_, Failure>(Self { sender })
        };
        tokio::time::timeout(PATIENCE, connect)
            .await
            .map_err(|_| format!("{address} did not answer in time"))?
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is too large or too late.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Failure> {
        let exchange = async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            Ok::<_, Failure>(Response::from_parts(parts, body))
        };
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| "no answer in time")?
    }
}

/// Gets an access token by client credentials (RFC 6749 §4.4), as any client would.
///
/// # Errors
/// When the server can't be reached or refuses.
pub(crate) async fn client_credentials(
    server: SocketAddr,
    client: &str,
    secret: &SecretString,
) -> Result<SecretString, Failure> {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client}:{}", secret.expose()));
    let request = Request::post("/token")
        .header(header::HOST, server.to_string())
        .header(header::AUTHORIZATION, format!("Basic {basic}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from("grant_type=client_credentials"))?;
    let response = Connection::open(server, None).await?.send(request).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("the token endpoint answered {}: {}", response.status(), text(&response)).into());
    }
    let answer: serde_json::Value = serde_json::from_slice(response.body())?;
    let token = answer.get("access_token").and_then(serde_json::Value::as_str);
    Ok(SecretString::from(token.ok_or("the token endpoint gave no access_token")?))
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8_lossy(response.body()).chars().take(300).collect()
}
