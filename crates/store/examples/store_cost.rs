//! What the store costs an operation, among few live refresh tokens and among many: processor time of this process, and
//! the time until it was durable.
//!
//! `cargo run --release -p countersign-store --example store_cost [LIVE [postgres://…]]`: with so many live refresh tokens
//! [100000], in a SQLite database of its own or in an empty PostgreSQL database.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool, not the product")]

use std::time::Instant;

use countersign_access::ports::ApiKeys as _;
use countersign_model::TokenHash;
use countersign_oauth::ports::{
    AccessTokens as _, Basis, Clients as _, Codes as _, Grant, RefreshToken, RefreshTokens as _, Rotation,
};
use countersign_store::{Store, StoreSettings};

#[path = "../tests/contract/samples.rs"]
#[expect(dead_code, unreachable_pub, reason = "the nouns of the contract suite, of which few are needed")]
mod samples;
use samples::{access, api_key, at, client, grant, refresh, with_grant};

/// Operations under way at the same time.
const TASKS: u64 = 64;
/// Operations of a measurement.
const TIMES: u64 = 20_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let live = arguments.next().map_or(100_000, |count| count.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let settings = match arguments.next() {
        Some(url) => StoreSettings::postgres(url),
        None => StoreSettings::sqlite(directory.path()),
    };
    let began = Instant::now();
    let store = Store::open(&settings).await.unwrap();
    println!("{}: opened in {:?}", store.describe(), began.elapsed());
    let (person, app, first) = with_grant(&store).await;
    let grants: Vec<Grant> =
        (0..TASKS).map(|task| grant(&format!("grt_{task:032}"), &person, &app)).collect();
    for one in &grants {
        store.store_code(one, Basis::Voucher, &samples::code(one.id.as_str(), one)).await.unwrap();
    }

    reads(&store, &first).await;
    rotations(&store, &grants, 0).await;
    let began = Instant::now();
    each("", TASKS, live, |number| {
        let (store, one) = (store.clone(), first.clone());
        async move {
            let token = access(&format!("tok_live{number:024}"), &one.client, Some(&one));
            let refresh = refresh(&format!("live {number}"), &one);
            store.record_issuance(&token, Some(&refresh)).await.unwrap();
        }
    })
    .await;
    println!("{live} live refresh tokens in {:?}", began.elapsed());
    rotations(&store, &grants, 1).await;
    reads(&store, &first).await;
    store.close().await;
    let began = Instant::now();
    Store::open(&settings).await.unwrap().close().await;
    println!("opened again in {:?}", began.elapsed());
}

/// What the token endpoint and the gateway look up.
async fn reads(store: &Store, one: &Grant) {
    let key = api_key(one.id.as_str(), "x");
    // The second time it is there already.
    let _ = store.create_api_key(&key).await;
    store.record_issuance(&access("tok_one", &one.client, None), None).await.ok();
    each("API key by its hash", 1, TIMES, |_| async {
        store.api_key(&key.hash).await.unwrap().unwrap();
    })
    .await;
    each("client", 1, TIMES, |_| async {
        store.client(&one.client).await.unwrap().unwrap();
    })
    .await;
    each("access token by its id", 1, TIMES, |_| async {
        store.access_token(&"tok_one".into()).await.unwrap().unwrap();
    })
    .await;
}

/// What the token endpoint writes: each task turns the refresh token of its own grant over and over.
async fn rotations(store: &Store, grants: &[Grant], round: u64) {
    each("access token recorded", TASKS, TIMES, |number| {
        let store = store.clone();
        async move {
            let token = access(&format!("tok_{round}{number:031}"), &client("app").client_id, None);
            store.record_issuance(&token, None).await.unwrap();
        }
    })
    .await;
    for one in grants {
        let token = access(&format!("tok_{round}{}", one.id), &one.client, Some(one));
        store.record_issuance(&token, Some(&turn(one, round, 0))).await.unwrap();
    }
    each("refresh token rotated", TASKS, TIMES, |number| {
        let (store, one) = (store.clone(), grants.get((number % TASKS) as usize).unwrap().clone());
        async move {
            let (presented, next) =
                (turn(&one, round, number / TASKS), turn(&one, round, number / TASKS + 1));
            let token = access(&format!("tok_r{round}{number:030}"), &one.client, Some(&one));
            let turned = store.rotate_refresh_token(&presented.hash, at(0), &next, &token, at(1)).await;
            assert_eq!(turned.unwrap(), Rotation::Rotated);
        }
    })
    .await;
}

fn turn(grant: &Grant, round: u64, number: u64) -> RefreshToken {
    let text = format!("{} {round} {number}", grant.id);
    RefreshToken { hash: TokenHash::of(text.as_bytes()), ..refresh("", grant) }
}

/// Runs an operation so many times, some at the same time, and says what one took.
#[expect(clippy::cast_precision_loss, reason = "a measurement")]
async fn each<F: Future<Output = ()>>(what: &str, tasks: u64, times: u64, once: impl Fn(u64) -> F) {
    let (began, before) = (Instant::now(), processor_time());
    let task = async |first: u64| {
        for number in (first..times).step_by(tasks as usize) {
            once(number).await;
        }
    };
    futures_util::future::join_all((0..tasks).map(task)).await;
    let wall = began.elapsed().as_secs_f64() * 1e6 / times as f64;
    if !what.is_empty() {
        let spent = (processor_time() - before) / times as f64;
        println!("{what:<24} {spent:>8.1} µs of processor time, {wall:>8.1} µs until the next");
    }
}

/// Processor time of this process in microseconds (Linux).
fn processor_time() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1_000.0
}
