//! Reload on SIGHUP and when the configuration file changes; stop on SIGTERM and Ctrl-C.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_net::CancellationToken;
use notify::{RecursiveMode, Watcher as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};

use super::live::Live;
use crate::config::load;
use crate::output::Failure;

/// A file is often written in several steps: wait this long for the last one.
const SETTLE: Duration = Duration::from_millis(300);

/// Reloads until `stopped`. A configuration that can't be used is refused, and the old one stays in force.
pub(super) async fn reload_on_change(file: PathBuf, live: Arc<Mutex<Live>>, stopped: CancellationToken) {
    let (sender, mut changed) = mpsc::channel::<()>(1);
    let watcher = watch(&file, sender.clone());
    if let Err(error) = &watcher {
        tracing::warn!(%error, file = %file.display(), "the file can't be watched: reload with SIGHUP");
    }
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP can't be received");
            return;
        }
    };
    let mut last = std::fs::read(&file).ok();
    loop {
        let forced = tokio::select! {
            () = stopped.cancelled() => return,
            _ = hangup.recv() => true,
            _ = changed.recv() => false,
        };
        if !forced {
            tokio::time::sleep(SETTLE).await;
            while changed.try_recv().is_ok() {}
        }
        let now = std::fs::read(&file).ok();
        if !forced && now == last {
            continue;
        }
        last = now;
        match reload(&file, &live).await {
            Ok(()) => tracing::warn!(file = %file.display(), "configuration reloaded"),
            Err(error) => {
                tracing::error!(%error, file = %file.display(), "the new configuration was refused; the old one stays in force");
            }
        }
    }
}

async fn reload(file: &Path, live: &Mutex<Live>) -> Result<(), Failure> {
    let config = load(file, std::env::vars())?;
    live.lock().await.reload(config).await
}

/// Watches the directory, because editors replace files rather than write into them.
fn watch(file: &Path, changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let directory = file.parent().unwrap_or(Path::new(".")).to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.contains(&file)) {
            // Full means that a reload is on its way already.
            let _ = changed.try_send(());
        }
    })?;
    watcher.watch(&directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Waits for SIGTERM, SIGINT or Ctrl-C.
pub(crate) async fn stop_signal() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
