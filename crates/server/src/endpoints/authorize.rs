use axum::http::StatusCode;
pub(crate) const PATH: &str = "/authorize";
pub(crate) async fn get() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
pub(crate) async fn post() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
