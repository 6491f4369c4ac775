//! Housekeeping: what has expired is removed in small steps, each one short transaction led by an index.

use std::time::Duration;

use countersign_model::Timestamp;

use crate::registrations::RemoveUnused;
use crate::sql::{Sql, params, statements};
use crate::tx::{Tx, Write};
use crate::{Result, Store};

/// How long changes are kept for processes that were away; whoever was away longer starts afresh.
const CHANGES: Duration = Duration::from_secs(60 * 60);
/// How long a grant stays after the last thing of it ended: what was redeemed in the last moment is still being issued.
const GRANTS_STAY: Duration = Duration::from_secs(10 * 60);
/// How long a decoupled request stays after its end, so that a client that still polls is told so.
const DECOUPLED_STAY: Duration = Duration::from_secs(10 * 60);
/// How many unused clients are removed at a time: each takes its grants and tokens with it.
const UNUSED_CLIENTS: u32 = 20;
/// How long certificates are listed after they ended.
const CERTIFICATES: Duration = Duration::from_secs(30 * 24 * 60 * 60);

statements! {
    /// Only those that were never used: a used one stays as long as its grant, so that its replay is known.
    CODES = "DELETE FROM authorization_codes WHERE hash IN (SELECT hash FROM authorization_codes \
        WHERE consumed_at IS NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    INTERACTIONS = "DELETE FROM interactions WHERE hash IN \
        (SELECT hash FROM interactions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    PUSHED_REQUESTS = "DELETE FROM pushed_requests WHERE hash IN \
        (SELECT hash FROM pushed_requests WHERE kept_until <= ?1 ORDER BY kept_until LIMIT ?2)";
    ASSERTIONS = "DELETE FROM assertions WHERE hash IN \
        (SELECT hash FROM assertions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    DECOUPLED = "DELETE FROM decoupled_requests WHERE hash IN \
        (SELECT hash FROM decoupled_requests WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    PROOFS = "DELETE FROM dpop_proofs WHERE hash IN \
        (SELECT hash FROM dpop_proofs WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    SESSIONS = "DELETE FROM sessions WHERE secret IN \
        (SELECT secret FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    ACCESS_TOKENS = "DELETE FROM access_tokens WHERE id IN \
        (SELECT id FROM access_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    REFRESH_TOKENS = "DELETE FROM refresh_tokens WHERE hash IN \
        (SELECT hash FROM refresh_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    /// Takes the codes with it.
    GRANTS = "DELETE FROM grants WHERE id IN \
        (SELECT id FROM grants WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    SIGNING_KEYS = "DELETE FROM signing_keys WHERE id IN \
        (SELECT id FROM signing_keys WHERE removed_at <= ?1 ORDER BY removed_at LIMIT ?2)";
    ISSUED = "DELETE FROM certificates WHERE serial IN \
        (SELECT serial FROM certificates WHERE not_after <= ?1 ORDER BY not_after LIMIT ?2)";
    REGISTRATION_TOKENS = "DELETE FROM registration_tokens WHERE id IN \
        (SELECT id FROM registration_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    ANNOUNCED = "DELETE FROM changes WHERE seq IN \
        (SELECT seq FROM changes WHERE at <= ?1 ORDER BY at LIMIT ?2)";
}

struct Remove {
    sql: &'static Sql,
    until: Timestamp,
    batch: u32,
}

impl Write for Remove {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        tx.execute(self.sql, params![self.until, self.batch]).await
    }
}

/// What is removed, in this order, and how long it stays after its end.
static STEPS: &[(&Sql, Duration)] = &[
    (&CODES, Duration::ZERO),
    (&INTERACTIONS, Duration::ZERO),
    (&PUSHED_REQUESTS, Duration::ZERO),
    (&ASSERTIONS, Duration::ZERO),
    (&PROOFS, Duration::ZERO),
    (&DECOUPLED, DECOUPLED_STAY),
    (&SESSIONS, Duration::ZERO),
    (&ACCESS_TOKENS, Duration::ZERO),
    (&REFRESH_TOKENS, Duration::ZERO),
    (&GRANTS, GRANTS_STAY),
    (&SIGNING_KEYS, Duration::ZERO),
    (&ISSUED, CERTIFICATES),
    (&REGISTRATION_TOKENS, Duration::ZERO),
    (&ANNOUNCED, CHANGES),
];

pub(crate) async fn purge(store: &Store, now: Timestamp, batch: u32) -> Result<u64> {
    let mut removed = store.write(RemoveUnused { now, batch: batch.min(UNUSED_CLIENTS) }).await?;
    for (sql, stay) in STEPS {
        removed += store.write(Remove { sql, until: now.minus(*stay), batch }).await?;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::STEPS;
    use crate::migrate;

    /// What is made by operators and people, lives with its owner, or is a fixed number of rows.
    const STAY: [&str; 8] = [
        "counters",
        "users",
        "clients",
        "client_registrations",
        "api_keys",
        "api_key_uses",
        "consents",
        "sealed_values",
    ];

    #[test]
    fn every_table_that_grows_by_itself_is_cleared() {
        let made = migrate::texts().flat_map(|text| text.split("CREATE TABLE ").skip(1));
        let mut tables: Vec<&str> = made.filter_map(|rest| rest.split([' ', '(']).next()).collect();
        let mut known: Vec<&str> =
            STEPS.iter().filter_map(|(sql, _)| sql.sqlite().split(' ').nth(2)).collect();
        known.extend(STAY);
        tables.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, tables);
    }

    #[test]
    fn every_step_is_small_and_led_by_an_index() {
        for (sql, _) in STEPS {
            let text = sql.sqlite();
            let (_, end) = text.split_once("ORDER BY ").unwrap();
            let by = end.split(' ').next().unwrap();
            assert!(end.ends_with("LIMIT ?2)"), "{text}");
            let table = text.split(' ').nth(2).unwrap();
            // Signing keys and registration tokens are a handful.
            let few = ["signing_keys", "registration_tokens"].contains(&table);
            let index = format!(" ON {table} ({by}");
            assert!(few || migrate::texts().any(|made| made.contains(&index)), "{text}");
        }
    }
}
