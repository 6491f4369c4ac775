//! The text of opaque tokens: a prefix that scanners know, 256 random bits, and a checksum (`cst_at_…`, `cst_rt_…`).
