use axum::http::StatusCode;
pub(crate) fn addresses(_base: &str) -> Vec<String> { vec![] }
pub(crate) async fn discovery() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
