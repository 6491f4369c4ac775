use axum::http::StatusCode;
pub(crate) const PATH: &str = "/token";
pub(crate) async fn token() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
