//! `countersign token scan`

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use countersign_access::scan::{Finding, Scanner};
use serde_json::json;

use crate::output::{Failure, Format, remark};

#[derive(Debug, clap::Args)]
#[command(after_help = super::super::help::SCAN)]
pub(super) struct Scan {
    /// Files and directories to look through; `-` is standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// How much is read at once.
const PIECE: usize = 64 << 10;
/// Something could not be read, so that nobody takes silence for cleanliness.
const UNREADABLE: u8 = 2;

impl Scan {
    /// Looks everywhere and says what it finds as it goes. 0: nothing; 1: something; 2: some place could not be read.
    ///
    /// # Errors
    /// Standard output failed.
    pub(super) fn run(&self, format: Format) -> Result<ExitCode, Failure> {
        let mut report = Report { format, found: 0, unreadable: 0, out: io::stdout().lock() };
        for path in &self.paths {
            match path.to_str() {
                Some("-") => report.stream("standard input", io::stdin().lock())?,
                // A link that somebody names is meant; one that is met on the way may lead anywhere, in circles too.
                _ => report.place(path)?,
            }
        }
        Ok(match (report.unreadable, report.found) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::FAILURE,
            (_, _) => ExitCode::from(UNREADABLE),
        })
    }
}

struct Report<W> {
    format: Format,
    found: u64,
    unreadable: u64,
    out: W,
}

impl<W: io::Write> Report<W> {
    /// A file or everything below a directory, in the order of names.
    fn place(&mut self, path: &Path) -> Result<(), Failure> {
        let mut waiting = vec![path.to_owned()];
        let mut is_named = true;
        while let Some(path) = waiting.pop() {
            let metadata = if is_named { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
            let kind = match metadata {
                Ok(metadata) => metadata.file_type(),
                Err(error) => {
                    self.unreadable(&path, &error);
                    continue;
                }
            };
            if kind.is_dir() {
                match names(&path) {
                    Ok(names) => waiting.extend(names),
                    Err(error) => self.unreadable(&path, &error),
                }
            } else if kind.is_file() || is_named {
                // Pipes and devices that are met on the way might never end.
                match File::open(&path) {
                    Ok(file) => self.stream(&shown(&path), file)?,
                    Err(error) => self.unreadable(&path, &error),
                }
            }
            is_named = false;
        }
        Ok(())
    }

    fn stream(&mut self, place: &str, mut source: impl Read) -> Result<(), Failure> {
        let mut scanner = Scanner::default();
        let mut piece = vec![0; PIECE];
        let mut lines = String::new();
        let mut found = 0;
        loop {
            let mut note = |finding: Finding| {
                found += 1;
                self.format.describe(place, &finding, &mut lines);
            };
            match source.read(&mut piece) {
                Ok(0) => {
                    scanner.end(&mut note);
                    break;
                }
                Ok(length) => scanner.feed(piece.get(..length).unwrap_or_default(), &mut note),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.unreadable(Path::new(place), &error);
                    break;
                }
            }
            self.say(&mut lines)?;
        }
        self.say(&mut lines)?;
        self.found += found;
        Ok(())
    }

    /// A closed pipe is the reader's choice: the answer is in the exit code as well.
    fn say(&mut self, lines: &mut String) -> Result<(), Failure> {
        let written = self.out.write_all(lines.as_bytes());
        lines.clear();
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.unreadable += 1;
        remark(&format!("{}: can't be read: {error}", shown(path)));
    }
}

impl Format {
    /// One line a finding, so that there may be as many as there are.
    fn describe(self, place: &str, finding: &Finding, lines: &mut String) {
        let Finding { kind, line, column, redacted } = finding;
        // Writing into a String does not fail.
        let _ = match self {
            Self::Human => writeln!(lines, "{place}:{line}:{column}: {} {redacted}", kind.as_str()),
            Self::Json => {
                let value = json!({
                    "file": place, "line": line, "column": column, "kind": kind.as_str(), "redacted": redacted,
                });
                writeln!(lines, "{value}")
            }
        };
    }
}

/// What is in a directory; the last name first, because the last is looked at next.
fn names(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

/// A name as it may be printed: whoever named a file does not command the terminal.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_debug())
        } else {
            shown.push(c)
        }
        shown
    })
}
