//! The contract suite: every operation, on SQLite and on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests say what they expect by failing"
)]

/// Runs each test on both databases.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::fresh::Fresh::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(fresh) = crate::fresh::Fresh::postgres() {
                    super::$name(fresh).await;
                }
            })+
        }
    };
}

mod access_tokens;
mod api_keys;
mod applications;
mod backchannel;
mod certificates;
mod changes;
mod clients;
mod codes;
mod decoupled;
mod durability;
mod fresh;
mod opening;
mod postgres_only;
mod purge;
mod races;
mod refresh_tokens;
mod registrations;
mod samples;
mod sessions;
mod signing_keys;
mod small_things;
mod upgrade;
mod users;

#[path = "../support/postgres.rs"]
mod postgres_server;
