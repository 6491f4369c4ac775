//! What is logged, and what never is.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{Running, Upstream, keyed, route};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_line_a_request_and_no_secret() {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let upstream = Upstream::start().await;
    let gateway = Running::start(vec![route("keyed", "/", &upstream, keyed())]).await;
    let key = gateway.key.clone();
    gateway.ask(&format!("/x?key={key}&code=hidden"), "").await.seen();
    gateway.ask("/x", &format!("Authorization: ApiKey {key}\r\nCookie: a=hidden\r\n")).await.seen();
    let wrong = format!("{}zzzz", &key[..key.len() - 4]);
    assert_eq!(gateway.ask("/y", &format!("X-API-Key: {wrong}\r\n")).await.status, 401);
    assert_eq!(gateway.ask("/a/../y", "").await.status, 400);
    gateway.stop().await;

    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for secret in [&*key, &*wrong, "hidden"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |target: &str| lines.iter().filter(|line| line["target"] == target).collect::<Vec<_>>();
    let access = of("access");
    assert_eq!(access.len(), 4, "{text}");
    let fields = &access[0]["fields"];
    assert_eq!((&fields["route"], &fields["path"]), (&"keyed".into(), &"/x".into()));
    assert_eq!((&fields["status"], &fields["outcome"]), (&200.into(), &"passed".into()));
    assert_eq!((&fields["subject"], &fields["auth"]), (&"owner".into(), &"api_key".into()));
    assert!(fields["request_id"].as_str().unwrap().starts_with("req_"), "{text}");
    let audit = of("audit");
    let events: Vec<_> = audit.iter().map(|line| line["fields"]["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["denied", "refused"], "{text}");
    assert_eq!(audit[0]["fields"]["request_id"], access[2]["fields"]["request_id"]);
    assert_eq!(access[3]["fields"]["outcome"], "refused");
}
