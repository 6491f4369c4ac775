//! What the documents say, held against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::dependencies::{MAY_USE, ours};
use crate::{no_complaints, root};

/// `[text](target)`, targets inside the repository only.
struct Link {
    document: String,
    text: String,
    target: PathBuf,
}

#[test]
fn links_lead_somewhere() {
    let links = links();
    assert!(links.len() > 80, "the documents' links were not found");
    let dead = links.iter().filter(|link| !link.target.exists());
    no_complaints(
        &dead
            .map(|link| format!("{}: [{}] leads to {}", link.document, link.text, link.target.display()))
            .collect::<Vec<_>>(),
    );
}

/// A link whose text is code and that leads to a source file names something in it, or the file itself.
#[test]
fn what_links_name_is_there() {
    let mut named = 0;
    let complaints: Vec<String> = links()
        .iter()
        .filter(|link| link.target.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|link| {
            let name = link.text.strip_prefix('`')?.strip_suffix('`')?.rsplit("::").next()?;
            named += 1;
            let text = fs::read_to_string(&link.target).unwrap_or_default();
            let defines = ["fn", "struct", "enum", "trait", "type"]
                .iter()
                .flat_map(|kind| ["(", "<", " ", ";", ":"].map(|after| format!("{kind} {name}{after}")))
                .any(|definition| text.contains(&definition));
            let is_the_file = link.target.with_extension("").iter().any(|part| part == name);
            let reexports = text.contains(&format!("::{name}")) || text.contains(&format!("{name},"));
            (!defines && !is_the_file && !reexports)
                .then(|| format!("{}: {} has no {name}", link.document, link.target.display()))
        })
        .collect();
    no_complaints(&complaints);
    assert!(named > 60, "only {named}");
}

#[test]
fn every_crate_has_its_sentence() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut crates: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        crates.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    let without = crates.iter().filter(|name| !text.contains(&format!("- **`{name}`**: ")));
    no_complaints(
        &without.map(|name| format!("crates/{name} has no sentence in ARCHITECTURE.md")).collect::<Vec<_>>(),
    );
    let lined: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(lined, crates.iter().map(String::as_str).collect());
}

/// The table under "Who may use whom" is what the manifests say.
#[test]
fn the_table_of_layers_is_true() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut complaints = Vec::new();
    for package in ours().iter().filter(|package| package.name != "countersign") {
        let row = text.lines().find_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, _, name, uses, _] = cells[..] else { return None };
            (name == format!("`{}`", package.name)).then(|| uses.replace('`', ""))
        });
        let said: Option<BTreeSet<String>> =
            row.map(|uses| uses.split_whitespace().map(str::to_owned).collect());
        let uses: BTreeSet<String> = package
            .libraries
            .iter()
            .filter_map(|library| library.strip_prefix("countersign-"))
            .map(str::to_owned)
            .collect();
        if said.as_ref() != Some(&uses) {
            complaints.push(format!("{} uses {uses:?}; ARCHITECTURE.md says {said:?}", package.name));
        }
    }
    no_complaints(&complaints);
}

/// Everything readers are given, not what is vendored or built.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root().to_owned(), root().join("docs"), root().join("docs/guides")];
    open.extend(["interop", "benches", "fuzz"].map(|directory| root().join(directory)));
    for directory in open {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        let paths = entries.map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    found
}

fn links() -> Vec<Link> {
    let mut links = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let name = document.strip_prefix(root()).unwrap().display().to_string();
        // A link may be broken over two lines.
        let text = text.replace('\n', " ");
        for (position, _) in text.match_indices("](") {
            let before = &text[..position];
            let Some(start) = before.rfind('[') else { continue };
            let target = text[position + 2..].split(')').next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.contains(' ') || path.starts_with("mailto:") {
                continue;
            }
            links.push(Link {
                document: name.clone(),
                text: before[start + 1..].to_owned(),
                target: document.parent().unwrap_or(Path::new(".")).join(path),
            });
        }
    }
    links
}
