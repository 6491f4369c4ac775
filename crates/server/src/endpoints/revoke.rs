use axum::http::StatusCode;
pub(crate) const PATH: &str = "/revoke";
pub(crate) async fn revoke() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
