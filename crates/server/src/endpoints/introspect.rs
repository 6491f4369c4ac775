use axum::http::StatusCode;
pub(crate) const PATH: &str = "/introspect";
pub(crate) async fn introspect() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
