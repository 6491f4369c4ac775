//! Binding, limits, the first byte, draining.

use std::io;
use std::time::Duration;

use countersign_net::{
    Accepted, BindError, ConnectionLimits, Drained, HttpVersion, Listener, ListenerSettings,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{loopback, start};

/// Longer than anything here takes; reached only when something hangs.
const HANGS: Duration = Duration::from_secs(20);

/// Says hello and waits for the other side to close.
async fn greet(mut accepted: Accepted) {
    accepted.stream.write_all(b"!").await.unwrap();
    let _ = accepted.stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn a_taken_port_says_who_holds_it() {
    let first = Listener::bind(loopback(), None).unwrap();
    let error = Listener::bind(ListenerSettings::new(first.local_addr()), None).unwrap_err();
    let BindError::InUse { address, holder } = &error else { panic!("{error:?}") };
    assert_eq!(*address, first.local_addr());
    if cfg!(target_os = "linux") {
        let us = format!("(process {})", std::process::id());
        assert!(holder.as_ref().unwrap().ends_with(&us), "{holder:?}");
        assert!(error.to_string().contains(&us));
    }
    assert!(error.to_string().contains(&format!("port {} on 127.0.0.1 is taken", address.port())));
}

#[tokio::test]
async fn a_port_can_be_shared_when_asked_for_and_is_free_at_once_after_a_stop() {
    let shared = ListenerSettings { reuse_port: true, ..loopback() };
    let first = Listener::bind(shared.clone(), None).unwrap();
    let address = first.local_addr();
    let second = Listener::bind(ListenerSettings { address, ..shared }, None).unwrap();
    drop((first, second));

    let running = start(loopback(), None, greet);
    let address = running.address;
    let mut client = TcpStream::connect(address).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'!');
    drop(client);
    running.stop().await;
    Listener::bind(ListenerSettings::new(address), None).unwrap();
}

#[tokio::test]
async fn one_address_gets_no_more_than_its_share() {
    let limits = ConnectionLimits { total: 10, per_address: 2 };
    let running = start(ListenerSettings { limits, ..loopback() }, None, greet);
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(running.address).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'!');
        open.push(client);
    }
    let mut refused = TcpStream::connect(running.address).await.unwrap();
    assert!(refused.read_u8().await.is_err());
    // A place that becomes free can be taken again.
    open.pop();
    tokio::time::timeout(HANGS, async {
        loop {
            let mut client = TcpStream::connect(running.address).await.unwrap();
            if client.read_u8().await.is_ok() {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(open);
    running.stop().await;
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_for_a_place() {
    let limits = ConnectionLimits { total: 1, per_address: 10 };
    let running = start(ListenerSettings { limits, ..loopback() }, None, greet);
    let mut first = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(first.read_u8().await.unwrap(), b'!');
    let mut second = TcpStream::connect(running.address).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), second.read_u8()).await.is_err());
    assert_eq!(running.load.open(), 1);
    drop(first);
    assert_eq!(tokio::time::timeout(HANGS, second.read_u8()).await.unwrap().unwrap(), b'!');
    drop(second);
    running.stop().await;
}

#[tokio::test]
async fn a_drain_waits_for_those_who_listen_and_cuts_those_who_do_not() {
    let polite = start(loopback(), None, async |mut accepted: Accepted| {
        accepted.stream.write_all(b"!").await.unwrap();
        accepted.draining.cancelled().await;
        accepted.stream.write_all(b"bye").await.unwrap();
    });
    let mut client = TcpStream::connect(polite.address).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'!');
    let address = polite.address;
    assert_eq!(polite.stop().await, Drained { cut: 0 });
    let mut last = String::new();
    client.read_to_string(&mut last).await.unwrap();
    assert_eq!(last, "bye");
    assert!(TcpStream::connect(address).await.is_err());

    let brief = ListenerSettings { drain_timeout: Duration::from_millis(20), ..loopback() };
    let deaf = start(brief, None, greet);
    let mut client = TcpStream::connect(deaf.address).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'!');
    let load = deaf.load.clone();
    assert_eq!(deaf.stop().await, Drained { cut: 1 });
    assert!(client.read_u8().await.is_err());
    assert_eq!(load.open(), 0);
}

