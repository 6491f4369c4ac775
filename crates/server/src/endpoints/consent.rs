use axum::http::StatusCode;
pub(crate) async fn show() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
pub(crate) async fn submit() -> StatusCode { StatusCode::NOT_IMPLEMENTED }
