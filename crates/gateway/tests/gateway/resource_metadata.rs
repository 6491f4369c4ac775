//! What a protected resource is (RFC 9728), asked as a client asks.

use countersign_gateway::ProtectedResource;

use crate::support::{Answered, Running, Upstream, keyed, route};

async fn gateway(upstream: &Upstream) -> Running {
    let mut orders = route("orders", "/orders", upstream, keyed());
    let mut resource = ProtectedResource::new("https://api.example:8443/orders").unwrap();
    resource.authorization_servers = vec!["https://id.example".to_owned()];
    resource.scopes = "orders.read".parse().unwrap();
    resource.name = Some("Orders".to_owned());
    orders.resource = Some(resource);
    Running::start(vec![orders, route("rest", "/", upstream, keyed())]).await
}

async fn ask(gateway: &Running, method: &str, host: &str, path: &str) -> Answered {
    let text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    Answered::read(&gateway.raw(text).await)
}

#[tokio::test]
async fn anybody_may_read_what_a_route_protects() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let path = "/.well-known/oauth-protected-resource/orders";
    let answer = ask(&gateway, "GET", "api.example:8443", path).await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let expected = serde_json::json!({
        "resource": "https://api.example:8443/orders",
        "resource_name": "Orders",
        "authorization_servers": ["https://id.example"],
        "scopes_supported": ["orders.read"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(document, expected);
    let head = answer.head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    // The upstream has no part in it.
    assert_eq!(upstream.requests.load(std::sync::atomic::Ordering::SeqCst), 0);

    let preflight = ask(&gateway, "OPTIONS", "api.example", path).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.head.to_ascii_lowercase().contains("access-control-allow-headers: *"));
    assert_eq!(ask(&gateway, "POST", "api.example", path).await.status, 405);
}

#[tokio::test]
async fn another_host_or_path_is_an_ordinary_request() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let path = "/.well-known/oauth-protected-resource/orders";
    for (host, path) in [
        ("evil.example", path),
        ("api.example", "/.well-known/oauth-protected-resource"),
        ("api.example", "/.well-known/oauth-protected-resource/orders/x"),
        ("api.example", "/orders/.well-known/oauth-protected-resource"),
    ] {
        assert_eq!(ask(&gateway, "GET", host, path).await.status, 401, "{host}{path}");
    }
}
