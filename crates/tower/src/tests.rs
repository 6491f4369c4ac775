//! A real service behind the layer.

use std::convert::Infallible;
use std::sync::Arc;

use countersign_access::ports::{ApiKeys, BoxFuture, Unavailable};
use countersign_access::{
    Access, ApiKeyPlacement, Limits, Peer, Rule, RuleSettings, Settings, Sources, api_key,
};
use countersign_model::{
    ApiKey, ApiKeyId, ApiKeyStatus, Clock, Env, Issuer, Method, SecretString, Subject, SystemRng, Timestamp,
    TokenHash,
};
use countersign_passwords::Hasher;
use http::{Request, Response, StatusCode};
use tower::{Service as _, ServiceExt as _, service_fn};

use super::*;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }
}

struct OneKey(Arc<ApiKey>);

impl ApiKeys for OneKey {
    fn api_key<'a>(&'a self, hash: &'a TokenHash) -> BoxFuture<'a, Result<Option<Arc<ApiKey>>, Unavailable>> {
        Box::pin(async move { Ok((self.0.hash == *hash).then(|| Arc::clone(&self.0))) })
    }
}

fn access() -> (Arc<Access>, SecretString) {
    let text = api_key::generate("csk", "test", &SystemRng);
    let key = ApiKey {
        id: ApiKeyId::from("key_1"),
        hash: text.hash(),
        name: "test".to_owned(),
        owner: Subject::from("usr_1"),
        scopes: "read".parse().unwrap(),
        routes: Vec::new(),
        addresses: countersign_model::AddressList::default(),
        requests_per_minute: None,
        status: ApiKeyStatus::Active,
        created_at: Timestamp::EPOCH,
        expires_at: None,
    };
    let settings = Settings {
        local_issuer: Issuer::from("http://localhost"),
        issuers: Vec::new(),
        subject_from_common_name: false,
        certificate_scopes: Vec::new(),
        trust_domains: Vec::new(),
        limits: Limits::default(),
    };
    let sources = Sources {
        accounts: Vec::new(),
        api_keys: Some(Arc::new(OneKey(Arc::new(key)))),
        revocations: None,
        fetch: None,
        key_use: None,
        hasher: Arc::new(Hasher::new(countersign_passwords::Limits::default(), Arc::new(SystemRng))),
        env: Env::system(),
    };
    (Arc::new(Access::new(settings, sources).unwrap()), text)
}

fn rule(anonymous: bool) -> Rule {
    let api_key = ApiKeyPlacement { query: Some("key".to_owned()), ..ApiKeyPlacement::default() };
    Rule::new(RuleSettings { accept: vec![Method::ApiKey], anonymous, api_key, ..RuleSettings::default() })
        .unwrap()
}

async fn ask(layer: &AccessLayer, request: Request<()>) -> Response<String> {
    let service = service_fn(|request: Request<()>| async move {
        let caller = Caller::of(request.extensions()).map(|caller| caller.subject.to_string());
        let mut text = format!("{caller:?} {} {:?}", request.uri(), request.headers().get("x-api-key"));
        if let Some(referer) = request.headers().get("referer") {
            text.push_str(&format!(" {:?}", Some(referer)));
        }
        Ok::<_, Infallible>(Response::new(text))
    });
    let mut service = layer.layer(service);
    service.ready().await.unwrap().call(request).await.unwrap()
}

#[tokio::test]
async fn a_request_with_a_key_arrives_with_its_caller_and_without_the_key() {
    let (access, key) = access();
    let layer = AccessLayer::new(access, rule(false), Arc::new(Noon));
    let request = Request::get("/a").header("X-API-Key", key.expose()).body(()).unwrap();
    assert_eq!(ask(&layer, request).await.body(), "Some(\"usr_1\") /a Some(Sensitive)");

    let uri = format!("http://h/a?x=1&key={}&y=2", key.expose());
    let request = Request::get(&uri).header("Referer", uri.clone()).body(()).unwrap();
    let answer = ask(&layer, request).await;
    assert_eq!(answer.body(), "Some(\"usr_1\") http://h/a?x=1&y=2 None Some(\"http://h/a?x=1&y=2\")");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    assert_eq!(answer.headers()["cache-control"], "private");
}

#[tokio::test]
async fn a_request_that_may_not_pass_is_answered_by_the_layer() {
    let (access, _) = access();
    let layer = AccessLayer::new(access, rule(false), Arc::new(Noon));
    let request = Request::get("/a").header("X-Request-Id", "req-7").body(()).unwrap();
    let response = ask(&layer, request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["www-authenticate"], "ApiKey realm=\"countersign\"");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.body().contains("\"request_id\":\"req-7\""), "{}", response.body());
}

#[tokio::test]
async fn an_anonymous_request_has_no_caller_and_a_wrong_key_is_refused_even_so() {
    let (access, _) = access();
    let layer = AccessLayer::new(access, rule(true), Arc::new(Noon));
    assert_eq!(ask(&layer, Request::get("/a").body(()).unwrap()).await.body(), "None /a None");
    let request = Request::get("/a").header("X-API-Key", "wrong").body(()).unwrap();
    assert_eq!(ask(&layer, request).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_connection_is_what_the_server_says() {
    let (access, _) = access();
    let basic = Rule::new(RuleSettings { accept: vec![Method::Basic], ..RuleSettings::default() }).unwrap();
    let layer = AccessLayer::new(access, basic, Arc::new(Noon));
    let request = || Request::get("/a").header("Authorization", "Basic YTpi").body(()).unwrap();
    // Nobody said that the connection is encrypted.
    assert_eq!(ask(&layer, request()).await.status(), StatusCode::FORBIDDEN);
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut encrypted = request();
    let connection = Connection { peer: Peer::new(address, None), client_address: address, secure: true };
    encrypted.extensions_mut().insert(connection);
    assert_eq!(ask(&layer, encrypted).await.status(), StatusCode::UNAUTHORIZED);
}
