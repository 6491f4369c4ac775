//! `countersign session`

use countersign_model::{SessionId, UserId, Username};
use countersign_oauth::ports::{Offline, People as _};
use countersign_store::{ListedSession, RevokedSessions, WhichSessions};
use serde_json::{Value, json};

use super::Source;
use crate::output::{Failure, Format, moment, table};
use crate::wiring::Desk;

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::SESSION)]
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
    /// List live sessions.
    List {
        /// Only those of this person.
        #[arg(long, value_name = "NAME")]
        user: Option<Username>,
    },
    /// End a session and every token that was given in it, at once.
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::SESSION)]
struct Revoke {
    /// The session's id: `sid` in its tokens. It may have ended already; its tokens live longer.
    #[arg(required_unless_present = "user", conflicts_with = "user")]
    id: Option<SessionId>,
    /// Instead: every session of this person, and what was given in any.
    #[arg(long, value_name = "NAME")]
    user: Option<Username>,
    /// Also what the person agreed should last while they are away (`offline_access`).
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(arguments.source.load()?).await?;
    let format = Format::new(arguments.json);
    match arguments.action {
        Action::List { user } => list(&desk, user.as_ref(), format).await,
        Action::Revoke(revoke) => revoke.run(&desk, format).await,
    }
}

async fn person(desk: &Desk, name: &Username) -> Result<UserId, Failure> {
    let found = desk.store.user_by_name(name).await?;
    let found = found
        .ok_or_else(|| format!("there is no account named {name}: `countersign user list` shows them"))?;
    Ok(found.id)
}

async fn list(desk: &Desk, name: Option<&Username>, format: Format) -> Result<(), Failure> {
    let user = match name {
        None => None,
        Some(name) => Some(person(desk, name).await?),
    };
    let now = desk.env.now();
    let mut sessions: Vec<ListedSession> = Vec::new();
    loop {
        let after = sessions.last().map(|listed| &listed.session.id);
        let page = desk.store.sessions(user.as_ref(), after, (500, now)).await?;
        if page.is_empty() {
            break;
        }
        sessions.extend(page);
    }
    let values: Vec<Value> = sessions.iter().map(value).collect();
    format.print(&values, || {
        let rows = sessions.iter().map(|ListedSession { session, username, grants }| {
            [
                session.id.to_string(),
                username.to_string(),
                moment(session.auth_time),
                session.amr.join(" "),
                moment(session.expires_at),
                grants.to_string(),
            ]
        });
        table(["id", "name", "signed in", "by", "expires", "grants"], rows)
    })
}

impl Revoke {
    async fn run(self, desk: &Desk, format: Format) -> Result<(), Failure> {
        let which = match (self.id, self.user) {
            (Some(id), _) => WhichSessions::One(id),
            (None, Some(name)) => WhichSessions::OfPerson(person(desk, &name).await?),
            (None, None) => return Err("name a session, or a person with --user".into()),
        };
        let offline = if self.offline { Offline::Ended } else { Offline::Kept };
        let revoked = desk.store.revoke_sessions(&which, offline, desk.env.now()).await?;
        let RevokedSessions { sessions, grants, left } = revoked;
        if let (WhichSessions::One(id), 0, 0, 0) = (&which, sessions, grants, left) {
            return Err(format!("there is no session {id}, and nothing that was given in it: `countersign session list` shows those that live").into());
        }
        format.print(&json!({ "sessions": sessions, "grants": grants, "grants_left": left }), || {
            let mut text = format!(
                "{} ended, {} revoked with their tokens",
                counted(sessions, "session"),
                counted(grants, "grant")
            );
            if left > 0 {
                text.push_str(&format!(
                    "\nleft, because it was given with offline_access: {}; --offline ends that too",
                    counted(left, "grant")
                ));
            }
            text
        })
    }
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Everything but the cookie's hash.
fn value(listed: &ListedSession) -> Value {
    let ListedSession { session, username, grants } = listed;
    json!({
        "id": session.id,
        "username": username,
        "user_id": session.user,
        "auth_time": session.auth_time.seconds(),
        "amr": session.amr,
        "acr": session.acr,
        "created_at": session.created_at.seconds(),
        "expires_at": session.expires_at.seconds(),
        "grants": grants,
    })
}
