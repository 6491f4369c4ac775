//! What `dev` prints: the method, the line to paste, the page to visit.

use std::path::Path;

use super::credentials::{Credentials, PERSON, ROBOT};
use crate::wiring::{System, files};

/// The five lines and the sign-in page.
pub(super) fn render(directory: &Path, system: &System, credentials: &Credentials) -> String {
    let port = system.gateway_address.map_or(0, |address| address.port());
    let url = format!("https://localhost:{port}/hello");
    let curl = format!("curl --cacert {}", credentials.bundle.display());
    let cat = |file: &Path| format!("$(cat {})", file.display());
    let lines = [
        ("JWT", format!("{curl} -H \"Authorization: Bearer {}\" {url}", cat(&credentials.jwt))),
        ("OAuth 2.0", format!("{curl} -H \"Authorization: Bearer {}\" {url}", cat(&credentials.reference))),
        (
            "mTLS",
            format!(
                "{curl} --cert {} --key {} {url}",
                credentials.certificate.0.display(),
                credentials.certificate.1.display()
            ),
        ),
        ("Basic", format!("{curl} -u \"{ROBOT}:{}\" {url}", cat(&credentials.password))),
        ("API key", format!("{curl} -H \"X-API-Key: {}\" {url}", cat(&credentials.api_key))),
    ];
    let mut text = String::from("\nFive methods in, one identity out. Paste any line:\n\n");
    for (method, line) in lines {
        text.push_str(&format!("  {method:<10} {line}\n"));
    }
    let password = files::read_secret(&credentials.person_password);
    let password = password.as_ref().map_or("(changed)", |secret| secret.expose().as_str());
    text.push_str(&format!("\n  Sign-in page  {}sign-in   {PERSON} / {password}\n", system.issuer()));
    text.push_str(&format!("  All at once   countersign try --data-dir {}\n", directory.display()));
    text.push_str(&format!("  Configuration {}\n", directory.join(super::CONFIG_FILE).display()));
    text
}
