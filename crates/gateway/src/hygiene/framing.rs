//! The framing of HTTP/1.1 requests, read strictly beside hyper.
//!
//! hyper mends what it can: with both `Transfer-Encoding` and `Content-Length` it drops the length, it joins equal
//! lengths, takes a bare line feed for a line's end and cuts a fragment off the target. Each is allowed by the standard,
//! and each is where a front and a back part ways. [`Framing`] sees the same bytes and says in which request it saw
//! such a thing, so that this request is refused instead.

/// A reader of the bytes of one connection.
#[derive(Debug, Default)]
pub struct Framing {
    state: State,
    head: Head,
    /// A line that began in an earlier read.
    partial: Vec<u8>,
    /// Heads read to their end.
    heads: u64,
    refused: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// In a request line or header field.
    #[default]
    Head,
    /// In a body; this much is to come.
    Body(u64),
    /// In the line of a chunk's size (RFC 9112 §7.1).
    ChunkSize,
    /// In a chunk, its line end included; this much is to come.
    Chunk(u64),
    /// In the trailer section.
    Trailers,
    /// Nothing is read any more.
    Ended,
}

#[derive(Clone, Copy, Debug, Default)]
struct Head {
    request_line: bool,
    http_10: bool,
    content_length: Option<u64>,
    chunked: bool,
}

/// Longest line kept; hyper's own limit on a whole head is lower than what a longer one would need.
const LINE: usize = 256 * 1024;

impl Framing {
    /// Reads what arrived. Says whether the connection may go on: a fault inside a body ends it at once.
    pub fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Ended => return !self.broken_body(),
                State::Body(left) => {
                    let (rest, left) = skip(bytes, left);
                    self.state = if left == 0 { self.next_head() } else { State::Body(left) };
                    rest
                }
                State::Chunk(left) => {
                    let (rest, left) = skip(bytes, left);
                    self.state = if left == 0 { State::ChunkSize } else { State::Chunk(left) };
                    rest
                }
                State::Head | State::ChunkSize | State::Trailers => self.take_line(bytes),
            };
        }
        !self.broken_body()
    }

    /// The number, counted from zero, of the request that is to be refused.
    #[must_use]
    pub fn refused(&self) -> Option<u64> {
        self.refused
    }

    /// Stops reading: the connection speaks something else from now on.
    pub fn end(&mut self) {
        self.state = State::Ended;
        self.partial = Vec::new();
    }

    /// A fault after its request's head had passed: nobody will ask about it any more.
    fn broken_body(&self) -> bool {
        self.refused.is_some_and(|request| request < self.heads)
    }

    fn refuse(&mut self) {
        // In a body the fault belongs to the request whose head has been read.
        let in_head = self.state == State::Head;
        self.refused = Some(if in_head { self.heads } else { self.heads.saturating_sub(1) });
        self.end();
    }

    fn next_head(&mut self) -> State {
        self.head = Head::default();
        State::Head
    }

    /// Reads up to the next line feed; gives what follows it.
    fn take_line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            if self.partial.len() + bytes.len() > LINE {
                self.refuse();
            } else {
                self.partial.extend_from_slice(bytes);
            }
            return &[];
        };
        let (line, rest) = bytes.split_at_checked(end + 1).unwrap_or((bytes, &[]));
        if self.partial.is_empty() {
            self.line(line);
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(line);
            self.line(&whole);
            whole.clear();
            self.partial = whole;
        }
        rest
    }

    fn line(&mut self, line: &[u8]) {
        // RFC 9112 §2.2 lets a recipient take a bare LF for a line's end, and forbids a bare CR; we take neither.
        let sound = match line.strip_suffix(b"\r\n") {
            Some(line) if memchr::memchr2(b'\r', 0, line).is_none() => match self.state {
                State::Head => self.head_line(line),
                State::ChunkSize => self.chunk_size(line),
                State::Trailers => self.trailer_line(line),
                State::Body(_) | State::Chunk(_) | State::Ended => Some(()),
            },
            Some(_) | None => None,
        };
        if sound.is_none() {
            self.refuse();
        }
    }

    fn head_line(&mut self, line: &[u8]) -> Option<()> {
        if !self.head.request_line {
            // RFC 9112 §2.2: empty lines before a request line are skipped.
            return if line.is_empty() { Some(()) } else { self.request_line(line) };
        }
        if line.is_empty() {
            self.heads += 1;
            self.state = match (self.head.chunked, self.head.content_length) {
                // RFC 9112 §6.1: both together may be refused; nobody honest sends them.
                (true, Some(_)) => {
                    self.heads -= 1;
                    return None;
                }
                (true, None) => State::ChunkSize,
                (false, Some(length)) if length > 0 => State::Body(length),
                (false, _) => self.next_head(),
            };
            return Some(());
        }
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            // RFC 9112 §6.3: a list or a second field is invalid unless all are equal; we want one.
            let length = decimal(value)?;
            if self.head.content_length.replace(length).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // RFC 9112 §6.1, §7: the one coding we know, once, and not in HTTP/1.0.
            if self.head.http_10 || self.head.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            self.head.chunked = true;
        }
        Some(())
    }

    fn request_line(&mut self, line: &[u8]) -> Option<()> {
        // RFC 9112 §3: method SP request-target SP HTTP-version, single spaces.
        let mut parts = line.split(|byte| *byte == b' ');
        let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
        let one_space =
            parts.next().is_none() && !method.is_empty() && method.iter().all(|byte| is_token(*byte));
        // RFC 9112 §3.2: a target has no fragment; a parser may cut it off in silence.
        let whole = !target.is_empty() && memchr::memchr2(b'#', b'\t', target).is_none();
        self.head.request_line = true;
        self.head.http_10 = version == b"HTTP/1.0";
        (one_space && whole && (self.head.http_10 || version == b"HTTP/1.1")).then_some(())
    }

    fn chunk_size(&mut self, line: &[u8]) -> Option<()> {
        let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
        let (digits, extension) = line.split_at_checked(digits)?;
        if digits.is_empty() || digits.len() > 15 || extension.len() > 1024 {
            return None;
        }
        // RFC 9112 §7.1.1: extensions are ignored, but must be extensions.
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        if !matches!(extension.iter().find(|byte| !blank(byte)), None | Some(b';'))
            || extension.last().is_some_and(blank)
        {
            return None;
        }
        let size = digits
            .iter()
            .try_fold(0_u64, |size, digit| Some(size << 4 | u64::from(char::from(*digit).to_digit(16)?)))?;
        self.state = if size == 0 { State::Trailers } else { State::Chunk(size + 2) };
        Some(())
    }

    fn trailer_line(&mut self, line: &[u8]) -> Option<()> {
        if line.is_empty() {
            self.state = self.next_head();
            return Some(());
        }
        field(line).map(|_| ())
    }
}

/// Skips what belongs to a body.
fn skip(bytes: &[u8], left: u64) -> (&[u8], u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (bytes.get(taken..).unwrap_or_default(), left.saturating_sub(taken as u64))
}

/// Name and value of a field line. RFC 9112 §5.1: no space before the colon; §5.2: no folding.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return None;
    }
    Some((name, value.trim_ascii()))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// RFC 9110 §8.6: digits and nothing else. A leading zero makes it octal to some.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    let in_one_form = matches!(value, [b'0'] | [b'1'..=b'9', ..]);
    if !in_one_form || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}
