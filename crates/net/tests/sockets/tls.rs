//! TLS at the listener: names, protocols, slow and mistaken clients, reload.

use std::sync::Arc;
use std::time::Duration;

use countersign_net::{
    Accepted, Alpn, ClientAuth, ClientTls, ClientTlsSettings, ClientTrust, ListenerSettings, Roots,
    ServerTls, ServerTlsSettings, TrustBundle,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Ca, Running, clock, loopback, start};

/// Writes what was established, then what was read.
async fn report(accepted: Accepted) {
    let mut stream = accepted.stream;
    let Ok(version) = stream.http_version(Duration::from_secs(10)).await else { return };
    let tls = accepted.info.tls.clone().unwrap();
    let text = format!("{:?} {:?} {version:?}", tls.server_name, tls.alpn);
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn ask(running: &Running, client: &ClientTls, host: &str) -> std::io::Result<(Option<Alpn>, String)> {
    let mut stream = client.connect(host, TcpStream::connect(running.address).await?).await?;
    stream.write_all(b"GET ").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok((stream.alpn(), text))
}

/// RFC 9325 §4.2; FAPI 2.0 Security Profile §5.2.2.
#[tokio::test]
async fn with_tls_1_2_the_recommended_suites_alone_are_spoken() {
    let ca = Ca::new("CA");
    let running = start(loopback(), Some(ca.server("one.example.com")), report);
    let mut spoken = Vec::new();
    let all = rustls::crypto::aws_lc_rs::default_provider();
    for suite in &all.cipher_suites {
        let mut one = all.clone();
        one.cipher_suites = vec![*suite];
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(one));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config.with_no_client_auth()));
        let stream = TcpStream::connect(running.address).await.unwrap();
        let name = "one.example.com".try_into().unwrap();
        if connector.connect(name, stream).await.is_ok() {
            spoken.push(format!("{:?}", suite.suite()));
        }
    }
    spoken.sort_unstable();
    // The certificate here has an elliptic curve's key: those for RSA are of no use to it.
    let expected = [
        "TLS13_AES_128_GCM_SHA256",
        "TLS13_AES_256_GCM_SHA384",
        "TLS13_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ];
    assert_eq!(spoken, expected);
    running.stop().await;
}

#[tokio::test]
async fn the_name_chooses_the_certificate_and_the_protocol_is_agreed() {
    let ca = Ca::new("CA");
    let mut settings = ServerTlsSettings::new(ca.material("one.example.com"));
    settings.certificates.push(ca.material("*.two.example.com"));
    let running = start(loopback(), Some(ServerTls::new(settings, clock()).unwrap()), report);
    let client = ca.client();
    let (alpn, text) = ask(&running, &client, "one.example.com").await.unwrap();
    assert_eq!((alpn, text.as_str()), (None, "Some(\"one.example.com\") None Http1"));
    let both = client.with_alpn(&[Alpn::Http1, Alpn::Http2]);
    let (alpn, text) = ask(&running, &both, "a.two.example.com").await.unwrap();
    assert_eq!(alpn, Some(Alpn::Http2));
    assert_eq!(text, "Some(\"a.two.example.com\") Some(Http2) Http2");
    let http1 = client.with_alpn(&[Alpn::Http1]);
    assert_eq!(ask(&running, &http1, "one.example.com").await.unwrap().0, Some(Alpn::Http1));
    // Neither certificate is for these: the client gets the first and refuses it.
    for host in ["a.b.two.example.com", "two.example.com", "other.example.com"] {
        assert!(ask(&running, &client, host).await.is_err(), "{host}");
    }
    assert!(ask(&running, &Ca::new("Other").client(), "one.example.com").await.is_err());
    running.stop().await;
}

#[tokio::test]
async fn who_says_nothing_holds_up_nobody_and_is_sent_away() {
    let ca = Ca::new("CA");
    let settings = ListenerSettings { handshake_timeout: Duration::from_secs(1), ..loopback() };
    let running = start(settings, Some(ca.server("localhost")), report);
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut halting = TcpStream::connect(running.address).await.unwrap();
    halting.write_all(&[22, 3, 1]).await.unwrap();
    assert!(ask(&running, &ca.client(), "localhost").await.is_ok());
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), silent.read_to_end(&mut rest)).await;
    assert!(end.is_ok() && rest.is_empty());
    assert!(tokio::time::timeout(Duration::from_secs(20), halting.read_to_end(&mut rest)).await.is_ok());
    running.stop().await;
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    let ca = Ca::new("CA");
    let running = start(loopback(), Some(ca.server("localhost")), report);
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use https"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    running.stop().await;
}

