//! Asking a person whether a client may have what it asks for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_model::{Client, ClientOrigin, Scope, ScopeSet};
use countersign_oauth::ports::People as _;
use countersign_oauth::{ConsentRequest, Step};

use super::authorize::{next, respond};
use crate::browser::{Browser, Form};
use crate::failure::Failure;
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{Backing, Choice, ConsentPage, Destinations, ScopeLine, page, picture, see_other};
use crate::params::{Malformed, Params};
use crate::state::{AppState, SignedIn};

/// `GET /consent?continue=…`
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let interaction = query.one("continue").ok_or(Failure::Expired)?;
    let browser = Browser::known(state.cookies(), &headers).ok_or(Failure::Expired)?;
    let signed_in = state.signed_in(&headers).await?;
    let session = signed_in.as_ref().map(|signed_in| &signed_in.session);
    match (state.engine().resume(interaction, session, &browser.hash()).await?, signed_in) {
        (Step::Consent(request), Some(signed_in)) => ask(&state, &browser, &request, &signed_in).await,
        (step, _) => Ok(next(&state, &step)),
    }
}

/// `POST /consent`
pub(crate) async fn submit(State(state): State<AppState>, form: PageForm) -> Result<Response, Failure> {
    let interaction = form.one("continue").ok_or(Failure::Expired)?;
    let session = state.session(form.headers()).await?;
    // The form belongs to this waiting request and to the session it was shown in: whoever signs in as somebody else
    // meanwhile is asked again.
    let about = about(interaction, session.as_ref().map_or("", |session| session.id.as_str()));
    let browser = form.check(&state, Form::Consent, &about)?;
    match (form.one("decision"), session) {
        (Some("allow"), Some(session)) => {
            let agreed = agreed(form.params())?;
            let step = state.engine().consent_given(interaction, &session, &browser.hash(), &agreed).await?;
            Ok(next(&state, &step))
        }
        (Some("deny"), _) => {
            let answer = state.engine().denied(interaction, &browser.hash()).await?;
            Ok(respond(&state, &answer))
        }
        (_, _) => Ok(see_other(&state.path(&format!("/consent?continue={interaction}")))),
    }
}

fn about(interaction: &str, session: &str) -> String {
    format!("{interaction} {session}")
}

async fn ask(
    state: &AppState,
    browser: &Browser,
    request: &ConsentRequest,
    signed_in: &SignedIn,
) -> Result<Response, Failure> {
    let interaction = request.interaction.expose();
    let csrf = browser.form_token(Form::Consent, &about(interaction, signed_in.session.id.as_str()));
    let redirect_uri = request.redirect_uri.as_str();
    let logo = request.client.information.logo_uri.as_deref();
    let logo = logo.filter(|logo| picture(logo).is_some() && may_show(&request.client, redirect_uri, logo));
    let template = ConsentPage {
        frame: state.frame(),
        client: &request.client.client_name,
        logo,
        backing: backing(state, &request.client).await?,
        links: links(&request.client, redirect_uri),
        on_this_device: is_anybodys_word(&request.client) && stays_here(redirect_uri),
        person: signed_in.name(),
        username: signed_in.user.username.as_str(),
        scopes: choices(state, &request.scopes, &request.optional, &request.left_out),
        details: &request.details,
        scope: &request.scopes.difference(&request.optional).to_string(),
        destination: &destination(redirect_uri),
        interaction,
        csrf: &csrf,
    };
    let destinations = destinations(&request.client, Some(redirect_uri)).with_picture(logo);
    Ok(page(StatusCode::OK, &template, &destinations))
}

/// What a form says was agreed to: what can't be left out, and the boxes that were ticked. Whether that is what was asked
/// for is the engine's to say: nothing can be added, and nothing left out that can't be.
pub(crate) fn agreed(form: &Params<'_>) -> Result<ScopeSet, Malformed> {
    let fixed = form.one("scope").unwrap_or_default().split_ascii_whitespace();
    let scopes = fixed.chain(form.ticked(BOX)).map(str::parse::<Scope>);
    scopes.collect::<Result<_, _>>().map_err(|_| Malformed::Encoding)
}

