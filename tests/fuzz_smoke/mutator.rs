//! Makes inputs out of seeds, always the same ones.

/// Bytes and texts on which parsers differ.
const INTERESTING: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\n",
    b"\t",
    b" ",
    b"%",
    b"%00",
    b"%2F",
    b"%2e%2e",
    b"..",
    b"//",
    b"\\",
    b";",
    b":",
    b",",
    b"=",
    b"&",
    b"+",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b".",
    b"_",
    b"-",
    b"\xff",
    b"\xc3\x28",
    "\u{202e}".as_bytes(),
    "İ".as_bytes(),
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"chunked",
    b"Transfer-Encoding: chunked\n",
    b"Content-Length: 5\n",
    b"Host: a\n",
    b"Bearer ",
    b"Basic ",
    b"ApiKey ",
    b"x-api-key: a\n",
    b"api_key=",
    b"countersign_subject: x\n",
    b"\x30\x82\xff\xff",
    b"\x30\x80",
];

/// Descendants of some seeds.
pub(crate) struct Mutator {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutator {
    pub(crate) fn new(seeds: Vec<Vec<u8>>) -> Self {
        Self { seeds, state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// The next one: a seed with some things done to it.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..=self.below(5) {
            self.change(&mut input);
        }
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let place = self.below(self.seeds.len());
        self.seeds[place].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let place = self.below(input.len() + 1);
        let end = (place + 1 + self.below(16)).min(input.len());
        match self.below(8) {
            0 if place < input.len() => input[place] ^= 1 << self.below(8),
            1 if place < input.len() => input[place] = self.below(256) as u8,
            2 if place < end => drop(input.drain(place..end)),
            3 if place < end => {
                let again = input[place..end].to_vec();
                input.splice(place..place, again);
            }
            4 => input.truncate(place),
            5 => {
                let other = self.seed();
                let from = self.below(other.len() + 1);
                input.truncate(place);
                input.extend_from_slice(&other[from..]);
            }
            6 => input.insert(place, self.below(256) as u8),
            _ => {
                let word = INTERESTING[self.below(INTERESTING.len())];
                input.splice(place..place, word.iter().copied());
            }
        }
    }

    /// A number below another (xorshift64*).
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}
