//! What clients written for GitHub's OAuth applications talk to, with nothing but their base URL changed. The engine is the
//! one of every other endpoint; what differs is how parameters come and answers go.

pub(crate) mod access_token;
mod answer;
pub(crate) mod authorize;
pub(crate) mod device_code;
pub(crate) mod grant;
pub(crate) mod token;
pub(crate) mod user;
