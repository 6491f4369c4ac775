//! The only place that knows every crate: what is built from what, in which order, and what changes in place.

mod authority;
mod background;
mod checker;
mod control_plane;
mod data_plane;
mod fetch;
pub(crate) mod files;
mod foundation;
mod grants;
mod htpasswd;
mod keys;
mod listen;
mod live;
mod parts;
mod registration;
mod rehearsal;
mod resources;
mod routes;
mod system;
mod tls;
mod watch;

pub(crate) use control_plane::engine;
pub(crate) use foundation::{Desk, block_on, runtime};
pub(crate) use keys::longest_signed_token;
pub(crate) use listen::NotListening;
pub(crate) use parts::{Parts, hasher};
pub(crate) use rehearsal::rehearse;
pub(crate) use system::{System, pipeline};
pub(crate) use watch::stop_signal;
