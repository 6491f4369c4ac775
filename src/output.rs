//! What commands print: tables for people, JSON for scripts, complaints on standard error.

use std::borrow::Cow;
use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::ProgressBar;
use serde::Serialize;

/// Why a command failed, in words for the person who typed it.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// How a command shows its results.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    /// Tables and sentences.
    Human,
    /// One JSON document.
    Json,
}

impl Format {
    /// From the `--json` flag.
    pub(crate) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Human }
    }

    /// Prints one result: `human` as text, or `value` as JSON.
    pub(crate) fn print(self, value: &impl Serialize, human: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = match self {
            Self::Human => human(),
            Self::Json => serde_json::to_string_pretty(value)?,
        };
        line(&text)
    }
}

/// Writes text and a line feed to standard output. A closed pipe is the reader's choice and no failure.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a remark to standard error, so that standard output stays what a script expects.
pub(crate) fn remark(text: &str) {
    // Nobody reads standard error any more: there is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// How the person who reads this started us, for commands they may paste.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next().map(PathBuf::from);
    called.as_deref().map_or_else(|| "countersign".to_owned(), shell_word)
}

/// A path as a shell reads it: in quotes when it needs them.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A table in the house's look.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.map(str::to_uppercase));
    for row in rows {
        table.add_row(row);
    }
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

/// One thing, field by field.
pub(crate) fn facts<const N: usize>(rows: [(&str, String); N]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in rows {
        table.add_row([name, if value.is_empty() { "-" } else { &value }]);
    }
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A sign of life on a terminal while something takes its time; nothing where nobody looks.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins, saying what is waited for.
    pub(crate) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Something else is waited for now.
    pub(crate) fn now(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Says what failed and why, cause by cause, and gives the exit code of failure.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    let bold = if std::io::stderr().is_terminal() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    remark(&format!("{}error:{} {}", bold.0, bold.1, chain(failure)));
    ExitCode::FAILURE
}

/// What failed and why, cause by cause; a cause that a message already tells is not told again.
pub(crate) fn chain(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str("\n  because ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

/// A moment for people: RFC 3339 in UTC, to the second.
pub(crate) fn moment(at: countersign_model::Timestamp) -> String {
    jiff::Timestamp::from_second(at.seconds())
        .map_or_else(|_| "never".to_owned(), |moment| moment.to_string())
}

/// A length of time for people: rounded to the largest unit of which it has one. What lacks a moment of an hour is an hour.
pub(crate) fn span(duration: Duration) -> String {
    let rounded = |unit: u64| (duration + Duration::from_secs(unit) / 2).as_secs() / unit;
    match (rounded(1), rounded(60), rounded(3_600)) {
        (seconds @ 0..60, _, _) => format!("{seconds}s"),
        (_, minutes @ 0..60, _) => format!("{minutes}m"),
        (_, _, hours @ 0..24) => format!("{hours}h"),
        _ => format!("{}d", rounded(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_to_what_people_say() {
        for (millis, said) in [
            (0, "0s"),
            (1_400, "1s"),
            (59_700, "1m"),
            (90_000, "2m"),
            (1_800_000, "30m"),
            (3_599_200, "1h"),
            (3_600_000, "1h"),
            (86_399_000, "1d"),
            (172_800_000, "2d"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), said, "{millis}");
        }
    }
}
