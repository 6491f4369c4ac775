//! What the fuzz targets call. The bodies are in `targets`, where tests/fuzz_smoke finds them too.

#[path = "../targets/mod.rs"]
mod targets;

macro_rules! entries {
    ($($name:ident)*) => {$(
        /// Feeds the bytes to the target of this name.
        pub fn $name(data: &[u8]) {
            targets::$name(data);
        }
    )*};
}

entries!(
    authorization authorization_details backchannel certificate configuration dpop_proof form htpasswd registration request_object request_target
    token token_scan user_code
);
