//! The control plane over HTTP: one file an endpoint, and the pages people meet.

mod body;
mod browser;
mod buckets;
mod client_address;
mod client_documents;
mod client_fetches;
mod client_keys;
mod client_request;
mod cookies;
mod cors;
mod current_certificate;
mod document;
mod endpoints;
mod failure;
mod known_browser;
mod observe;
mod page_form;
mod pages;
mod params;
mod pings;
mod problem;
mod rate_limits;
mod router;
mod serve;
mod settings;
mod state;
mod throttle;

pub use client_documents::ClientDocuments;
pub use client_keys::ClientKeys;
pub use endpoints::health::{Check, Readiness};
pub use pings::send_pings;
pub use rate_limits::RateLimits;
pub use router::{MetricsText, management_router, router};
pub use serve::serve;
pub use settings::{RegistrationsPerHour, ServerLimits, ServerSettings};
pub use state::{AppState, Services};