/// What the first bytes are taken for, and that none of them is lost.
async fn first_bytes(
    chunks: &'static [&'static [u8]],
    limit: Duration,
) -> (io::Result<HttpVersion>, Vec<u8>) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let running = start(loopback(), None, move |mut accepted: Accepted| {
        let sender = sender.clone();
        async move {
            let version = accepted.stream.http_version(limit).await;
            let mut rest = Vec::new();
            if version.is_ok() {
                accepted.stream.read_to_end(&mut rest).await.unwrap();
            }
            sender.send((version, rest)).await.unwrap();
        }
    });
    let mut client = TcpStream::connect(running.address).await.unwrap();
    client.set_nodelay(true).unwrap();
    for chunk in chunks {
        client.write_all(chunk).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if limit == HANGS {
        client.shutdown().await.unwrap();
    }
    let answer = receiver.recv().await.unwrap();
    drop(client);
    running.stop().await;
    answer
}

#[tokio::test]
async fn the_first_bytes_tell_the_protocol_and_are_not_lost() {
    let (version, bytes) = first_bytes(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], HANGS).await;
    assert_eq!(
        (version.unwrap(), bytes.as_slice()),
        (HttpVersion::Http2, &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..])
    );
    let (version, bytes) = first_bytes(&[b"P", b"R", b"I", b" * HTTP/2.0"], HANGS).await;
    assert_eq!((version.unwrap(), bytes.as_slice()), (HttpVersion::Http2, &b"PRI * HTTP/2.0"[..]));
    let (version, bytes) = first_bytes(&[b"P", b"OST / HTTP/1.1"], HANGS).await;
    assert_eq!((version.unwrap(), bytes.as_slice()), (HttpVersion::Http1, &b"POST / HTTP/1.1"[..]));
    let (version, bytes) = first_bytes(&[b"G"], HANGS).await;
    assert_eq!((version.unwrap(), bytes.as_slice()), (HttpVersion::Http1, &b"G"[..]));
    assert_eq!(first_bytes(&[], HANGS).await.0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(first_bytes(&[b"PR"], HANGS).await.0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    let brief = Duration::from_millis(30);
    assert_eq!(first_bytes(&[], brief).await.0.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(first_bytes(&[b"PRI"], brief).await.0.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// The variable by which a test knows that it runs in the process it started itself.
#[cfg(target_os = "linux")]
const STARVED: &str = "COUNTERSIGN_TEST_STARVED";

/// Runs itself once more in a process that may open few files, so that no other test goes hungry.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_listener_outlives_a_shortage_of_descriptors() {
    if std::env::var_os(STARVED).is_some() {
        return starve().await;
    }
    let output = tokio::process::Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg("listening::a_listener_outlives_a_shortage_of_descriptors")
        .env(STARVED, "1")
        .output()
        .await
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("survived"), "{text}");
}

#[cfg(target_os = "linux")]
async fn starve() {
    let running = start(loopback(), None, greet);
    let mut greeted = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(greeted.read_u8().await.unwrap(), b'!');
    let mut open = Vec::new();
    // Far more than there are descriptors: the limit is what ends this.
    for _ in 0..1_000 {
        let Ok(client) = TcpStream::connect(running.address).await else { break };
        open.push(client);
        tokio::task::yield_now().await;
    }
    assert!(open.len() < 40, "{} connections in a process of 40 descriptors", open.len());
    // Every descriptor is taken: accepting fails, and pauses rather than spins or ends.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(open);
    let mut client = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(tokio::time::timeout(HANGS, client.read_u8()).await.unwrap().unwrap(), b'!');
    println!("survived");
}
