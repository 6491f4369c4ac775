//! Figures, not tests: `cargo test --release -p countersign-store --test contract -- --ignored --nocapture speed`.

use std::io::Write as _;
use std::time::Instant;

use countersign_access::ports::ApiKeys as _;
use countersign_model::ClientId;
use countersign_oauth::ports::{AccessTokens as _, Clients as _};

use crate::fresh::Fresh;
use crate::samples::*;

fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// CPU time of this process, in microseconds (Linux).
fn cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").map(|tasks| tasks.flatten().collect()).unwrap_or(vec![]);
    tasks
        .iter()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1_000.0
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn sqlite() {
    measure("SQLite", Fresh::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn postgres() {
    if let Some(fresh) = Fresh::postgres() {
        measure("PostgreSQL", fresh).await;
    }
}

async fn measure(name: &str, fresh: Fresh) {
    let began = Instant::now();
    let store = fresh.open().await;
    say(&format!("{name}: first open {:?}; {}", began.elapsed(), resident()));
    let (_, app, _) = with_grant(&store).await;
    let key = api_key("one", "x");
    store.create_api_key(&key).await.unwrap();

    let (tasks, each) = (64, 1_000);
    let (began, spent) = (Instant::now(), cpu());
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let client = ClientId::new("app");
                for number in 0..each {
                    let token = access(&format!("tok_{number:08}{task:024}"), &client, None);
                    store.record_issuance(&token, None).await.unwrap();
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    let (took, spent, count) = (began.elapsed(), cpu() - spent, f64::from(tasks * each));
    let (rate, each) = (count / took.as_secs_f64(), spent / count);
    say(&format!("{name}: record_issuance, 64 at once: {rate:.0}/s, {each:.1} µs CPU each"));

    let rounds = 20_000;
    let began = Instant::now();
    for _ in 0..rounds {
        store.api_key(&key.hash).await.unwrap().unwrap();
    }
    say(&format!("{name}: API key by hash {:?}", began.elapsed() / rounds));
    let began = Instant::now();
    for _ in 0..rounds {
        store.client(&app.client_id).await.unwrap().unwrap();
    }
    say(&format!("{name}: client {:?}", began.elapsed() / rounds));
    let token = countersign_model::TokenId::new(format!("tok_{:08}{:024}", 3, 3));
    let began = Instant::now();
    for _ in 0..rounds {
        store.access_token(&token).await.unwrap().unwrap();
    }
    say(&format!("{name}: access token {:?}; {}", began.elapsed() / rounds, resident()));
    store.close().await;
    let began = Instant::now();
    fresh.open().await;
    say(&format!("{name}: open again {:?}", began.elapsed()));
}
