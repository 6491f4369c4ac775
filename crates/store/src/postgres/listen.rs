//! Listens for other nodes' commits on a connection of its own, and connects again whenever that is lost.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::AsyncMessage;

use super::target::Target;
use crate::changes::LISTEN;

/// Wakes `wake` at every notification, and after every reconnection, because something may have been missed.
pub(super) async fn listen(target: Arc<Target>, wake: Arc<Notify>) {
    let mut pause = Duration::from_millis(100);
    loop {
        match target.connect().await {
            Ok((client, mut connection)) => {
                let messages = async {
                    loop {
                        match poll_fn(|context| connection.poll_message(context)).await {
                            Some(Ok(AsyncMessage::Notification(_))) => wake.notify_one(),
                            Some(Ok(_)) => {}
                            Some(Err(_)) | None => return,
                        }
                    }
                };
                let listening = async {
                    match client.batch_execute(LISTEN).await {
                        Ok(()) => wake.notify_one(),
                        Err(error) => tracing::warn!(%error, "could not listen for changes"),
                    }
                    // The connection ends with its client: keep it.
                    std::future::pending::<()>().await;
                };
                tokio::select! { () = messages => {}, () = listening => {} }
                pause = Duration::from_millis(100);
            }
            Err(error) => tracing::debug!(%error, "could not connect to listen for changes"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
