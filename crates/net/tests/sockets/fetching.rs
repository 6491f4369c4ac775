//! Guarded fetches against a real server that answers by the path.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_model::AddressList;
use countersign_net::{
    Accepted, AddressPolicy, FetchError, FetchRequest, FetchSettings, Fetched, Fetcher, Stream,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use url::Url;

use crate::support::{Ca, Running, loopback, start};

struct Server {
    running: Running,
    ca: Ca,
    connections: Arc<AtomicUsize>,
}

/// Answers one request after the other; the path says how.
async fn answer(stream: Stream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        for line in head.to_ascii_lowercase().lines() {
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let path = head.split(' ').nth(1).unwrap().split('?').next().unwrap();
        let json = "Content-Type: Application/JSON; charset=utf-8\r\n";
        let text = match path {
            "/json" => format!("HTTP/1.1 200 OK\r\n{json}Content-Length: 2\r\n\r\n{{}}"),
            "/echo" => {
                let echoed = format!("{head}{}", String::from_utf8(body).unwrap());
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{echoed}", echoed.len())
            }
            "/redirect" => "HTTP/1.1 302 Found\r\nLocation: /json\r\nContent-Length: 0\r\n\r\n".into(),
            "/unauthorized" => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".into(),
            "/large" => format!("HTTP/1.1 200 OK\r\n{json}Content-Length: 5000\r\n\r\n"),
            "/endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
                loop {
                    stream.write_all(b"10\r\n0123456789abcdef\r\n").await?;
                }
            }
            "/silent" => {
                stream.read_u8().await?;
                return Ok(());
            }
            "/cut" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await?;
                return stream.shutdown().await;
            }
            "/close" => {
                stream
                    .write_all(format!("HTTP/1.1 200 OK\r\n{json}Content-Length: 2\r\n\r\n{{}}").as_bytes())
                    .await?;
                return stream.shutdown().await;
            }
            _ => "nonsense\r\n\r\n".into(),
        };
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
    }
}

impl Server {
    fn start(tls: bool) -> Self {
        let ca = Ca::new("CA");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let running = start(loopback(), tls.then(|| ca.server("localhost")), move |accepted: Accepted| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move {
                let _ = answer(accepted.stream).await;
            }
        });
        Self { running, ca, connections }
    }

    fn url(&self, scheme: &str, host: &str, path: &str) -> Url {
        format!("{scheme}://{host}:{}{path}", self.running.address.port()).parse().unwrap()
    }

    fn fetcher(&self, networks: &[&str], insecure_http: bool) -> Fetcher {
        let allowed = AddressList::new(networks.iter().map(|network| network.parse().unwrap()).collect());
        let policy = AddressPolicy { allowed, insecure_http };
        let timeout = Duration::from_secs(20);
        Fetcher::new(FetchSettings {
            policy,
            max_body: 1000,
            timeout,
            ..FetchSettings::new(self.ca.client())
        })
    }

    /// One that may reach the server.
    fn open(&self) -> Fetcher {
        self.fetcher(&["127.0.0.0/8", "::1/128"], true)
    }

    async fn get(&self, fetcher: &Fetcher, path: &str) -> Result<Fetched, FetchError> {
        let mut request = FetchRequest::get(self.url("https", "localhost", path));
        request.content_types = vec!["application/json"];
        fetcher.fetch(request).await
    }
}

#[tokio::test]
async fn it_fetches_posts_and_keeps_the_connection() {
    let server = Server::start(true);
    let fetcher = server.open();
    for _ in 0..3 {
        let fetched = server.get(&fetcher, "/json").await.unwrap();
        assert_eq!((fetched.status.as_u16(), fetched.body.as_ref()), (200, &b"{}"[..]));
    }
    let url = server.url("https", "localhost", "/echo?a=b#fragment");
    let form = "application/x-www-form-urlencoded";
    let echo =
        fetcher.fetch(FetchRequest::post(url, form, Bytes::from_static(b"token=x"))).await.unwrap().body;
    let echo = String::from_utf8(echo.to_vec()).unwrap();
    assert!(echo.starts_with("POST /echo?a=b HTTP/1.1\r\n") && echo.ends_with("\r\n\r\ntoken=x"), "{echo}");
    assert!(echo.contains(&format!("host: localhost:{}\r\n", server.running.address.port())));
    assert!(echo.contains("user-agent: countersign\r\n") && echo.contains(form));
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    // A connection the server closed in between is no error.
    for _ in 0..3 {
        server.get(&fetcher, "/close").await.unwrap();
    }
    server.get(&fetcher, "/json").await.unwrap();
    drop(fetcher);
    server.running.stop().await;
}

