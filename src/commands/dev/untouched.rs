//! Whether the configuration is still what `dev` wrote, this version or an earlier one: then it may be written anew.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::digest;

use super::settings::Ports;

/// The line that says what the others were when they were written.
const MARK: &str = "# As it was written: ";

/// What was written before there was such a line, hashed, with the usual ports.
const EARLIER: [&str; 8] = [
    "U9gGX5Ke22MfRsKA3TnkDYsbCLjoQGh2rA63u9NnCmo",
    "dkuWL4PiyHNFO5v8aVLDuTbh4ZS2K8oClu9kD7-IJ2k",
    "T0LqZ3cyvFpMpHH2KVJ3tBKDO1ILqYkKzdWYY9zKnOI",
    "6tHrEXTyZ9Fq2isCsRSRwzVDBJILD5K2z2dWVIKHatQ",
    "I2vbHlHvWYNfTekFYZ6ztPNipgYNIR1wLO_nbFOSPxU",
    "PQ04zu61bb_5w3kfHByCp0oPyhmM6dmrhBqIyuHeR28",
    "RWatOWHREkHYWyS6qcWrPDbowmDqF7QTStKjM94x6-Y",
    "e_zWk_Oaq2WgY2i-WZQCm9_sNACbiTrN9FeSPZvoPI8",
];

/// The text with a line that tells later whether somebody has changed the others. It comes after the first comment.
pub(super) fn marked(text: &str) -> String {
    let (comment, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    format!("{comment}\n{MARK}{}\n\n{rest}", hash(text))
}

/// Whether nobody has changed it. `known` are the ports in it, `usual` those of a start that names none.
pub(super) fn is_untouched(text: &str, known: Ports<u16>, usual: Ports<u16>) -> bool {
    let Some((before, mark)) = text.split_once(MARK) else {
        return EARLIER.contains(&hash(&moved(text, known, usual)).as_str());
    };
    let (mark, after) = mark.split_once('\n').unwrap_or((mark, ""));
    hash(&format!("{before}{after}")) == mark
}

/// The text with other ports.
fn moved(text: &str, from: Ports<u16>, to: Ports<u16>) -> String {
    let ports = [
        ("server", from.server, to.server),
        ("gateway", from.gateway, to.gateway),
        ("demo", from.demo, to.demo),
        ("management", from.management, to.management),
        ("mtls", from.mtls, to.mtls),
    ];
    let at = |what: &dyn std::fmt::Display| format!(":{what}\"");
    // By way of names, for one may be now where another was.
    let named =
        ports.iter().fold(text.to_owned(), |text, (name, from, _)| text.replace(&at(from), &at(name)));
    ports.iter().fold(named, |text, (name, _, to)| text.replace(&at(name), &at(to)))
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::sha256(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Ports<u16> = Ports { server: 8400, gateway: 8443, demo: 8401, management: 8402, mtls: 8404 };
    // Each where another is usual.
    const OTHER: Ports<u16> = Ports { server: 8443, gateway: 8400, demo: 8402, management: 8401, mtls: 8404 };

    #[test]
    fn a_change_shows() {
        let text = marked("# One.\n# Two.\n\nkey = 1\n");
        assert!(
            is_untouched(&text, USUAL, USUAL) && text.starts_with("# One.\n# Two.\n# As it was written: ")
        );
        for changed in [
            text.replace("key = 1", "key = 2"),
            text.replace("Two", "Three"),
            text.replace("key = 1\n", ""),
            format!("{text}# mine\n"),
            text.replace(MARK, "# "),
        ] {
            assert!(!is_untouched(&changed, USUAL, USUAL), "{changed}");
        }
    }

    #[test]
    fn what_the_first_version_wrote_is_known_on_any_ports() {
        let first = r#"# Written by `countersign dev`. It is yours to change; `dev` writes it anew only when given a port.
# `countersign config example` shows every key.

data_dir = "."

[server]
listen = "127.0.0.1:8400"
issuer = "http://localhost:8400"

[gateway]
listen = "127.0.0.1:8443"
tls = { built_in_ca = ["localhost", "127.0.0.1"] }
certificate_scopes = { "spiffe://localhost/*" = ["demo.read", "demo.write"] }

# One protected service, five ways in.
[[gateway.routes]]
name = "demo"
path = "/"
upstream = "http://127.0.0.1:8401"
accept = ["jwt", "oauth", "mtls", "basic", "api_key"]
api_key = { headers = ["X-API-Key"], query = "api_key" }

[management]
listen = "127.0.0.1:8402"

[log]
level = "warn"
"#;
        assert!(is_untouched(first, USUAL, USUAL));
        let elsewhere = moved(first, USUAL, OTHER);
        assert!(elsewhere.contains("http://localhost:8443") && is_untouched(&elsewhere, OTHER, USUAL));
        assert!(!is_untouched(&first.replace("warn", "info"), USUAL, USUAL));
    }
}
