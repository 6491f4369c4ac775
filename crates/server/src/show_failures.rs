//! The layer that turns failures into pages.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use countersign_model::RequestId;

use crate::failure::Failure;
use crate::state::AppState;

/// The layer that turns a [`Failure`] into its page.
pub(crate) async fn show_failures(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    let (parts, body) = response.into_parts();
    let Some(failure) = parts.extensions.get::<Failure>() else { return Response::from_parts(parts, body) };
    let mut response = failure.page(state.frame(), id.as_ref().map_or("", RequestId::as_str));
    for (name, value) in &parts.headers {
        response.headers_mut().append(name, value.clone());
    }
    response
}
