//! What is logged, and what never is.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_gateway::{CallerTimeouts, GatewaySettings};
use serde_json::Value;

use crate::support::{Running, Upstream, keyed, open, route};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        let writer = self.clone();
        tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(move || writer.clone())
            .finish()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self, target: &str) -> Vec<Value> {
        let lines = self.text();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["target"] == target).collect()
    }
}

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
async fn what_is_no_request_is_told_too() {
    let written = Written::default();
    // With one subscriber alone, a line that a thread without it reaches first would be off for every thread.
    let _second = tracing::Dispatch::new(written.subscriber());
    let _logging = tracing::subscriber::set_default(written.subscriber());
    let upstream = Upstream::start().await;
    let short = Duration::from_millis(100);
    let settings = GatewaySettings {
        timeouts: CallerTimeouts { headers: short, ..CallerTimeouts::default() },
        ..GatewaySettings::default()
    };
    let gateway = Running::start_with(vec![route("open", "/", &upstream, open())], settings).await;
    for (bytes, reason) in [
        ("nonsense\r\n\r\n", "unreadable"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\0Y: 1\r\n\r\n", "unreadable"),
        (&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(200)), "too_many_headers"),
        ("GET / HTTP/1.1\r\nHost: a\r\n", "slow_head"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n", "framing"),
    ] {
        gateway.raw(bytes).await;
        let last = written.lines("audit").pop().unwrap_or_default();
        assert_eq!(last["fields"]["reason"], reason, "{bytes:?}");
        assert_eq!(last["fields"]["client"], "127.0.0.1", "{bytes:?}");
    }
    upstream.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(gateway.ask("/", "").await.status, 502);
    let text = written.text();
    assert!(text.contains("the upstream did not answer"), "{text}");
}

#[tokio::test]
async fn one_line_a_request_and_no_secret() {
    let written = Written::default();
    // With one subscriber alone, a line that a thread without it reaches first would be off for every thread.
    let _second = tracing::Dispatch::new(written.subscriber());
    let _logging = tracing::subscriber::set_default(written.subscriber());
    let upstream = Upstream::start().await;
    let gateway = Running::start(vec![route("keyed", "/", &upstream, keyed())]).await;
    let key = gateway.key.clone();
    gateway.ask(&format!("/x?key={key}&code=hidden"), "").await.seen();
    gateway.ask("/x", &format!("Authorization: ApiKey {key}\r\nCookie: a=hidden\r\n")).await.seen();
    let wrong = format!("{}zzzz", &key[..key.len() - 4]);
    assert_eq!(gateway.ask("/y", &format!("X-API-Key: {wrong}\r\n")).await.status, 401);
    assert_eq!(gateway.ask("/a/../y", "").await.status, 400);
    gateway.stop().await;

    let text = written.text();
    for secret in [&*key, &*wrong, "hidden"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let access = written.lines("access");
    assert_eq!(access.len(), 4, "{text}");
    let fields = &access[0]["fields"];
    assert_eq!((&fields["route"], &fields["path"]), (&"keyed".into(), &"/x".into()));
    assert_eq!((&fields["status"], &fields["outcome"]), (&200.into(), &"passed".into()));
    assert_eq!((&fields["subject"], &fields["auth"]), (&"owner".into(), &"api_key".into()));
    assert!(fields["request_id"].as_str().unwrap().starts_with("req_"), "{text}");
    let audit = written.lines("audit");
    let events: Vec<_> = audit.iter().map(|line| line["fields"]["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["denied", "refused"], "{text}");
    assert_eq!(audit[0]["fields"]["request_id"], access[2]["fields"]["request_id"]);
    assert_eq!(access[3]["fields"]["outcome"], "refused");
}
