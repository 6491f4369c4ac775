//! `countersign keys`

use countersign_jose::Algorithm;
use countersign_keys::{Key, When};
use countersign_model::{KeyId, Timestamp};
use serde_json::{Value, json};

use super::Source;
use crate::output::{Failure, Format, moment, span, table};
use crate::wiring::{Desk, Parts};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::KEYS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    source: Source,
    /// Print the result as JSON.
    #[arg(long, global = true, help_heading = super::EVERYWHERE)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List signing keys and where each is in its life.
    List,
    /// Publish a new key; it signs once everybody has had time to fetch it.
    Rotate {
        /// The algorithm. Default: the one that signs.
        #[arg(long)]
        algorithm: Option<Algorithm>,
        /// Sign with the new key at once.
        #[arg(long)]
        now: bool,
    },
    /// Stop signing with a key; it stays published until its last token has expired.
    Retire {
        /// The key's id.
        kid: KeyId,
        /// In an emergency: unpublish it at once, so that nothing it signed is accepted any more.
        #[arg(long)]
        now: bool,
    },
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(arguments.source.load()?).await?;
    let parts = desk.parts().await?;
    let format = Format::new(arguments.json);
    let when = |now: bool| if now { When::Now } else { When::Published };
    match arguments.action {
        Action::List => list(&parts, format),
        Action::Rotate { algorithm, now } => {
            let ring = parts.keys.ring();
            let default = ring.policy().algorithms.first().copied().ok_or("keys.algorithms is empty")?;
            let before = ring.snapshot();
            let kid = ring.rotate(algorithm.unwrap_or(default), when(now)).await?;
            let began = match (now, before.key(&kid)) {
                (true, _) => Began::AtOnce,
                (false, None) => Began::Published,
                (false, Some(_)) => Began::Before,
            };
            show(&parts, &kid, began, format)
        }
        Action::Retire { kid, now } => {
            parts.keys.ring().retire(&kid, when(now)).await?;
            list(&parts, format)
        }
    }
}

fn list(parts: &Parts, format: Format) -> Result<(), Failure> {
    let now = parts.env.now();
    let keys = parts.keys.ring().snapshot();
    let values: Vec<Value> = keys.iter().map(|key| value(key, now)).collect();
    format.print(&values, || {
        let end = |moment_: Option<Timestamp>| moment_.map_or_else(|| "-".to_owned(), moment);
        let rows = keys.iter().map(|key| {
            [
                key.stored.id.to_string(),
                key.stored.algorithm.clone(),
                key.state(now).as_str().to_owned(),
                moment(key.stored.active_from),
                end(key.stored.retired_at),
                end(key.stored.removed_at),
            ]
        });
        table(["kid", "algorithm", "state", "signs from", "until", "published until"], rows)
    })
}

/// What a rotation came to.
enum Began {
    /// The key signs.
    AtOnce,
    /// The key is published, and signs later.
    Published,
    /// It was published before: nothing was done.
    Before,
}

fn show(parts: &Parts, kid: &KeyId, began: Began, format: Format) -> Result<(), Failure> {
    let now = parts.env.now();
    let keys = parts.keys.ring().snapshot();
    let key = keys.key(kid).ok_or("the new key is gone again: another node retired it")?;
    format.print(&value(key, now), || {
        let wait = span(key.stored.active_from.since(now));
        let at = moment(key.stored.active_from);
        match began {
            Began::AtOnce => format!(
                "key {kid} signs from now on; the old one stays published until its last token has expired"
            ),
            Began::Published => format!("key {kid} is published now and signs in {wait} ({at})"),
            Began::Before => format!(
                "key {kid} is published already and signs in {wait} ({at}): nothing was changed; --now signs with a new one at once"
            ),
        }
    })
}

fn value(key: &Key, now: Timestamp) -> Value {
    json!({
        "kid": key.stored.id,
        "algorithm": key.stored.algorithm,
        "state": key.state(now).as_str(),
        "published_at": key.stored.published_at.seconds(),
        "active_from": key.stored.active_from.seconds(),
        "retired_at": key.stored.retired_at.map(Timestamp::seconds),
        "removed_at": key.stored.removed_at.map(Timestamp::seconds),
    })
}
