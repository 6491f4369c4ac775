//! Paths in one form (RFC 3986 §6.2.2).

use std::borrow::Cow;

use super::Refusal;

/// Bytes of a path that need no second look: unreserved characters, sub-delimiters but `;`, `:`, `@` and `/`
/// (RFC 3986 §3.3).
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@/";
    let mut i = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while i < plain.len() {
        table[plain[i] as usize] = true;
        i += 1;
    }
    table
};

/// Writes a path in the form that is matched and forwarded; borrowed when it already is.
///
/// # Errors
/// The path does not begin with `/`, or holds what servers read differently.
pub fn normalise_path(path: &str) -> Result<Cow<'_, str>, Refusal> {
    if !path.starts_with('/') {
        return Err(Refusal::TargetForm);
    }
    let plain = path.bytes().all(|byte| PLAIN.get(usize::from(byte)).copied().unwrap_or(false));
    let path = if plain { Cow::Borrowed(path) } else { Cow::Owned(rewrite(path)?) };
    check_segments(&path)?;
    Ok(path)
}

/// One pass over the escapes; the result is plain ASCII.
fn rewrite(path: &str) -> Result<String, Refusal> {
    let mut written = String::with_capacity(path.len() + 8);
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'%' => {
                let value = hex_pair(bytes.next().copied(), bytes.next().copied()).ok_or(Refusal::BadPath)?;
                escaped(value, bytes.as_slice(), &mut written)?;
                decoded.push(value);
            }
            // A parameter of a segment to some servers, a part of its name to others.
            b';' => return Err(Refusal::BadPath),
            // A separator to some servers.
            b'\\' => return Err(Refusal::BadPath),
            byte if PLAIN.get(usize::from(byte)).copied().unwrap_or(false) => {
                written.push(char::from(byte));
                decoded.push(byte);
            }
            byte if byte.is_ascii_graphic() => {
                push_escape(byte, &mut written);
                decoded.push(byte);
            }
            // Control characters, spaces, raw non-ASCII.
            _ => return Err(Refusal::BadPath),
        }
    }
    // Over-long forms and stray bytes are where decoders part ways.
    std::str::from_utf8(&decoded).map(|_| written).map_err(|_| Refusal::BadPath)
}

/// Writes one escape; `rest` is what follows it.
fn escaped(value: u8, rest: &[u8], written: &mut String) -> Result<(), Refusal> {
    match value {
        // `%3B` too: who decodes first finds a parameter of a segment, and `..%3B` is then a dot segment.
        b'/' | b'\\' | b';' | 0..=0x1f | 0x7f => Err(Refusal::BadPath),
        // Decoded twice it would become another path.
        b'%' if matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) => {
            Err(Refusal::BadPath)
        }
        // RFC 3986 §2.3: escapes of unreserved characters mean the character.
        value if value.is_ascii_alphanumeric() || matches!(value, b'-' | b'.' | b'_' | b'~') => {
            written.push(char::from(value));
            Ok(())
        }
        value => {
            push_escape(value, written);
            Ok(())
        }
    }
}

fn push_escape(value: u8, written: &mut String) {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
    written.push('%');
    written.push(digit(value >> 4));
    written.push(digit(value & 15));
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Refuses empty segments and dot segments. An empty last segment is a trailing slash.
fn check_segments(path: &str) -> Result<(), Refusal> {
    // RFC 3986 §5.2.4 would resolve them; whoever matched before us may not have.
    let bytes = path.as_bytes();
    for at in memchr::memchr_iter(b'/', bytes) {
        match bytes.get(at + 1..).unwrap_or_default() {
            [b'/', ..] => return Err(Refusal::EmptySegment),
            [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..] => {
                return Err(Refusal::DotSegment);
            }
            _ => {}
        }
    }
    Ok(())
}
