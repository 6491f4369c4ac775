//! What every answer carries.

use axum::http::{Method, StatusCode, header};
use countersign_server::ServerSettings;

use crate::browser::Browser;
use crate::support::{App, ISSUER};

#[tokio::test]
async fn pages_carry_their_guards() {
    let app = App::new().await;
    app.person("ada").await;
    let mut browser = Browser::new(&app);
    browser.sign_in("ada").await;
    for address in
        ["/", "/sign-in", "/sign-out", "/signed-out", "/account", "/nowhere", "/sign-in?continue=x"]
    {
        let page = browser.get(address).await;
        let header =
            |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{address}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{address}"
        );
        assert!(!policy.contains("unsafe"), "{address}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{address}");
        assert_eq!(header("x-frame-options"), "DENY", "{address}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{address}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{address}");
        assert_eq!(header("cache-control"), "no-store", "{address}");
        assert!(header("x-request-id").starts_with("req_"), "{address}");
        assert!(!page.shows("<script") && !page.shows("style="), "{address}");
    }
}

/// RFC 6797; FAPI 2.0 Security Profile §5.2.3, point 1.
#[tokio::test]
async fn browsers_are_told_to_insist_on_https() {
    let year = std::time::Duration::from_secs(365 * 86_400);
    let settings = ServerSettings { strict_transport_security: year, ..ServerSettings::default() };
    for (issuer, expected) in [
        (ISSUER, Some("max-age=31536000")),
        ("http://localhost:8400", None),
        ("https://localhost:8400", None),
    ] {
        let app = App::at(issuer, settings.clone()).await;
        for address in ["/", "/sign-in", "/authorize", "/token", "/jwks", "/healthz", "/nowhere"] {
            let page = Browser::new(&app).step(Method::GET, address, None, &[]).await;
            let said = page.headers.get("strict-transport-security").map(|value| value.to_str().unwrap());
            assert_eq!(said, expected, "{issuer} {address}");
        }
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_named_by_the_pages() {
    let app = App::new().await;
    let page = Browser::new(&app).get("/").await;
    let names = page.body.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let assets: Vec<&str> = names.filter(|name| name.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 2);
    for asset in assets {
        let answer = Browser::new(&app).get(asset).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
    assert_eq!(Browser::new(&app).get("/assets/main.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_taken() {
    let app = App::new().await;
    for (method, address, allow) in [
        (Method::GET, "/token", "POST,OPTIONS"),
        (Method::DELETE, "/sign-in", "GET,HEAD,POST"),
        (Method::PUT, "/jwks", "GET,HEAD,OPTIONS"),
        (Method::OPTIONS, "/sign-in", "GET,HEAD,POST"),
    ] {
        let answer = Browser::new(&app).step(method.clone(), address, None, &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {address}");
        assert_eq!(answer.headers[header::ALLOW], allow, "{method} {address}");
    }
    let head = Browser::new(&app).step(Method::HEAD, "/sign-in", None, &[]).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn scripts_of_other_origins_reach_what_takes_no_cookie_and_nothing_else() {
    let app = App::new().await;
    let origin = ("origin", "https://spa.example");
    for address in ["/token", "/revoke", "/userinfo", "/jwks", "/.well-known/openid-configuration"] {
        let asked = ("access-control-request-method", "POST");
        let answer = Browser::new(&app).step(Method::OPTIONS, address, None, &[origin, asked]).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{address}");
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{address}");
        assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
    for address in ["/introspect", "/sign-in", "/consent", "/authorize"] {
        let answer = Browser::new(&app).step(Method::OPTIONS, address, None, &[origin]).await;
        assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{address}");
    }
}
