//! What the fuzz targets call. The bodies are in `targets`, where tests/fuzz_smoke finds them too.

#[path = "../targets/mod.rs"]
pub mod targets;
