//! What `cargo metadata` says, held against the layers.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{no_complaints, root};

/// Our crates from the bottom up, and what each may use of ours. The binary may use everything.
pub(crate) const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("jose", &["model"]),
    ("passwords", &["model"]),
    ("net", &["model"]),
    ("keys", &["jose", "model"]),
    ("access", &["jose", "passwords", "model"]),
    ("tower", &["access", "model"]),
    ("oauth", &["access", "jose", "keys", "model"]),
    ("ca", &["model"]),
    ("store", &["access", "ca", "keys", "oauth", "model"]),
    ("gateway", &["access", "jose", "net", "tower", "model"]),
    ("server", &["access", "ca", "jose", "keys", "net", "oauth", "passwords", "store", "tower", "model"]),
];

/// Libraries that only some of our crates may name. The binary is named too where it sets something up.
const WRAPPED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("tokio-postgres", &["store"]),
    ("deadpool-postgres", &["store"]),
    ("axum", &["server"]),
    ("aws-lc-rs", &["model", "jose", "keys", "access", "ca", "net"]),
    ("rcgen", &["ca"]),
    ("rustls-webpki", &["ca", "net"]),
    ("x509-parser", &["access", "ca", "net"]),
    ("rustls", &["net", "store", "countersign"]),
    ("tokio-rustls", &["net", "countersign"]),
    ("argon2", &["passwords"]),
    ("bcrypt", &["passwords"]),
    ("sha-crypt", &["passwords"]),
    ("md-5", &["passwords"]),
    ("clap", &["countersign"]),
    ("askama", &["server"]),
];

/// There is one cryptography library in the tree.
const NOWHERE: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls"];

/// What one of our crates asks for, other than for its tests.
pub(crate) struct Wants {
    pub(crate) name: String,
    pub(crate) libraries: BTreeSet<String>,
}

#[test]
fn dependencies_point_downward() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut complaints = Vec::new();
    for Wants { name, libraries } in ours() {
        if name == "countersign" {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            complaints.push(format!("crates/{name} has no line here and no sentence in ARCHITECTURE.md"));
            continue;
        };
        for used in libraries.iter().filter_map(|library| library.strip_prefix("countersign-")) {
            if !allowed.contains(&used) {
                complaints.push(format!("{name} uses {used}; it may use {allowed:?}"));
            }
        }
    }
    no_complaints(&complaints);
}

#[test]
fn each_layer_stands_above_what_it_uses() {
    let mut below: Vec<&str> = Vec::new();
    for (name, uses) in MAY_USE {
        assert!(
            uses.iter().all(|used| below.contains(used)),
            "{name} may use something that is not below it"
        );
        below.push(name);
    }
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut complaints = Vec::new();
    for Wants { name, libraries } in ours() {
        for (library, owners) in WRAPPED {
            if libraries.contains(*library) && !owners.contains(&name.as_str()) {
                complaints.push(format!("{name} names {library}; only {owners:?} may"));
            }
        }
    }
    no_complaints(&complaints);
}

#[test]
fn there_is_one_cryptography_library() {
    // Not the lock file: it also lists what no feature of ours switches on.
    let tree =
        cargo(&["tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let has = |name: &str| tree.lines().any(|line| line.split_whitespace().next() == Some(name));
    assert!(has("aws-lc-rs"), "the tree could not be read");
    let found = NOWHERE.iter().filter(|name| has(name));
    no_complaints(
        &found
            .map(|name| format!("{name} is in the tree: `cargo tree -i {name}` says why"))
            .collect::<Vec<_>>(),
    );
}

/// Our packages with what they ask for in the code that ships.
pub(crate) fn ours() -> Vec<Wants> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > MAY_USE.len(), "cargo metadata lists too few packages");
    packages
        .iter()
        .map(|package| Wants {
            name: package["name"].as_str().unwrap().trim_start_matches("countersign-").to_owned(),
            libraries: package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .collect(),
        })
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
