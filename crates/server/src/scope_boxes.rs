//! Scopes on a page: in plain words, with a box where one may be left out.

use countersign_model::{Scope, ScopeSet};

use crate::pages::{Choice, ScopeLine};
use crate::params::{Malformed, Params};
use crate::state::AppState;

/// What a form says was agreed to: what can't be left out, and the boxes that were ticked. Whether that is what was asked
/// for is the engine's to say: nothing can be added, and nothing left out that can't be.
pub(crate) fn agreed(form: &Params<'_>) -> Result<ScopeSet, Malformed> {
    let fixed = form.one("scope").unwrap_or_default().split_ascii_whitespace();
    let scopes = fixed.chain(form.ticked(BOX)).map(str::parse::<Scope>);
    scopes.collect::<Result<_, _>>().map_err(|_| Malformed::Encoding)
}

/// What the name of a scope's box begins with.
const BOX: &str = "scope:";

/// What is asked for, with a box where it may be left out; one that is ticked, unless it was left out before.
pub(crate) fn choices(
    state: &AppState,
    asked: &ScopeSet,
    optional: &ScopeSet,
    left_out: &ScopeSet,
) -> Vec<ScopeLine> {
    let choice = |name: &str| match (optional.contains(name), left_out.contains(name)) {
        (false, _) => Choice::Fixed,
        (true, false) => Choice::Ticked,
        (true, true) => Choice::Unticked,
    };
    let lines = scope_lines(state, asked).into_iter();
    lines.map(|line| ScopeLine { choice: choice(&line.name), ..line }).collect()
}

/// Scopes in plain words, in the order in which people care.
pub(crate) fn scope_lines(state: &AppState, scopes: &ScopeSet) -> Vec<ScopeLine> {
    let mut scopes: Vec<&Scope> = scopes.iter().collect();
    scopes.sort_by_key(|scope| rank(scope.as_str()));
    scopes.into_iter().map(|scope| line(state, scope)).collect()
}

/// Who somebody is comes first, what lasts comes last, and what the services call theirs between.
fn rank(scope: &str) -> u8 {
    match scope {
        "openid" => 0,
        "profile" => 1,
        "email" | "phone" | "address" => 2,
        "offline_access" => 4,
        _ => 3,
    }
}

/// A scope in plain words: the operator's, or ours for the scopes of OpenID Connect and for those of GitHub that `/user`
/// knows.
fn line(state: &AppState, scope: &Scope) -> ScopeLine {
    let words = match (state.settings().scope_words.get(scope), scope.as_str()) {
        (Some(words), _) => words.clone(),
        (None, "openid") => "Know that it is you".to_owned(),
        (None, "profile" | "read:user") => "See your name and user name".to_owned(),
        (None, "email" | "user:email") => "See your e-mail address".to_owned(),
        (None, "user") => "See your name, your user name and your e-mail address".to_owned(),
        (None, "phone") => "See your telephone number".to_owned(),
        (None, "address") => "See your postal address".to_owned(),
        (None, "offline_access") => "Keep this access while you are away".to_owned(),
        (None, "approvals") => "See and answer, in your name, what waits for your approval".to_owned(),
        (None, _) => "Use the permission".to_owned(),
    };
    ScopeLine { name: scope.as_str().to_owned(), words, choice: Choice::Fixed }
}
