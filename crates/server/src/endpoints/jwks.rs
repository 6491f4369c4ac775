use axum::http::StatusCode;
pub(crate) const PATH: &str = "/jwks.json";
pub(crate) async fn jwks() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
