//! The data plane: routes, request hygiene, the reverse proxy and the identity it passes on.
//!
//! A request walks through here in one direction: [`hygiene`] refuses what two parsers could read differently and
//! writes the rest in one form, the route table finds its route, `access` decides, and only the
//! [`Permit`](countersign_access::Permit) it gives lets the proxy forward. The route table is read for every request,
//! so a change reaches connections that are already open.

mod gateway;
pub mod hygiene;
mod identity_headers;
mod meters;
mod proxy;
mod resource_metadata;
mod route;
mod settings;

pub use gateway::Gateway;
pub use identity_headers::{IdentityIssuer, SignIdentity, SigningUnavailable};
pub use proxy::{UpstreamConfig, UpstreamHost, UpstreamProtocol, UpstreamTimeouts};
pub use resource_metadata::ProtectedResource;
pub use route::{HostPattern, IdentityOptions, RequestLimits, RouteConfig, RouteError};
pub use settings::{CallerLimits, CallerTimeouts, GatewaySettings};
