//! Telling clients in ping mode that their requests were decided (OpenID Connect CIBA §10.2): in the background, from the
//! store, so that what was decided before a crash is told after it.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::{HeaderValue, StatusCode};
use countersign_net::{CancellationToken, FetchError, FetchRequest, Fetched, Fetcher};
use countersign_oauth::Ping;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use url::Url;

use crate::state::AppState;

/// How often the store is asked for what is due.
const TICK: Duration = Duration::from_secs(1);
/// Most at once: each is a connection to somebody else's server.
const AT_ONCE: u32 = 16;

/// What became of a ping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Delivery {
    /// The client has it.
    Arrived,
    /// It may arrive another time.
    Failed,
    /// It never will.
    Refused,
}

impl Delivery {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// Sends what is due until it is told to stop. The fetcher guards where it connects and how long it waits, and follows no
/// redirect (CIBA §10.2).
pub async fn send_pings(state: AppState, fetcher: Fetcher, stopped: CancellationToken) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            _ = interval.tick() => {}
        }
        match state.engine().due_pings(AT_ONCE).await {
            Ok(due) => send(&state, &fetcher, due).await,
            Err(error) => tracing::warn!(%error, "pings that are due could not be read"),
        }
    }
}

/// All of them at the same time, so that a slow client holds up no other for longer than one time-out.
async fn send(state: &AppState, fetcher: &Fetcher, due: Vec<Ping>) {
    let mut sending = JoinSet::new();
    for ping in due {
        let (state, fetcher) = (state.clone(), fetcher.clone());
        sending.spawn(async move {
            let delivery = deliver(&fetcher, &ping).await;
            metrics::counter!("countersign_pings_total", "outcome" => delivery.as_str()).increment(1);
            let settled = match delivery {
                Delivery::Arrived | Delivery::Refused => state.engine().pinged(&ping).await,
                Delivery::Failed => Ok(()),
            };
            if let Err(error) = settled {
                tracing::warn!(%error, "a ping may be sent once more");
            }
        });
    }
    while sending.join_next().await.is_some() {}
}

async fn deliver(fetcher: &Fetcher, ping: &Ping) -> Delivery {
    let endpoint = ping.endpoint.as_str();
    let Some(request) = request(ping) else {
        tracing::warn!(endpoint, "a client can't be pinged there");
        return Delivery::Refused;
    };
    let answer = fetcher.fetch(request).await;
    let delivery = judge(&answer);
    match (delivery, answer) {
        (Delivery::Arrived, _) => {}
        (_, Ok(answer)) => tracing::warn!(endpoint, status = answer.status.as_u16(), "a ping was not taken"),
        (_, Err(error)) => {
            tracing::warn!(endpoint, error = &error as &dyn std::error::Error, "a ping did not arrive");
        }
    }
    delivery
}

fn request(ping: &Ping) -> Option<FetchRequest> {
    // CIBA §4: https, whatever else the fetcher would take.
    let url = Url::parse(&ping.endpoint).ok().filter(|url| url.scheme() == "https")?;
    let bearer = format!("Bearer {}", ping.client_notification_token.expose());
    let mut bearer = HeaderValue::from_str(&bearer).ok()?;
    bearer.set_sensitive(true);
    let mut request = FetchRequest::post(url, "application/json", ping.to_json().into());
    request.headers.insert(AUTHORIZATION, bearer);
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Some(request)
}

/// CIBA §10.2: 204 or 200; a redirect is not followed; of what else there is, trying again may help or not.
fn judge(answer: &Result<Fetched, FetchError>) -> Delivery {
    match answer {
        Ok(answer) if answer.status.is_success() => Delivery::Arrived,
        Ok(answer)
            if answer.status.is_server_error()
                || matches!(answer.status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) =>
        {
            Delivery::Failed
        }
        Ok(_) => Delivery::Refused,
        Err(
            FetchError::Scheme { .. }
            | FetchError::Url { .. }
            | FetchError::Address { .. }
            | FetchError::Redirect { .. }
            | FetchError::TooLarge { .. }
            | FetchError::ContentType { .. },
        ) => Delivery::Refused,
        Err(
            FetchError::Resolve { .. }
            | FetchError::Connect { .. }
            | FetchError::Timeout { .. }
            | FetchError::Broken { .. },
        ) => Delivery::Failed,
    }
}
