//! What `dev` prints: the method, the line to paste, the page to visit.

use std::path::Path;

use super::credentials::{Credentials, PERSON, ROBOT};
use crate::output::{Failure, program, shell_word};
use crate::wiring::{System, files};

/// The five lines and the sign-in page.
pub(super) fn render(
    directory: &Path,
    system: &System,
    credentials: &Credentials,
) -> Result<String, Failure> {
    let port = system.gateway_address.map_or(0, |address| address.port());
    let url = format!("https://localhost:{port}/hello");
    let curl = format!("curl --cacert {}", shell_word(&credentials.bundle));
    let cat = |file: &Path| format!("$(cat {})", shell_word(file));
    let lines = [
        ("JWT", format!("{curl} -H \"Authorization: Bearer {}\" {url}", cat(&credentials.jwt))),
        ("OAuth 2.0", format!("{curl} -H \"Authorization: Bearer {}\" {url}", cat(&credentials.reference))),
        (
            "mTLS",
            format!(
                "{curl} --cert {} --key {} {url}",
                shell_word(&credentials.certificate.0),
                shell_word(&credentials.certificate.1)
            ),
        ),
        ("Basic", format!("{curl} -u \"{ROBOT}:{}\" {url}", cat(&credentials.password))),
        ("API key", format!("{curl} -H \"X-API-Key: {}\" {url}", cat(&credentials.api_key))),
    ];
    let mut text = String::from("\nFive methods in, one identity out. Paste any line:\n\n");
    for (method, line) in lines {
        text.push_str(&format!("  {method:<10} {line}\n"));
    }
    let password = files::read_secret(&credentials.person_password)?;
    text.push_str(&format!(
        "\n  Sign-in page  {}sign-in   {PERSON} / {}\n",
        system.issuer(),
        password.expose()
    ));
    let everything = if directory == Path::new(super::DEFAULT_DIRECTORY) {
        format!("{} try", program())
    } else {
        format!("{} try --data-dir {}", program(), shell_word(directory))
    };
    text.push_str(&format!("  All at once   {everything}\n"));
    text.push_str(&format!("  Configuration {}\n", directory.join(super::CONFIG_FILE).display()));
    if let Some(line) = super::path::line() {
        text.push_str(&format!("  By its name   {line}\n"));
    }
    Ok(text)
}
