//! Reload on SIGHUP and when the configuration file changes; stop on SIGTERM and Ctrl-C.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_model::TokenHash;
use countersign_net::CancellationToken;
use notify::{RecursiveMode, Watcher as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};

use super::live::Live;
use crate::config::load_to_serve;
use crate::output::Failure;

/// A file is often written in several steps: wait this long for the last one.
const SETTLE: Duration = Duration::from_millis(300);

/// Reloads until `stopped`: on SIGHUP, and when the configuration or a file it names changes. A configuration that can't
/// be used is refused, and the old one stays in force.
pub(super) async fn reload_on_change(file: PathBuf, live: Arc<Mutex<Live>>, stopped: CancellationToken) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::warn!(%error, "SIGHUP can't be received");
            return;
        }
    };
    let (sender, mut changed) = mpsc::channel::<()>(1);
    let mut watched = Watched::new(&file, &live, &sender).await;
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
        if !watched.have_changed() && !forced {
            continue;
        }
        match reload(&file, &live).await {
            Ok(()) => {
                tracing::warn!(file = %file.display(), "configuration reloaded");
                let before = watched.contents;
                watched = Watched::new(&file, &live, &sender).await;
                // What was written while this reload ran differs from what is known, and must not wait for more.
                watched.contents.extend(before);
                let _ = sender.try_send(());
            }
            Err(error) => {
                tracing::error!(%error, file = %file.display(), "the new configuration was refused; the old one stays in force");
            }
        }
    }
}

async fn reload(file: &Path, live: &Mutex<Live>) -> Result<(), Failure> {
    let config = load_to_serve(file, std::env::vars())?;
    live.lock().await.reload(config).await
}

/// The configuration and the files it names.
struct Watched {
    files: Vec<PathBuf>,
    /// What stood in each when it was last looked at, by hash: some hold secrets. `None` for one that can't be read.
    contents: BTreeMap<PathBuf, Option<TokenHash>>,
    /// Reports changes as long as it lives.
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Watched {
    async fn new(file: &Path, live: &Mutex<Live>, changed: &mpsc::Sender<()>) -> Self {
        let mut files = live.lock().await.files();
        files.push(file.to_owned());
        let watcher = watch(&files, changed.clone());
        if let Err(error) = &watcher {
            tracing::warn!(%error, file = %file.display(), "files can't be watched: reload with SIGHUP");
        }
        Self { contents: contents(&files), files, _watcher: watcher.ok() }
    }

    /// Looks again.
    fn have_changed(&mut self) -> bool {
        let now = contents(&self.files);
        let changed = now.iter().any(|(file, content)| self.contents.get(file) != Some(content));
        self.contents = now;
        changed
    }
}

fn contents(files: &[PathBuf]) -> BTreeMap<PathBuf, Option<TokenHash>> {
    let content = |file: &PathBuf| std::fs::read(file).ok().map(|bytes| TokenHash::of(&bytes));
    files.iter().map(|file| (file.clone(), content(file))).collect()
}

/// Watches directories, because editors and tools that renew certificates replace files rather than write into them.
fn watch(files: &[PathBuf], changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let places: BTreeSet<PathBuf> = files.iter().flat_map(|file| places(file)).collect();
    let directories: BTreeSet<PathBuf> =
        places.iter().filter_map(|place| place.parent().map(Path::to_owned)).collect();
    let ours = move |path: &PathBuf| {
        // Kubernetes mounts secrets through a link named `..data`, which is all that changes.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        hidden || places.contains(path)
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(&ours)) {
            // Full means that a reload is on its way already.
            let _ = changed.try_send(());
        }
    })?;
    for directory in directories {
        watcher.watch(&directory, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// Where a file is, as it is named and, when that is a link, as it is found.
fn places(file: &Path) -> Vec<PathBuf> {
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    };
    let named = directory.canonicalize().ok().zip(file.file_name()).map(|(place, name)| place.join(name));
    named.into_iter().chain(file.canonicalize().ok()).collect()
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