/// What the name of a scope's box begins with.
const BOX: &str = "scope:";

/// Who stands behind an application.
pub(crate) async fn backing(state: &AppState, client: &Client) -> Result<Backing, Failure> {
    if let Some(owner) = &client.owner {
        let owner = state.store().user(owner).await?;
        return Ok(owner.map_or(Backing::Itself, |owner| {
            let username = owner.username.to_string();
            Backing::Person(match owner.display_name {
                Some(name) if name != username => format!("{name} ({username})"),
                Some(_) | None => username,
            })
        }));
    }
    Ok(match client.origin {
        ClientOrigin::Operator => Backing::Operator,
        ClientOrigin::Registration => Backing::Itself,
        ClientOrigin::MetadataDocument { .. } => {
            document_host(client).map_or(Backing::Itself, |host| Backing::Host(host.to_owned()))
        }
    })
}

/// The pages that an application names (RFC 7591 §2: people should be shown them).
fn links<'a>(client: &'a Client, redirect_uri: &str) -> Vec<(&'static str, &'a str)> {
    let about = &client.information;
    let pages = [("Website", &about.client_uri), ("Privacy", &about.policy_uri), ("Terms", &about.tos_uri)];
    let named = pages.into_iter().filter_map(|(what, address)| Some((what, address.as_deref()?)));
    let is_page = |address: &str| address.starts_with("https://") && may_show(client, redirect_uri, address);
    named.filter(|(_, address)| is_page(address)).collect()
}

/// Whether a page may show what a client names at this address. RFC 7591 §5: whoever registers can call itself anything;
/// so what nobody here vouches for is shown from the host alone that gets the answer, or that has the client's metadata
/// document. The other redirect URIs prove nothing: they are written down as easily as a name.
fn may_show(client: &Client, redirect_uri: &str, address: &str) -> bool {
    if !is_anybodys_word(client) {
        return true;
    }
    let host = |address: &str| {
        let url = url::Url::parse(address).ok().filter(|url| url.scheme() == "https")?;
        url.host_str().map(str::to_owned)
    };
    let document = document_host(client).is_some().then(|| client.client_id.as_str());
    let shown = host(address);
    shown.is_some() && [Some(redirect_uri), document].into_iter().flatten().any(|own| host(own) == shown)
}

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

/// The host of a client's metadata document: the one thing about it that was proved ("Client ID Metadata Document",
/// security considerations).
fn document_host(client: &Client) -> Option<&str> {
    let ClientOrigin::MetadataDocument { .. } = client.origin else { return None };
    // The engine takes such names in their plainest form only: what stands before the path is host and port.
    client.client_id.as_str().strip_prefix("https://")?.split('/').next()
}

/// Whether nobody here vouches for who the client is.
fn is_anybodys_word(client: &Client) -> bool {
    match client.origin {
        ClientOrigin::Operator => client.owner.is_some(),
        ClientOrigin::Registration | ClientOrigin::MetadataDocument { .. } => true,
    }
}

/// MCP Authorization, "Localhost Redirect URI Risks"; RFC 8252 §8.6: whoever listens on this device gets the answer.
fn stays_here(redirect_uri: &str) -> bool {
    !redirect_uri.starts_with("https://")
}

/// Where the forms of a page may lead when a client waits.
pub(crate) fn destinations(client: &Client, answer: Option<&str>) -> Destinations {
    Destinations::of(answer.into_iter().chain(client.redirect_uris.iter().map(String::as_str)))
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

/// Where the answer goes, as people can judge it: the origin of a web address, or an application's own scheme.
fn destination(redirect_uri: &str) -> String {
    match url::Url::parse(redirect_uri) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("an application on this device ({}:)", url.scheme()),
        Err(_) => "the application".to_owned(),
    }
}
