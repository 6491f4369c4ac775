//! A connection and what is known of its ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
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

impl Alpn {
    pub(crate) const fn wire(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }

    pub(crate) fn from_wire(name: &[u8]) -> Option<Self> {
        [Self::Http1, Self::Http2].into_iter().find(|protocol| protocol.wire() == name)
    }
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
    /// Who connected. An IPv4 address mapped into IPv6 is given as the IPv4 address.
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
    /// A certificate that no bundle vouches for, where the listener lets such in; `client_certificates` is empty then.
    pub unvouched: Option<UnvouchedLeaf>,
    /// The names of the bundles that vouch for that chain.
    pub vouched_by: Vec<Arc<str>>,
    /// The name the client asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The protocol agreed on.
    pub alpn: Option<Alpn>,
}

/// A leaf of which nothing is known but that the client holds its key. Not to be taken for a verified one, so it is
/// another type.
#[derive(Clone, Debug)]
pub struct UnvouchedLeaf(pub(crate) CertificateDer<'static>);

impl UnvouchedLeaf {
    /// The certificate, whose names and dates nobody vouches for.
    #[must_use]
    pub fn dangerous_unverified_der(&self) -> &[u8] {
        &self.0
    }
}

/// A connection, plain or TLS, of a server or of a client.
pub struct Stream {
    inner: Inner,
    /// Read ahead to learn the protocol; given to the reader first.
    ahead: [u8; AHEAD],
    from: usize,
    to: usize,
}

/// The HTTP/2 preface (RFC 9113 §3.4) is 24 bytes; four of them tell it from every method of HTTP/1.
const AHEAD: usize = 4;
const PREFACE: &[u8; AHEAD] = b"PRI ";

enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Takes a plain connection.
    #[must_use]
    pub const fn plain(socket: TcpStream) -> Self {
        Self::new(Inner::Plain(socket))
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::new(Inner::Tls(Box::new(stream)))
    }

    const fn new(inner: Inner) -> Self {
        Self { inner, ahead: [0; AHEAD], from: 0, to: 0 }
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        matches!(self.inner, Inner::Tls(_))
    }

    /// The protocol agreed on in TLS, if any.
    #[must_use]
    pub fn alpn(&self) -> Option<Alpn> {
        match &self.inner {
            Inner::Plain(_) => None,
            Inner::Tls(stream) => stream.get_ref().1.alpn_protocol().and_then(Alpn::from_wire),
        }
    }

    /// Waits for the first byte, at most `limit`, and says which HTTP it begins: by what TLS agreed on, else by the
    /// HTTP/2 preface (RFC 9113 §3.4). What was read is given again to the reader. Call it before anything is read.
    ///
    /// # Errors
    /// `TimedOut` when nothing came in time, `UnexpectedEof` when the peer closed first, or the socket's own error.
    pub async fn http_version(&mut self, limit: Duration) -> io::Result<HttpVersion> {
        tokio::time::timeout(limit, self.look_ahead())
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no request came in time"))?
    }

    async fn look_ahead(&mut self) -> io::Result<HttpVersion> {
        let agreed = self.alpn();
        loop {
            let read = self.ahead.get(self.from..self.to).unwrap_or_default();
            match agreed {
                Some(Alpn::Http1) if !read.is_empty() => return Ok(HttpVersion::Http1),
                Some(Alpn::Http2) if !read.is_empty() => return Ok(HttpVersion::Http2),
                None if read == PREFACE => return Ok(HttpVersion::Http2),
                None if !PREFACE.starts_with(read) => return Ok(HttpVersion::Http1),
                Some(_) | None => {}
            }
            let free = self.ahead.get_mut(self.to..).unwrap_or_default();
            let count = match &mut self.inner {
                Inner::Plain(stream) => stream.read(free).await?,
                Inner::Tls(stream) => stream.read(free).await?,
            };
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before the first request"));
            }
            self.to += count;
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls() { "Stream(TLS)" } else { "Stream(plain)" })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.from < self.to {
            let this = &mut *self;
            let count = buf.remaining().min(this.to - this.from);
            buf.put_slice(this.ahead.get(this.from..this.from + count).unwrap_or_default());
            this.from += count;
            return Poll::Ready(Ok(()));
        }
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
