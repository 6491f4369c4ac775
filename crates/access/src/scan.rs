//! Finds our secrets where they should not be, in whatever bytes: a repository, a log, a paste.
//!
//! The text of a secret says what it is, and its checksum tells it from what only looks like one, so that nobody needs to
//! be asked. The scanner keeps a few dozen bytes between chunks, however long a line or a file is. It sees through the
//! zero bytes of UTF-16; columns count the bytes that are left.

use crate::TokenKind;
use crate::api_key::{LONGEST_TEXT, WellFormed};

/// A secret that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is.
    pub kind: TokenKind,
    /// The line it begins in, from 1.
    pub line: u64,
    /// Where in that line, from 1, in bytes that are not zero.
    pub column: u64,
    /// Its head and four characters of 43: enough to know it again, and nothing to use.
    pub redacted: String,
}

/// How much of a secret's body is shown.
const SHOWN: usize = 4;

/// Finds secrets in bytes that come in pieces.
#[derive(Debug)]
pub struct Scanner {
    /// What might still become a secret, and what came after it.
    window: Vec<u8>,
    line: u64,
    column: u64,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { window: Vec::new(), line: 1, column: 1 }
    }
}

impl Scanner {
    /// Looks through the next piece; tells what it finds. The piece is copied: hand over no more than some kilobytes.
    pub fn feed(&mut self, piece: &[u8], found: &mut impl FnMut(Finding)) {
        self.window.extend(piece.iter().filter(|byte| **byte != 0));
        self.look(false, found);
    }

    /// There is no more.
    pub fn end(mut self, found: &mut impl FnMut(Finding)) {
        self.look(true, found);
    }

    fn look(&mut self, is_end: bool, found: &mut impl FnMut(Finding)) {
        let window = std::mem::take(&mut self.window);
        let mut rest = window.as_slice();
        while let Some(at) = memchr::memmem::find(rest, b"cs") {
            let (before, candidate) = rest.split_at(at);
            self.pass(before);
            if candidate.len() < LONGEST_TEXT && !is_end {
                self.window = candidate.to_vec();
                return;
            }
            let length = match secret(candidate) {
                Some((kind, text)) => {
                    found(Finding { kind, line: self.line, column: self.column, redacted: redacted(text) });
                    text.len()
                }
                None => 1,
            };
            let (looked_at, after) = candidate.split_at(length);
            self.pass(looked_at);
            rest = after;
        }
        // A last `c` may be the first of two letters.
        let kept = if rest.last() == Some(&b'c') && !is_end { 1 } else { 0 };
        let (done, kept) = rest.split_at(rest.len() - kept);
        self.pass(done);
        self.window = kept.to_vec();
    }

    /// Moves on over bytes that hold nothing.
    fn pass(&mut self, bytes: &[u8]) {
        let count = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match memchr::memrchr(b'\n', bytes) {
            None => self.column = self.column.saturating_add(count(bytes)),
            Some(last) => {
                let lines = memchr::memchr_iter(b'\n', bytes).count();
                self.line = self.line.saturating_add(u64::try_from(lines).unwrap_or(u64::MAX));
                self.column = count(bytes.get(last..).unwrap_or_default());
            }
        }
    }
}

/// The secret these bytes begin with. Its form leaves one place for its end, so what follows it does not matter.
fn secret(bytes: &[u8]) -> Option<(TokenKind, &str)> {
    let longest = bytes.get(..LONGEST_TEXT).unwrap_or(bytes);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let length = longest.iter().position(|byte| !is_part(byte)).unwrap_or(longest.len());
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let text = WellFormed::at_start(text)?;
    Some((TokenKind::of_head(text.head())?, text.expose()))
}

fn redacted(text: &str) -> String {
    let head = WellFormed::read(text).map_or(0, |read| read.head().len() + 1);
    format!("{}…", text.get(..head + SHOWN).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use countersign_model::SystemRng;

    use super::*;
    use crate::api_key;

    /// What is found in these pieces: kind, line and column.
    fn found(pieces: &[&[u8]]) -> Vec<(TokenKind, u64, u64)> {
        let mut all = Vec::new();
        let mut keep = |finding: Finding| all.push((finding.kind, finding.line, finding.column));
        let mut scanner = Scanner::default();
        pieces.iter().for_each(|piece| scanner.feed(piece, &mut keep));
        scanner.end(&mut keep);
        all
    }

    #[test]
    fn every_kind_is_found_wherever_the_pieces_end() {
        for kind in TokenKind::NAMED.into_iter().chain([TokenKind::ApiKey]) {
            let text = format!("one\ncsc c cs\ntwo \"{}\" cs", kind.generate(&SystemRng).expose());
            let bytes = text.as_bytes();
            let there = vec![(kind, 3, 6)];
            for at in 0..=bytes.len() {
                assert_eq!(found(&[&bytes[..at], &bytes[at..]]), there, "{kind:?} {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(found(&single), there, "{kind:?}");
        }
    }

    #[test]
    fn what_stands_around_it_does_not_hide_it() {
        let one = TokenKind::AccessToken.generate(&SystemRng);
        let (one, two) = (one.expose(), TokenKind::ClientSecret.generate(&SystemRng));
        let twice = format!("{one}{}", two.expose());
        assert_eq!(found(&[twice.as_bytes()]).len(), 2, "one right after the other");
        for text in [
            format!("\\n{one}\\n"),
            format!("%20{one}%20"),
            format!("csk_cst_{one}"),
            format!("ascscscs{one}more"),
            format!("\u{fe0f}\u{301}{one}ä"),
        ] {
            assert_eq!(found(&[text.as_bytes()]).len(), 1, "{text}");
        }
        let wide: Vec<u8> = format!("a\r\n{one}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(found(&[&wide]), [(TokenKind::AccessToken, 2, 1)], "UTF-16");
    }

    #[test]
    fn what_is_shown_can_not_be_used() {
        let text = api_key::generate("csk", "live", &SystemRng);
        let mut shown = String::new();
        let mut scanner = Scanner::default();
        scanner.feed(text.expose().as_bytes(), &mut |finding| shown = finding.redacted);
        scanner.end(&mut |finding| shown = finding.redacted);
        let four = text.expose().get("csk_live_".len().."csk_live_".len() + 4).unwrap();
        assert_eq!(shown, format!("csk_live_{four}…"));
    }

    #[test]
    fn one_character_changed_and_it_is_none() {
        let text = TokenKind::RefreshToken.generate(&SystemRng).expose().clone();
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(found(&[&changed]), [], "{at}");
        }
    }

    /// Steele's and Vigna's SplitMix64: the same in every run.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A million texts of the right form with a checksum of chance: 62⁶ there are, of which one is right, so that one
    /// in 57 billion is a false hit, and none in a million.
    #[test]
    fn a_million_look_alikes_are_none() {
        let mut state = 0;
        let mut hits = 0;
        let mut scanner = Scanner::default();
        let mut text = Vec::new();
        let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        for _ in 0..1_000_000 {
            text.clear();
            text.extend_from_slice(b"cst_at_");
            while text.len() < "cst_at_".len() + 49 {
                let random = next(&mut state).to_be_bytes();
                text.extend(random.map(|byte| digits[usize::from(byte) % 62]));
            }
            text.truncate("cst_at_".len() + 49);
            text.insert("cst_at_".len() + 43, b'_');
            scanner.feed(&text, &mut |_| hits += 1);
        }
        scanner.end(&mut |_| hits += 1);
        assert_eq!(hits, 0);
    }
}
