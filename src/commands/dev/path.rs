//! The line that lets people call the program by its name, as every guide does.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use crate::output::shell_word;

const NAME: &str = "countersign";

/// The line to type; `None` where the name means this program already, or nobody can tell which program this is.
pub(super) fn line() -> Option<String> {
    let program = env::current_exe().and_then(|program| program.canonicalize()).ok()?;
    line_for(&program, &env::current_dir().ok()?, &env::var_os("PATH").unwrap_or_default())
}

fn line_for(program: &Path, here: &Path, path: &OsStr) -> Option<String> {
    let named = program.file_name()? == NAME;
    let first = env::split_paths(path).map(|directory| here.join(directory).join(NAME));
    let found = first.filter(|found| found.is_file()).find_map(|found| found.canonicalize().ok());
    if !named || found.as_deref() == Some(program) {
        return None;
    }
    let directory = program.parent()?;
    let below = directory.strip_prefix(here).ok().map(shell_word);
    Some(match below.filter(|below| !below.is_empty() && !below.starts_with('\'')) {
        Some(below) => format!("export PATH=\"$PWD/{below}:$PATH\""),
        None => format!("export PATH={}:\"$PATH\"", shell_word(directory)),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_line_is_there_until_the_name_means_this_program() {
        let here = tempfile::tempdir().unwrap();
        let here = here.path().canonicalize().unwrap();
        for directory in ["target/debug", "elsewhere", "my own"] {
            fs::create_dir_all(here.join(directory)).unwrap();
            fs::write(here.join(directory).join(NAME), b"").unwrap();
        }
        let program = here.join("target/debug").join(NAME);
        let line = |path: &str| line_for(&program, &here, OsStr::new(path));
        let asked = "export PATH=\"$PWD/target/debug:$PATH\"";
        assert_eq!(line("/nowhere").as_deref(), Some(asked));
        assert_eq!(line("elsewhere:target/debug").as_deref(), Some(asked), "another one comes first");
        assert_eq!(line("/nowhere:target/debug:elsewhere"), None);
        let own = line_for(&here.join("my own").join(NAME), &here, OsStr::new("")).unwrap();
        assert_eq!(own, format!("export PATH='{}/my own':\"$PATH\"", here.display()));
        assert_eq!(line_for(&here.join("target/debug/other"), &here, OsStr::new("")), None);
    }
}
