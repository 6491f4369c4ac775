//! The search for leaked secrets: what is found does not depend on where the pieces end, and is one of ours.

use std::sync::LazyLock;

use countersign_access::TokenKind;
use countersign_access::scan::{Finding, Scanner};
use countersign_model::Rng;

struct Fixed;

impl Rng for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        for (position, byte) in buffer.iter_mut().enumerate() {
            *byte = u8::try_from(position * 7 % 62).unwrap_or(0);
        }
    }
}

static LEAK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let secret = TokenKind::ClientSecret.generate(&Fixed);
    format!("a\nclient_secret = \"{}\"\n", secret.expose()).into_bytes()
});

/// A text with a secret in it; the seed from which others are made.
#[must_use]
pub(crate) fn leak() -> &'static [u8] {
    &LEAK
}

fn findings(pieces: &[&[u8]]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut scanner = Scanner::default();
    pieces.iter().for_each(|piece| scanner.feed(piece, &mut |finding| found.push(finding)));
    scanner.end(&mut |finding| found.push(finding));
    found
}

/// The first two bytes say where the pieces end.
pub(crate) fn token_scan(data: &[u8]) {
    let whole = findings(&[data]);
    let Some((ends, text)) = data.split_at_checked(2) else { return };
    let (first, second) = (usize::from(ends[0]), usize::from(ends[1]).max(1));
    let (before, after) = text.split_at(first.min(text.len()));
    let mut pieces = vec![before];
    pieces.extend(after.chunks(second));
    assert_eq!(findings(&pieces), findings(&[text]));
    let plain: Vec<u8> = data.iter().copied().filter(|byte| *byte != 0).collect();
    for finding in &whole {
        let lines: Vec<&[u8]> = plain.split(|byte| *byte == b'\n').collect();
        let line = lines[usize::try_from(finding.line).unwrap() - 1];
        let there = &line[usize::try_from(finding.column).unwrap() - 1..];
        let shown = finding.redacted.trim_end_matches('…').as_bytes();
        assert!(there.starts_with(shown), "nothing of the kind at {}:{}", finding.line, finding.column);
        assert_eq!(there[shown.len() - 4 + 43], b'_', "{}", finding.redacted);
    }
}
