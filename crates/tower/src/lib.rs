//! The access pipeline as a tower layer and extractor for a Rust service.
