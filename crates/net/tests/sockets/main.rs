//! Listeners, certificates and fetches on real sockets.

#[cfg(test)]
mod fetching;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod material;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
