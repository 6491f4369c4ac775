//! The control plane over HTTP: one file an endpoint, and the pages people meet.

mod body;
mod browser;
mod client_address;
mod cookies;
mod cors;
mod endpoints;
mod failure;
mod observe;
mod pages;
mod params;
mod problem;
mod router;
mod serve;
mod settings;
mod state;
mod throttle;
mod waiting;

pub use endpoints::health::{Check, Readiness};
pub use router::{MetricsText, management_router, router};
pub use serve::serve;
pub use settings::{ServerLimits, ServerSettings};
pub use state::{AppState, InvalidIssuer, Services};