#[tokio::test]
async fn bad_answers_have_their_own_errors_and_tell_nothing() {
    let server = Server::start(true);
    let fetcher = server.open();
    let fault = async |path: &str| {
        let error = server.get(&fetcher, path).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("localhost: ") && !text.contains("secret") && !text.contains('/'), "{text}");
        error
    };
    assert!(matches!(fault("/redirect?secret").await, FetchError::Redirect { .. }));
    assert!(matches!(fault("/large?secret").await, FetchError::TooLarge { limit: 1000, .. }));
    assert!(matches!(fault("/cut?secret").await, FetchError::ContentType { .. }));
    assert!(matches!(fault("/nonsense?secret").await, FetchError::Broken { .. }));
    let any =
        async |path: &str| fetcher.fetch(FetchRequest::get(server.url("https", "localhost", path))).await;
    assert!(matches!(any("/endless").await, Err(FetchError::TooLarge { .. })));
    assert!(matches!(any("/cut").await, Err(FetchError::Broken { .. })));
    // A refusal has no media type to check: its status is the answer.
    assert_eq!(server.get(&fetcher, "/unauthorized").await.unwrap().status.as_u16(), 401);

    let settings = FetchSettings {
        policy: AddressPolicy {
            allowed: AddressList::new(vec!["127.0.0.0/8".parse().unwrap()]),
            insecure_http: false,
        },
        timeout: Duration::from_millis(100),
        ..FetchSettings::new(server.ca.client())
    };
    let hasty = Fetcher::new(settings);
    let late = hasty.fetch(FetchRequest::get(server.url("https", "localhost", "/silent"))).await;
    assert!(matches!(late, Err(FetchError::Timeout { .. })), "{late:?}");
}

#[tokio::test]
async fn nothing_but_public_addresses_is_reached_unless_listed() {
    let server = Server::start(false);
    let wary = server.fetcher(&[], true);
    for host in
        ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "0"]
    {
        for scheme in ["http", "https"] {
            let answer = wary.fetch(FetchRequest::get(server.url(scheme, host, "/json"))).await;
            assert!(matches!(answer, Err(FetchError::Address { .. })), "{scheme} {host}: {answer:?}");
        }
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);

    let get = async |fetcher: &Fetcher, url: &str| {
        let url = url.replace("PORT", &server.running.address.port().to_string());
        fetcher.fetch(FetchRequest::get(url.parse().unwrap())).await
    };
    assert_eq!(get(&server.open(), "http://127.0.0.1:PORT/json").await.unwrap().status.as_u16(), 200);
    let tls_only = server.fetcher(&["127.0.0.0/8"], false);
    let answer = get(&tls_only, "http://127.0.0.1:PORT/json").await;
    assert!(matches!(answer, Err(FetchError::Scheme { .. })), "{answer:?}");
    let open = server.open();
    assert!(matches!(get(&open, "ftp://127.0.0.1/").await, Err(FetchError::Scheme { .. })));
    for url in [
        "file://localhost/etc/passwd",
        "http://user@127.0.0.1:PORT/json",
        "http://:pw@127.0.0.1:PORT/json",
        "data:text/plain,x",
    ] {
        assert!(matches!(get(&open, url).await, Err(FetchError::Url { .. })), "{url}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    server.running.stop().await;
}

#[tokio::test]
async fn a_server_nobody_vouches_for_and_a_port_nobody_listens_on_are_told_apart_from_refusals() {
    let server = Server::start(true);
    let stranger = Fetcher::new(FetchSettings {
        policy: AddressPolicy {
            allowed: AddressList::new(vec!["127.0.0.0/8".parse().unwrap()]),
            insecure_http: false,
        },
        ..FetchSettings::new(Ca::new("Other").client())
    });
    let answer = stranger.fetch(FetchRequest::get(server.url("https", "localhost", "/json"))).await;
    assert!(matches!(answer, Err(FetchError::Connect { .. })), "{answer:?}");
    // The certificate is for localhost, not for the address.
    let answer = server.open().fetch(FetchRequest::get(server.url("https", "127.0.0.1", "/json"))).await;
    assert!(matches!(answer, Err(FetchError::Connect { .. })), "{answer:?}");
    let fetcher = server.open();
    let gone: SocketAddr = server.running.address;
    server.running.stop().await;
    let answer = fetcher
        .fetch(FetchRequest::get(format!("https://localhost:{}/", gone.port()).parse().unwrap()))
        .await;
    assert!(matches!(answer, Err(FetchError::Connect { .. })), "{answer:?}");
}
