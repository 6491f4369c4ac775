//! `countersign user`

use countersign_access::TokenKind;
use countersign_model::{ScopeSet, User, UserId, UserKind, UserStatus, Username};
use countersign_oauth::ports::People as _;
use serde_json::{Value, json};

use super::Source;
use super::secrets::{ChosenPassword, PasswordSource, SecretSink, Shown};
use crate::output::{Failure, Format, facts, moment, table};
use crate::wiring::{Desk, hasher};

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::USER)]
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
    /// Add a person or a service account.
    Add(Add),
    /// List people and service accounts.
    List,
    /// Show one account.
    Show {
        /// The name they sign in with.
        name: Username,
    },
    /// Set a new password; sessions and remembered pairs end at once.
    Password {
        /// The name they sign in with.
        name: Username,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        sink: SecretSink,
    },
    /// Disable an account; what it holds and the applications it owns stop working at once.
    Disable {
        /// The name they sign in with.
        name: Username,
    },
    /// Enable a disabled account; the applications it owns work again.
    Enable {
        /// The name they sign in with.
        name: Username,
    },
}

#[derive(Debug, clap::Args)]
#[command(after_help = super::help::USER)]
struct Add {
    /// The name they sign in with.
    name: Username,
    /// A program rather than a person: it never signs in at a page.
    #[arg(long)]
    service: bool,
    /// How pages and the `name` claim call them.
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// E-mail address.
    #[arg(long, value_parser = email)]
    email: Option<String>,
    /// What Basic authentication as this account may do, separated by spaces.
    #[arg(long, default_value = "", hide_default_value = true)]
    scopes: ScopeSet,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    sink: SecretSink,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let desk = Desk::open(arguments.source.load()?).await?;
    let format = Format::new(arguments.json);
    match arguments.action {
        Action::Add(add) => add.run(&desk, format).await,
        Action::List => list(&desk, format).await,
        Action::Show { name } => show(&find(&desk, &name).await?, format),
        Action::Password { name, password, sink } => {
            set_password(&desk, &name, &password, &sink, format).await
        }
        Action::Disable { name } => set_status(&desk, &name, UserStatus::Disabled, format).await,
        Action::Enable { name } => set_status(&desk, &name, UserStatus::Enabled, format).await,
    }
}

/// What looks like an address: a claim to be proven, not a proof (RFC 5321 §4.5.3.1 has the length).
fn email(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    if parts.is_none() || text.len() > 254 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("an e-mail address is a name, @ and a host".to_owned());
    }
    Ok(text.to_owned())
}

impl Add {
    async fn run(self, desk: &Desk, format: Format) -> Result<(), Failure> {
        self.password.check(&self.sink)?;
        let chosen = self.password.obtain(|| desk.generate(TokenKind::Password))?;
        let now = desk.env.now();
        let user = User {
            id: UserId::generate(now, &*desk.env.rng),
            username: self.name,
            kind: if self.service { UserKind::Service } else { UserKind::Person },
            status: UserStatus::Enabled,
            display_name: self.display_name,
            email: self.email,
            email_verified: false,
            scopes: self.scopes,
            password: Some(hasher(&desk.config, &desk.env).hash(&chosen.password).await?),
            created_at: now,
            password_changed_at: now,
        };
        desk.store.create_user(&user).await?;
        print_with_password(&user, &chosen, &self.sink, "added", format)
    }
}

async fn find(desk: &Desk, name: &Username) -> Result<User, Failure> {
    desk.store
        .user_by_name(name)
        .await?
        .ok_or_else(|| format!("there is no account named {name}: `countersign user list` shows them").into())
}

async fn list(desk: &Desk, format: Format) -> Result<(), Failure> {
    let mut users: Vec<User> = Vec::new();
    loop {
        let page = desk.store.users(users.last().map(|user| &user.username), 500).await?;
        if page.is_empty() {
            break;
        }
        users.extend(page);
    }
    let values: Vec<Value> = users.iter().map(value).collect();
    format.print(&values, || {
        let rows = users.iter().map(|user| {
            [
                user.username.to_string(),
                user.id.to_string(),
                kind(user).to_owned(),
                status(user).to_owned(),
                user.scopes.to_string(),
                moment(user.created_at),
            ]
        });
        table(["name", "id", "kind", "status", "scopes", "created"], rows)
    })
}

fn show(user: &User, format: Format) -> Result<(), Failure> {
    format.print(&value(user), || describe(user))
}

async fn set_password(
    desk: &Desk,
    name: &Username,
    source: &PasswordSource,
    sink: &SecretSink,
    format: Format,
) -> Result<(), Failure> {
    source.check(sink)?;
    let user = find(desk, name).await?;
    let chosen = source.obtain(|| desk.generate(TokenKind::Password))?;
    let hash = hasher(&desk.config, &desk.env).hash(&chosen.password).await?;
    desk.store.set_password(&user.id, Some(&hash), desk.env.now()).await?;
    print_with_password(&user, &chosen, sink, "has a new password", format)
}

async fn set_status(desk: &Desk, name: &Username, wanted: UserStatus, format: Format) -> Result<(), Failure> {
    let user = find(desk, name).await?;
    desk.store.set_user_status(&user.id, wanted, desk.env.now()).await?;
    show(&User { status: wanted, ..user }, format)
}

/// The account, and the password if it was made here: this is the only time it is shown.
fn print_with_password(
    user: &User,
    chosen: &ChosenPassword,
    sink: &SecretSink,
    done: &str,
    format: Format,
) -> Result<(), Failure> {
    let shown = chosen.generated.then(|| sink.put(&chosen.password)).transpose()?;
    let mut document = value(user);
    if let (Some(shown), Value::Object(object)) = (&shown, &mut document) {
        object.insert("password".to_owned(), json!(shown.value()));
        object.insert("password_file".to_owned(), json!(shown.file()));
    }
    format.print(&document, || {
        let mut text = format!("{} ({}) {done}", user.username, user.id);
        if let Some(password) = shown.as_ref().and_then(Shown::value) {
            text.push_str(&format!("\npassword: {password}\nOnly its hash is kept: it is not shown again."));
        }
        text
    })
}

fn kind(user: &User) -> &'static str {
    match user.kind {
        UserKind::Person => "person",
        UserKind::Service => "service",
    }
}

fn status(user: &User) -> &'static str {
    match user.status {
        UserStatus::Enabled => "enabled",
        UserStatus::Disabled => "disabled",
    }
}

/// Everything but the password's hash.
fn value(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "kind": user.kind,
        "status": user.status,
        "display_name": user.display_name,
        "email": user.email,
        "scopes": user.scopes,
        "created_at": user.created_at.seconds(),
    })
}

fn describe(user: &User) -> String {
    let none = || "-".to_owned();
    facts([
        ("name", user.username.to_string()),
        ("id", user.id.to_string()),
        ("kind", kind(user).to_owned()),
        ("status", status(user).to_owned()),
        ("display name", user.display_name.clone().unwrap_or_else(none)),
        ("e-mail", user.email.clone().unwrap_or_else(none)),
        ("scopes", user.scopes.to_string()),
        ("created", moment(user.created_at)),
    ])
}
