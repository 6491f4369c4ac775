//! Issued certificates at a real TLS listener: who gets in, who does not, and what a reload changes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_ca::IssuedWithKey;
use countersign_ca::ports::RevocationReason;
use countersign_model::Clock;
use countersign_net::{
    Accepted, CancellationToken, ClientAuth, ClientTls, ClientTlsSettings, ClientTrust, Crl, Drained,
    Listener, ListenerSettings, Roots, ServerTls, ServerTlsSettings, Stream, TlsMaterial, TrustBundle,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::{World, request};

/// A listener that asks for client certificates and echoes with the name of who vouched.
struct Running {
    address: SocketAddr,
    tls: ServerTls,
    shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
}

fn clock(world: &World) -> Arc<dyn Clock> {
    world.clock.clone()
}

fn material(issued: &IssuedWithKey) -> TlsMaterial {
    TlsMaterial::from_der("test", issued.issued.chain.clone(), &issued.key).unwrap()
}

fn bundle(world: &World, name: &str) -> TrustBundle {
    TrustBundle::from_pem(name, "root.pem", world.authority.trust_bundle_pem().as_bytes()).unwrap()
}

async fn settings(world: &World, trust: ClientTrust) -> ServerTlsSettings {
    let server = world.authority.issue_with_new_key(&request("server", &["localhost"])).await.unwrap();
    ServerTlsSettings {
        client_auth: ClientAuth::Required(trust),
        ..ServerTlsSettings::new(material(&server))
    }
}

fn trust(world: &World) -> ClientTrust {
    ClientTrust { bundles: vec![bundle(world, "own")], ..ClientTrust::default() }
}

async fn echo(accepted: Accepted) {
    let Accepted { mut stream, info, draining, guard } = accepted;
    let voucher = info.tls.as_ref().unwrap().vouched_by.join(",");
    let mut byte = [0];
    loop {
        tokio::select! {
            () = draining.cancelled() => break,
            read = stream.read_exact(&mut byte) => if read.is_err() { break },
        }
        if stream.write_all(voucher.as_bytes()).await.is_err() || stream.write_all(b"\n").await.is_err() {
            break;
        }
    }
    drop(guard);
}

impl Running {
    async fn start(world: &World, trust: ClientTrust) -> Self {
        let tls = ServerTls::new(settings(world, trust).await, clock(world)).unwrap();
        let listener =
            Listener::bind(ListenerSettings::new("127.0.0.1:0".parse().unwrap()), Some(tls.clone())).unwrap();
        let shutdown = CancellationToken::new();
        let address = listener.local_addr();
        let serving = tokio::spawn(listener.serve(shutdown.clone(), echo));
        Self { address, tls, shutdown, serving }
    }

    async fn connect(&self, client: &ClientTls) -> io::Result<Stream> {
        client.connect("localhost", TcpStream::connect(self.address).await?).await
    }

    /// In TLS 1.3 a client learns only from its first read whether its certificate was liked.
    async fn attempt(&self, client: &ClientTls) -> io::Result<String> {
        ask(&mut self.connect(client).await?).await
    }

    async fn stop(self) -> Drained {
        self.shutdown.cancel();
        self.serving.await.unwrap()
    }
}

async fn ask(stream: &mut Stream) -> io::Result<String> {
    let answer = async {
        stream.write_all(b"?").await?;
        let mut line = String::new();
        loop {
            match stream.read_u8().await? {
                b'\n' => return Ok(line),
                byte => line.push(byte.into()),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap()
}

fn client(world: &World, certificate: Option<&IssuedWithKey>) -> ClientTls {
    let roots = Roots::Bundles(vec![bundle(world, "server")]);
    let settings = ClientTlsSettings { roots, certificate: certificate.map(material), alpn: Vec::new() };
    ClientTls::new(settings, clock(world)).unwrap()
}

fn refused_with(answer: io::Result<String>, alert: &str) {
    let error = answer.unwrap_err().to_string();
    assert!(error.contains(alert), "expected {alert}: {error}");
}

#[tokio::test]
async fn only_good_certificates_get_in() {
    let world = World::new();
    let running = Running::start(&world, trust(&world)).await;
    let names = ["spiffe://example.com/service/billing"];
    let good = world.authority.issue_with_new_key(&request("client", &names)).await.unwrap();
    assert_eq!(running.attempt(&client(&world, Some(&good))).await.unwrap(), "own");

    refused_with(running.attempt(&client(&world, None)).await, "CertificateRequired");

    let server_only = world.authority.issue_with_new_key(&request("server", &["localhost"])).await.unwrap();
    refused_with(running.attempt(&client(&world, Some(&server_only))).await, "UnsupportedCertificate");

    let foreign =
        World::named("Foreign").authority.issue_with_new_key(&request("client", &names)).await.unwrap();
    refused_with(running.attempt(&client(&world, Some(&foreign))).await, "UnknownCA");
    // One that calls itself what ours is called is unmasked by its signature.
    let impostor = World::new().authority.issue_with_new_key(&request("client", &names)).await.unwrap();
    refused_with(running.attempt(&client(&world, Some(&impostor))).await, "DecryptError");

    let mut short = request("client", &names);
    short.lifetime = Some(Duration::from_secs(3600));
    let short = world.authority.issue_with_new_key(&short).await.unwrap();
    assert_eq!(running.attempt(&client(&world, Some(&short))).await.unwrap(), "own");
    world.clock.advance(Duration::from_secs(7200));
    refused_with(running.attempt(&client(&world, Some(&short))).await, "CertificateExpired");
    assert_eq!(running.attempt(&client(&world, Some(&good))).await.unwrap(), "own");
    running.stop().await;
}

#[tokio::test]
async fn a_revocation_bites_at_the_next_handshake_and_open_connections_live_on() {
    let world = World::new();
    let running = Running::start(&world, trust(&world)).await;
    let one =
        world.authority.issue_with_new_key(&request("client", &["spiffe://example.com/one"])).await.unwrap();
    let two = world.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap();
    // The same client configuration throughout, so that it would resume its sessions if it could.
    let (first, second) = (client(&world, Some(&one)), client(&world, Some(&two)));
    let mut open = running.connect(&first).await.unwrap();
    assert_eq!(ask(&mut open).await.unwrap(), "own");
    assert_eq!(running.attempt(&first).await.unwrap(), "own");

    world.authority.revoke(&one.issued.serial, RevocationReason::KeyCompromise).await.unwrap();
    let crl = Crl::from_bytes("crl", &world.authority.crl().await.unwrap().der).unwrap();
    let stricter = ClientTrust { crls: vec![crl], ..trust(&world) };
    running.tls.replace(settings(&world, stricter).await).unwrap();

    assert_eq!(ask(&mut open).await.unwrap(), "own");
    refused_with(running.attempt(&first).await, "CertificateRevoked");
    assert_eq!(running.attempt(&second).await.unwrap(), "own");

    // A list out of date is no answer: nobody is let in on it.
    world.clock.advance(crate::support::DAY - Duration::from_secs(60));
    assert_eq!(running.attempt(&second).await.unwrap(), "own");
    assert_eq!(ask(&mut open).await.unwrap(), "own");
    running.stop().await;
}

#[tokio::test]
async fn an_outdated_list_refuses_everybody_it_speaks_of() {
    let world = World::new();
    let crl = Crl::from_bytes("crl", world.authority.crl().await.unwrap().pem().as_bytes()).unwrap();
    world.clock.advance(crate::support::DAY + Duration::from_secs(60));
    let running = Running::start(&world, ClientTrust { crls: vec![crl], ..trust(&world) }).await;
    let one = world.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap();
    assert!(running.attempt(&client(&world, Some(&one))).await.is_err());

    // Where every issuer must have given a list, the intermediate's issuer, who gave none, is missing one too.
    let fresh = Crl::from_bytes("crl", &world.authority.crl().await.unwrap().der).unwrap();
    let strict = ClientTrust { crls: vec![fresh.clone()], require_revocation_status: true, ..trust(&world) };
    running.tls.replace(settings(&world, strict).await).unwrap();
    assert!(running.attempt(&client(&world, Some(&one))).await.is_err());
    running.tls.replace(settings(&world, ClientTrust { crls: vec![fresh], ..trust(&world) }).await).unwrap();
    assert_eq!(running.attempt(&client(&world, Some(&one))).await.unwrap(), "own");
    running.stop().await;
}

#[tokio::test]
async fn a_resumed_session_is_checked_again() {
    let world = World::new();
    let running = Running::start(&world, trust(&world)).await;
    let mut short = request("client", &["localhost"]);
    short.lifetime = Some(Duration::from_secs(3600));
    let short = world.authority.issue_with_new_key(&short).await.unwrap();
    let client = client(&world, Some(&short));
    for _ in 0..3 {
        assert_eq!(running.attempt(&client).await.unwrap(), "own");
    }
    world.clock.advance(Duration::from_secs(7200));
    assert!(running.attempt(&client).await.is_err());
    running.stop().await;
}

#[tokio::test]
async fn the_bundle_that_vouches_is_named_and_a_broken_reload_changes_nothing() {
    let (ours, theirs) = (World::new(), World::new());
    let both =
        ClientTrust { bundles: vec![bundle(&ours, "ours"), bundle(&theirs, "theirs")], ..trust(&ours) };
    let running = Running::start(&ours, both).await;
    let one = ours.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap();
    let other = theirs.authority.issue_with_new_key(&request("client", &["localhost"])).await.unwrap();
    assert_eq!(running.attempt(&client(&ours, Some(&one))).await.unwrap(), "ours");
    assert_eq!(running.attempt(&client(&ours, Some(&other))).await.unwrap(), "theirs");

    let nobody = settings(&ours, ClientTrust::default()).await;
    assert!(running.tls.replace(nobody).unwrap_err().to_string().contains("no trust bundle"));
    assert_eq!(running.attempt(&client(&ours, Some(&one))).await.unwrap(), "ours");

    running.tls.replace(settings(&ours, trust(&ours)).await).unwrap();
    assert!(running.attempt(&client(&ours, Some(&other))).await.is_err());
    assert_eq!(running.stop().await, Drained { cut: 0 });
}
