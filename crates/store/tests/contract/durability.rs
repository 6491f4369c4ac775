//! `kill -9`: whatever was answered is there afterwards.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use countersign_model::{ClientId, TokenId};
use countersign_oauth::ports::AccessTokens as _;
use countersign_store::{Store, StoreSettings};

use crate::samples::*;

const DIRECTORY: &str = "COUNTERSIGN_STORE_TEST_WRITER";

/// What the child does: writes for ever, and prints each identifier once it was told that it is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    #[expect(clippy::disallowed_methods, reason = "how the parent tells its child that it is one")]
    let Some(directory) = std::env::var(DIRECTORY).ok().map(PathBuf::from) else { return };
    let store = Store::open(&StoreSettings::sqlite(directory)).await.unwrap();
    // The second time it is there already.
    let _ = store.create_client(&client("app")).await;
    let start = std::process::id();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let id = format!("tok_{start}_{task}_{number}");
                    store.record_issuance(&access(&id, &ClientId::new("app"), None), None).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    out.write_all(format!("kept {id}\n").as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    // Each round kills a writer that had recovered what the one before left.
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["durability::writer", "--exact", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut kept = 0;
        for line in lines {
            let line = line.unwrap();
            if let Some(at) = line.find("kept ") {
                acknowledged.push(line[at + 5..].to_owned());
                kept += 1;
            }
            if kept == 200 + round * 37 {
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(kept >= 200, "the writer ended by itself after {kept}");
    }
    let store = Store::open(&StoreSettings::sqlite(directory.path())).await.unwrap();
    for id in &acknowledged {
        assert!(store.access_token(&TokenId::new(id.as_str())).await.unwrap().is_some(), "{id} is lost");
    }
}
