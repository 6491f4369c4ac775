//! The authority from outside: what it issues, what it refuses, and whether others believe it.

#[cfg(test)]
mod handshakes;
#[cfg(test)]
mod hierarchy;
#[cfg(test)]
mod issuing;
#[cfg(test)]
mod openssl;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod support;
