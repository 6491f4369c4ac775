//! What the sources say, read as text.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{no_complaints, root};

/// A file longer than this is more than one thing.
const MOST_LINES: usize = 600;

/// Files that may name the `Authorization` field, and why.
const MAY_NAME_AUTHORIZATION: &[&str] = &[
    // Reads credentials.
    "crates/access/src/extract.rs",
    // Refuses it as the name of a field for API keys.
    "crates/access/src/policy/rule.rs",
    // Hands it to access::extract, for the engine of OAuth.
    "crates/server/src/endpoints/",
    // Sets it on requests of our own, with the token that a client gave for them.
    "crates/server/src/pings.rs",
    // Take it off before a request goes on.
    "crates/gateway/src/",
    "crates/tower/src/lib.rs",
    // Set it on requests of our own.
    "src/client.rs",
    "src/commands/",
    "src/wiring/fetch.rs",
];

#[test]
fn files_stay_readable() {
    let complaints: Vec<String> = sources()
        .into_iter()
        .filter_map(|(path, text)| {
            let lines = shipped(&text).lines().count();
            (lines > MOST_LINES).then(|| format!("{path} has {lines} lines"))
        })
        .collect();
    no_complaints(&complaints);
}

#[test]
fn one_place_reads_authorization() {
    let names = ["header::AUTHORIZATION", "\"authorization\"", "\"Authorization\"", " AUTHORIZATION"];
    let complaints: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| !MAY_NAME_AUTHORIZATION.iter().any(|allowed| path.starts_with(allowed)))
        .filter(|(_, text)| names.iter().any(|name| code(text).any(|line| line.contains(name))))
        .map(|(path, _)| {
            format!("{path} names the Authorization field; credentials are read in access::extract")
        })
        .collect();
    no_complaints(&complaints);
}

#[test]
fn proofs_are_made_in_one_place() {
    // A `Permit { … }` outside of the file that decides would be a forged one; privacy holds it, this says it.
    let complaints: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("crates/access/src/policy/decide"))
        .filter(|(_, text)| {
            code(text).any(|line| {
                line.contains("Permit {")
                    && !line.contains("impl")
                    && !line.contains("struct")
                    && !line.contains("->")
            })
        })
        .map(|(path, _)| format!("{path} makes a Permit"))
        .collect();
    no_complaints(&complaints);
}

#[test]
fn nothing_is_unfinished() {
    let words =
        [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("XX", "X:")];
    let complaints: Vec<String> = sources()
        .into_iter()
        .flat_map(|(path, text)| {
            let found: Vec<String> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
                .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
                .collect();
            found
        })
        .collect();
    no_complaints(&complaints);
}

/// Every source file that ships, its path from the root of the workspace with forward slashes.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root().join("src")];
    open.extend(fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("src")));
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"))
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// The part before the file's unit tests.
fn shipped(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |end| &text[..end])
}

/// Lines of code that ship, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    shipped(text).lines().filter(|line| !line.trim_start().starts_with("//"))
}
