//! `/applications/{client_id}/grant`: an application gives back what a person gave it.

use axum::extract::{Request, State};
use axum::response::Response;

use super::token::{Wish, answer};
use crate::endpoints::Endpoint;
use crate::name_in_path::NameInPath;
use crate::state::AppState;

/// `DELETE`: everything ends that the person of this token gave the application.
pub(crate) async fn delete(state: State<AppState>, client: NameInPath, request: Request) -> Response {
    answer(&state, Endpoint::GithubGrant, (Wish::DeleteGrant, &client.0), request).await
}
