//! Sockets: TLS listeners that reload and drain, and guarded fetches of URLs that somebody else supplied.
