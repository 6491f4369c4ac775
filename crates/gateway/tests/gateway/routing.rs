//! Which route a request takes, and that a change reaches open connections.

use countersign_gateway::{HostPattern, RouteError, UpstreamConfig, UpstreamHost};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answered, Running, Upstream, keyed, open, route};

#[tokio::test]
async fn the_longest_prefix_on_a_segment_boundary_wins() {
    let (root, api, deep) = (Upstream::start().await, Upstream::start().await, Upstream::start().await);
    let mut stripped = route("deep", "/api/deep/", &deep, open());
    stripped.strip_prefix = true;
    stripped.upstream.host = UpstreamHost::Upstream;
    let gateway =
        Running::start(vec![route("root", "/", &root, open()), route("api", "/api", &api, open()), stripped])
            .await;
    let port = |upstream: &Upstream| upstream.requests.load(std::sync::atomic::Ordering::SeqCst);
    for path in ["/", "/apis", "/Ap", "/ap"] {
        assert_eq!(gateway.ask(path, "").await.target(), path);
    }
    assert_eq!((port(&root), port(&api)), (4, 0));
    for path in ["/api", "/api/", "/api/x", "/api/deeper", "/%61pi/y"] {
        assert_eq!(gateway.ask(path, "").await.target(), path.replace("%61", "a"));
    }
    assert_eq!((port(&root), port(&api)), (4, 5));
    for (path, seen) in
        [("/api/deep", "/"), ("/api/deep/", "/"), ("/api/deep/x?y=/", "/x?y=/"), ("/api/deep?y", "/?y")]
    {
        let answer = gateway.ask(path, "").await;
        assert_eq!(answer.target(), seen);
        assert_eq!(answer.field("host"), [deep.address.to_string()]);
    }
    assert_eq!(port(&deep), 4);
}

#[tokio::test]
async fn case_is_no_way_around_a_stricter_route() {
    let upstream = Upstream::start().await;
    let gateway = Running::start(vec![
        route("open", "/", &upstream, open()),
        route("admin", "/admin", &upstream, keyed()),
        route("upper", "/Docs/API", &upstream, keyed()),
        route("docs", "/docs", &upstream, open()),
        route("Docs", "/DOCS", &upstream, open()),
    ])
    .await;
    for (path, status) in [
        ("/admin", 401),
        ("/Admin", 404),
        ("/ADMIN/x", 404),
        ("/%41dmin", 404),
        ("/aDMIN?x", 404),
        ("/Administrator", 200),
        ("/x/ADMIN", 200),
        ("/Docs/API/x", 401),
        ("/docs/api", 404),
        ("/docs/API", 404),
        ("/docs/x", 200),
        // A route of its own.
        ("/DOCS/x", 200),
        // Of no route more than of another.
        ("/Docs/x", 404),
    ] {
        assert_eq!(gateway.ask(path, "").await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_most_specific_host_decides_alone() {
    let upstream = Upstream::start().await;
    let with_hosts = |name: &str, prefix: &str, hosts: &[&str]| {
        let mut config = route(name, prefix, &upstream, open());
        config.hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
        config.upstream.host = UpstreamHost::Upstream;
        config.strip_prefix = true;
        config
    };
    let gateway = Running::start(vec![
        with_hosts("exact", "/exact", &["a.example", "[::1]"]),
        with_hosts("below", "/below", &["*.Example"]),
        with_hosts("any", "/any", &[]),
    ])
    .await;
    let status = async |host: &str, path: &str| {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Answered::read(&gateway.raw(text).await).status
    };
    for (host, path) in [
        ("a.example", "/exact"),
        ("A.EXAMPLE:99", "/exact"),
        ("a.example.", "/exact"),
        ("[::1]:1", "/exact"),
        ("[0:0::1]", "/exact"),
        ("b.example", "/below"),
        ("c.b.example", "/below"),
        ("example", "/any"),
        ("other", "/any"),
        ("127.0.0.1", "/any"),
    ] {
        assert_eq!(status(host, path).await, 200, "{host} {path}");
    }
    for (host, path) in [
        ("a.example", "/below"),
        ("a.example", "/any"),
        ("b.example", "/any"),
        ("other", "/exact"),
        ("other", "/"),
    ] {
        assert_eq!(status(host, path).await, 404, "{host} {path}");
    }
}

#[tokio::test]
async fn nothing_served_is_a_problem_document() {
    let upstream = Upstream::start().await;
    let gateway = Running::start(vec![route("api", "/api", &upstream, open())]).await;
    let answer = gateway.ask("/other", "").await;
    assert_eq!(answer.status, 404);
    assert!(answer.head.contains("content-type: application/problem+json"), "{answer:?}");
    assert!(answer.body.contains("\"status\":404") && answer.body.contains("req_"), "{answer:?}");
}

/// One request on a connection that stays.
async fn on(socket: &mut TcpStream, path: &str) -> u16 {
    let text = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = socket.read(&mut buffer).await.unwrap();
        assert!(length > 0, "the connection stays");
        read.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= wanted.parse::<usize>().unwrap() {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}

#[tokio::test]
async fn a_change_reaches_open_connections() {
    let upstream = Upstream::start().await;
    let gateway = Running::start(vec![route("open", "/", &upstream, open())]).await;
    let mut socket = gateway.connect().await;
    assert_eq!(on(&mut socket, "/x").await, 200);
    gateway.gateway.replace_routes(vec![route("keyed", "/", &upstream, keyed())]).unwrap();
    assert_eq!(on(&mut socket, "/x").await, 401);
    gateway.gateway.replace_routes(vec![route("open", "/y", &upstream, open())]).unwrap();
    assert_eq!(on(&mut socket, "/x").await, 404);
    assert_eq!(on(&mut socket, "/y").await, 200);
    assert_eq!(
        upstream.connections.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "pooled connections are kept"
    );
    let broken = gateway.gateway.replace_routes(vec![
        route("same", "/a", &upstream, open()),
        route("same", "/a", &upstream, open()),
        route("b d", "b", &upstream, open()),
    ]);
    assert_eq!(broken.unwrap_err().len(), 4, "every fault at once");
    assert_eq!(on(&mut socket, "/y").await, 200, "the old ones stay");
}

#[tokio::test]
async fn faults_of_routes_are_named() {
    let upstream = Upstream::start().await;
    let gateway = Running::start(vec![]).await;
    let fault = |change: &dyn Fn(&mut countersign_gateway::RouteConfig)| {
        let mut config = route("r", "/", &upstream, open());
        change(&mut config);
        gateway.gateway.replace_routes(vec![config]).unwrap_err().remove(0)
    };
    for prefix in ["", "x", "/a/../b", "/a//b", "/a?b", "/a;b"] {
        let found = fault(&|config| config.path_prefix = prefix.to_owned());
        assert!(matches!(found, RouteError::Prefix { .. }), "{prefix}: {found}");
    }
    for address in ["localhost", "ftp://x", "http://x/path", "https://needs.tls"] {
        let found = fault(&|config| config.upstream = UpstreamConfig::http1(address));
        assert!(matches!(found, RouteError::Upstream { .. }), "{address}: {found}");
    }
    assert!(matches!(fault(&|config| config.upstream.addresses.clear()), RouteError::NoUpstream(_)));
    assert!(matches!(fault(&|config| config.identity.audience.clear()), RouteError::Identity(_)));
    assert!(matches!(HostPattern::parse("a:80"), Err(RouteError::Host(_))));
    assert!(matches!(HostPattern::parse("a.*.b"), Err(RouteError::Host(_))));
}
