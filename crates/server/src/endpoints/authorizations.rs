//! What a person let applications do, and how they take it back.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use countersign_model::{Client, ClientId};
use countersign_oauth::ports::{Clients as _, Unavailable};
use countersign_store::AuthorizedClient;

use crate::backing::backing;
use crate::browser::{Browser, Form};
use crate::client_address::ClientAddress;
use crate::failure::Failure;
use crate::onward::{AUTHORIZED, Onward};
use crate::page_form::{PageForm, PageQuery};
use crate::pages::{
    AuthorizationLine, AuthorizationPage, AuthorizationsPage, Destinations, Moment, page, see_other,
};
use crate::scope_boxes::scope_lines;
use crate::state::{AppState, SignedIn};

/// Where one of them is.
pub(crate) const ONE: &str = "/account/authorization";

/// `GET /account/authorizations`
pub(crate) async fn list(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let signed_in = state.person(&headers, Onward::Authorizations).await?;
    let mut lines = Vec::new();
    for authorized in authorized(&state, &signed_in).await? {
        // Removed at this very moment, with all that it had.
        let Some(client) = state.store().client(&authorized.client).await? else { continue };
        lines.push(AuthorizationLine {
            name: client.client_name.clone(),
            address: address(&state, &authorized.client),
            since: Moment::new(authorized.since),
            scopes: authorized.scopes.len(),
        });
    }
    let template = AuthorizationsPage {
        frame: state.frame(),
        withdrawn: query.one("done") == Some("withdrawn"),
        authorizations: lines,
    };
    Ok(page(StatusCode::OK, &template, &Destinations::own()))
}

/// `GET /account/authorization?client_id=…`
pub(crate) async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageQuery(query): PageQuery,
) -> Result<Response, Failure> {
    let id = ClientId::from(query.one("client_id").ok_or(Failure::NotFound)?);
    let signed_in = state.person(&headers, Onward::Authorizations).await?;
    let known = authorized(&state, &signed_in).await?.into_iter().find(|known| known.client == id);
    let (Some(authorized), Some(client)) = (known, state.store().client(&id).await?) else {
        return Err(Failure::NotFound);
    };
    let browser = Browser::known_or_new(state.cookies(), &headers, state.env());
    Ok(browser.remembered(state.cookies(), one(&state, &browser, &signed_in, (&authorized, &client)).await?))
}

/// `POST /account/authorization`: takes everything back, what it remembers and what it holds.
pub(crate) async fn withdraw(
    State(state): State<AppState>,
    Extension(address): Extension<ClientAddress>,
    form: PageForm,
) -> Result<Response, Failure> {
    let signed_in = form.person(&state, Onward::Authorizations).await?;
    let id = ClientId::from(form.one("client_id").ok_or(Failure::NotFound)?);
    form.check(&state, Form::Authorization, &signed_in.about(&id))?;
    let user = &signed_in.user.id;
    state.engine().withdraw(user, &id).await?;
    let address = address.0;
    tracing::info!(target: "countersign::audit", event = "authorization_withdrawn", %user, client = %id, %address, "authorization withdrawn");
    Ok(see_other(&state.path(&format!("{AUTHORIZED}?done=withdrawn"))))
}

async fn authorized(state: &AppState, signed_in: &SignedIn) -> Result<Vec<AuthorizedClient>, Failure> {
    let listed = state.store().authorized_clients(&signed_in.user.id, state.env().now()).await;
    Ok(listed.map_err(Unavailable::from)?)
}

async fn one(
    state: &AppState,
    browser: &Browser,
    signed_in: &SignedIn,
    (authorized, client): (&AuthorizedClient, &Client),
) -> Result<Response, Failure> {
    let template = AuthorizationPage {
        frame: state.frame(),
        client: &client.client_name,
        client_id: client.client_id.as_str(),
        backing: backing(state, client).await?,
        since: Moment::new(authorized.since),
        used: authorized.used_at.map(Moment::new),
        scopes: scope_lines(state, &authorized.scopes),
        csrf: &browser.form_token(Form::Authorization, &signed_in.about(&client.client_id)),
    };
    Ok(page(StatusCode::OK, &template, &Destinations::own()))
}

fn address(state: &AppState, client: &ClientId) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", client.as_str())
        .finish();
    state.path(&format!("{ONE}?{query}"))
}
