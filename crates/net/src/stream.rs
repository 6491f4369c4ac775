//! A connection and what is known of its ends.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// Protocols negotiated inside TLS (RFC 7301).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alpn {
    /// `http/1.1`
    Http1,
    /// `h2`
    Http2,
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpVersion {
    /// HTTP/1.0 or 1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A connection's ends.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Who connected.
    pub remote: SocketAddr,
    /// To which of our addresses.
    pub local: SocketAddr,
    /// What TLS established; `None` on a plain connection.
    pub tls: Option<TlsInfo>,
}

/// What TLS established.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    /// The client's chain as it sent it, leaf first; verified. Empty: it showed none.
    pub client_certificates: Vec<CertificateDer<'static>>,
    /// The names of the bundles that vouch for that chain.
    pub vouched_by: Vec<Arc<str>>,
    /// The name the client asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The protocol agreed on.
    pub alpn: Option<Alpn>,
}

/// A connection, plain or TLS, of a server or of a client.
pub struct Stream {
    inner: Inner,
}

enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Takes a plain connection.
    #[must_use]
    pub fn plain(socket: TcpStream) -> Self {
        Self { inner: Inner::Plain(socket) }
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { inner: Inner::Tls(Box::new(stream)) }
    }

    /// The protocol agreed on in TLS, if any.
    #[must_use]
    pub fn alpn(&self) -> Option<Alpn> {
        todo!()
    }

    /// Waits for the first byte, at most `limit`, and says which HTTP it begins: by what TLS agreed on, else by the
    /// HTTP/2 preface (RFC 9113 §3.4). What was read is given again to the reader.
    ///
    /// # Errors
    /// `TimedOut` when nothing came in time, `UnexpectedEof` when the peer closed first, or the socket's own error.
    pub async fn http_version(&mut self, _limit: Duration) -> io::Result<HttpVersion> {
        todo!()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Inner::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.inner {
            Inner::Plain(stream) => stream.is_write_vectored(),
            Inner::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
