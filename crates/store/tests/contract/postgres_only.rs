//! What only PostgreSQL has: connections that are refused or lost.

use countersign_access::ports::Change;
use countersign_store::{Announcement, Store, StoreError, StoreSettings};

use crate::fresh::{Fresh, next};
use crate::postgres_server::server;
use crate::samples::*;

#[tokio::test]
async fn refusals_say_what_to_do_and_no_password() {
    let Some(server) = server() else { return };
    let good = server.url("postgres");
    let port = server.port().to_string();
    // A port nobody listens on: bound, never listened on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    for (url, expected) in [
        (good.replace(&port, &free), "can't be reached"),
        (good.replace("pg-test-password", "pg-test-password-wrong"), "password of the database URL"),
        (good.replace("/postgres", "/nowhere").replace("nowhere://", "postgres://"), "createdb"),
        (format!("{good}?sslmode=verify-full"), "sslmode=disable"),
    ] {
        let error = Store::open(&StoreSettings::postgres(&url)).await.unwrap_err();
        let message = format!("{error} {error:?}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("pg-test-password"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_made_again() {
    let Some(fresh) = Fresh::postgres() else { return };
    let (here, there) = (fresh.open().await, fresh.open().await);
    let mut heard = there.subscribe();
    here.create_user(&user("ada")).await.unwrap();
    let change = |name: &str| Announcement::Change(Change::User(user(name).id, user(name).username));
    assert_eq!(next(&mut heard).await, change("ada"));
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    fresh.tamper(others).await;
    // A write whose connection was lost may fail, for nobody knows whether it was kept; the next one works.
    while let Err(error) = here.create_user(&user("bob")).await {
        assert!(!matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    }
    assert_eq!(next(&mut heard).await, change("bob"));
    there.ping().await.unwrap();
}
