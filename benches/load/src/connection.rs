//! One connection and just enough HTTP/1.1 to know where an answer ends.

use std::io::{Error, ErrorKind};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::plan::Tls;
use crate::upstream::find;

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// How to connect.
pub struct Target {
    pub address: String,
    pub host: String,
    pub tls: Option<TlsConnector>,
}

impl Target {
    pub fn new(address: String, host: String, tls: Option<&Tls>) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self { address, host, tls: tls.map(connector).transpose()? })
    }

    /// A connection, its handshake done.
    pub async fn connect(&self) -> std::io::Result<Connection> {
        let tcp = TcpStream::connect(&self.address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(connector) => {
                let name = ServerName::try_from(self.host.clone()).map_err(Error::other)?;
                Box::new(connector.connect(name, tcp).await?)
            }
        };
        Ok(Connection { stream, buffer: Vec::with_capacity(8_192) })
    }
}

fn connector(tls: &Tls) -> Result<TlsConnector, Box<dyn std::error::Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&tls.authority)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
        }
        _ => builder.with_no_client_auth(),
    };
    // Every handshake is a full one.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

/// One answer.
pub struct Answer<'a> {
    pub status: u16,
    /// Head and body.
    pub text: &'a [u8],
    /// Whether the server ends the connection.
    pub last: bool,
}

impl Connection {
    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> std::io::Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let fields = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status: u16 =
            fields.get(9..12).and_then(|text| text.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let last = fields.contains("\r\nconnection: close");
        if fields.contains("\r\ntransfer-encoding: chunked") {
            while !self.buffer.ends_with(b"0\r\n\r\n") {
                self.more().await?;
            }
        } else {
            let length: usize = match fields.split("\r\ncontent-length:").nth(1) {
                Some(rest) => rest
                    .split("\r\n")
                    .next()
                    .and_then(|text| text.trim().parse().ok())
                    .ok_or(ErrorKind::InvalidData)?,
                None => 0,
            };
            while self.buffer.len() < head + length {
                self.more().await?;
            }
        }
        Ok(Answer { status, text: &self.buffer, last })
    }

    async fn more(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
