//! Opening a store: migrations, and errors that say what to do.

use std::path::Path;

use countersign_oauth::ports::People as _;
use countersign_store::{Store, StoreError, StoreSettings};

use crate::fresh::Fresh;
use crate::samples::*;

contract!(opened_again, many_at_once, newer_is_refused, changed_is_refused);

async fn opened_again(fresh: Fresh) {
    let store = fresh.open().await;
    store.create_user(&user("ada")).await.unwrap();
    store.close().await;
    let store = fresh.open().await;
    assert_eq!(store.user(&user("ada").id).await.unwrap(), Some(user("ada")));
}

async fn many_at_once(fresh: Fresh) {
    let openings: Vec<_> = (0..6)
        .map(|_| {
            let settings = fresh.settings.clone();
            tokio::spawn(async move { Store::open(&settings).await })
        })
        .collect();
    for opening in openings {
        opening.await.unwrap().unwrap().ping().await.unwrap();
    }
}

async fn newer_is_refused(fresh: Fresh) {
    fresh.open().await.close().await;
    fresh
        .tamper(
            "INSERT INTO schema_migrations (version, name, checksum, product) VALUES (99, 'x', 'y', '7.8.9')",
        )
        .await;
    let error = Store::open(&fresh.settings).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("7.8.9") && message.contains(env!("CARGO_PKG_VERSION")), "{message}");
}

async fn changed_is_refused(fresh: Fresh) {
    fresh.open().await.close().await;
    fresh.tamper("UPDATE schema_migrations SET checksum = 'other' WHERE version = 1").await;
    let error = Store::open(&fresh.settings).await.unwrap_err();
    assert!(matches!(error, StoreError::ChangedMigration { version: 1, .. }), "{error}");
}

#[tokio::test]
async fn new_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let fresh = Fresh::sqlite();
    let store = fresh.open().await;
    store.create_user(&user("ada")).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = fresh.directory.as_ref().unwrap().path().join("data");
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "database, WAL and its index: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_corrupt_file_is_named() {
    let fresh = Fresh::sqlite();
    fresh.open().await.close().await;
    let file = fresh.directory.as_ref().unwrap().path().join("data/countersign.db");
    for garbage in [vec![b'x'; 8192], {
        // A good header, and then nothing that makes sense.
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[100..].fill(0xa5);
        bytes
    }] {
        std::fs::write(&file, &garbage).unwrap();
        let error = Store::open(&fresh.settings).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("countersign.db") && message.contains("backup"), "{message}");
        assert_eq!(std::fs::read(&file).unwrap(), garbage, "the damaged file is left as it is");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    // To root every directory of a disk is writable: take one of the kernel's.
    let root = std::fs::write(directory.path().join("probe"), b"").is_ok();
    let read_only = if root { Path::new("/proc/self/") } else { directory.path() };
    let file = directory.path().join("probe");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(&file, b"").unwrap();
    if !root {
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    }
    for path in [read_only.to_owned(), read_only.join("data"), file] {
        let error = Store::open(&StoreSettings::sqlite(&path)).await.unwrap_err();
        assert!(matches!(error, StoreError::DirectoryNotWritable { .. }), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_noticed_before_anything_is_lost() {
    let fresh = Fresh::sqlite();
    let store = fresh.open().await;
    store.create_user(&user("ada")).await.unwrap();
    let directory = fresh.directory.as_ref().unwrap().path().join("data");
    let (file, aside) = (directory.join("countersign.db"), directory.join("aside.db"));
    std::fs::rename(&file, &aside).unwrap();
    for exchanged in [false, true] {
        if exchanged {
            std::fs::copy(&aside, &file).unwrap();
        }
        for error in [store.ping().await.unwrap_err(), store.create_user(&user("bob")).await.unwrap_err()] {
            assert!(matches!(error, StoreError::Gone { .. }), "{error:?}");
            assert!(error.to_string().contains("countersign.db"), "{error}");
        }
    }
    std::fs::rename(&aside, &file).unwrap();
    store.ping().await.unwrap();
    store.create_user(&user("bob")).await.unwrap();
}
