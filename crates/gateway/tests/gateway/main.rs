//! The gateway from outside: real sockets, a real upstream that tells what it received.

#[cfg(test)]
mod http2;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod raw_http2;
#[cfg(test)]
mod resource_metadata;
#[cfg(test)]
mod routing;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod streaming;
#[cfg(test)]
mod support;
#[cfg(test)]
mod upstreams;
#[cfg(test)]
mod websocket;