#[tokio::test]
async fn a_reload_changes_the_certificate_of_new_connections_only() {
    let (old, new) = (Ca::new("Old"), Ca::new("New"));
    let tls = old.server("localhost");
    let running = start(loopback(), Some(tls.clone()), async |accepted: Accepted| {
        let mut stream = accepted.stream;
        while let Ok(byte) = stream.read_u8().await {
            if stream.write_u8(byte).await.is_err() {
                break;
            }
        }
    });
    let connect = async |ca: &Ca| {
        ca.client().connect("localhost", TcpStream::connect(running.address).await.unwrap()).await
    };
    let mut open = connect(&old).await.unwrap();
    assert!(connect(&new).await.is_err());
    tls.replace(ServerTlsSettings::new(new.material("localhost"))).unwrap();
    assert!(connect(&old).await.is_err());
    connect(&new).await.unwrap();
    open.write_u8(7).await.unwrap();
    assert_eq!(open.read_u8().await.unwrap(), 7);

    // What can't be used is refused, and the last good one stays.
    let nothing =
        ServerTlsSettings { certificates: Vec::new(), ..ServerTlsSettings::new(new.material("localhost")) };
    assert!(tls.replace(nothing).is_err());
    connect(&new).await.unwrap();
    drop(open);
    running.stop().await;
}

#[tokio::test]
async fn a_bundle_holds_authorities_only() {
    let ca = Ca::new("CA");
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = ca.issue(&key, "localhost", |_| {});
    let bundle = TrustBundle::from_pem("partners", "leaf.pem", leaf.as_bytes()).unwrap();
    let mut settings = ServerTlsSettings::new(ca.material("localhost"));
    settings.client_auth =
        ClientAuth::Optional(ClientTrust { bundles: vec![bundle], ..ClientTrust::default() });
    let error = ServerTls::new(settings, clock()).unwrap_err().to_string();
    assert_eq!(
        error,
        "trust bundle partners, certificate 1: it is no authority's certificate (CA:TRUE is missing)"
    );
    let nobody = ClientTlsSettings { roots: Roots::Bundles(Vec::new()), ..ClientTlsSettings::default() };
    assert!(ClientTls::new(nobody, clock()).is_err());
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing() {
    let ca = Ca::new("CA");
    let mut settings = ServerTlsSettings::new(ca.material("localhost"));
    settings.client_auth =
        ClientAuth::Optional(ClientTrust { bundles: vec![ca.bundle()], ..ClientTrust::default() });
    let running =
        start(loopback(), Some(ServerTls::new(settings, clock()).unwrap()), async |accepted: Accepted| {
            let mut stream = accepted.stream;
            let tls = accepted.info.tls.clone().unwrap();
            let _ = stream
                .write_all(format!("{} {:?}", tls.client_certificates.len(), tls.vouched_by).as_bytes())
                .await;
            let _ = stream.shutdown().await;
        });
    let read = async |certificate| {
        let roots = Roots::Bundles(vec![ca.bundle()]);
        let client =
            ClientTls::new(ClientTlsSettings { roots, certificate, alpn: Vec::new() }, clock()).unwrap();
        let mut stream = client.connect("localhost", TcpStream::connect(running.address).await?).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.map(|_| text)
    };
    assert_eq!(read(None).await.unwrap(), "0 []");
    assert_eq!(read(Some(ca.material("me"))).await.unwrap(), "1 [\"test\"]");
    let stranger: std::io::Result<String> = read(Some(Ca::new("Stranger").material("me"))).await;
    assert!(stranger.is_err());
    running.stop().await;
}

#[tokio::test]
async fn an_unvouched_certificate_is_let_in_apart_from_the_others_and_only_with_its_key() {
    let ca = Ca::new("CA");
    let mut settings = ServerTlsSettings::new(ca.material("localhost"));
    let trust = ClientTrust { bundles: vec![ca.bundle()], ..ClientTrust::default() };
    settings.client_auth = ClientAuth::OptionalUnvouched(trust);
    let tls = ServerTls::new(settings, clock()).unwrap();
    let running = start(loopback(), Some(tls), async |accepted: Accepted| {
        let mut stream = accepted.stream;
        let tls = accepted.info.tls.clone().unwrap();
        let unvouched = tls.unvouched.as_ref().map(|leaf| leaf.dangerous_unverified_der().len() > 100);
        let text = format!("{} {:?} {unvouched:?}", tls.client_certificates.len(), tls.vouched_by);
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    });
    let read = async |client: &ClientTls| {
        let mut stream = client.connect("localhost", TcpStream::connect(running.address).await?).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.map(|_| text)
    };
    let client = |certificate| {
        let roots = Roots::Bundles(vec![ca.bundle()]);
        ClientTls::new(ClientTlsSettings { roots, certificate, alpn: Vec::new() }, clock()).unwrap()
    };
    assert_eq!(read(&client(None)).await.unwrap(), "0 [] None");
    assert_eq!(read(&client(Some(ca.material("me")))).await.unwrap(), "1 [\"test\"] None");
    let stranger = client(Some(Ca::new("Stranger").material("me")));
    // Also when the session is resumed: what was not vouched for never becomes so.
    for _ in 0..3 {
        assert_eq!(read(&stranger).await.unwrap(), "0 [] Some(true)");
    }
    running.stop().await;
}
