//! What to ask. Texts may hold `{name}`, replaced by a value that an earlier answer gave, by `{line}`, the next line of a
//! list, or by `{n}`, a number that never comes twice.

use serde::Deserialize;

/// One run.
#[derive(Deserialize)]
pub struct Plan {
    /// Where to connect, `127.0.0.1:8443`.
    pub address: String,
    /// The name in the Host field and in TLS.
    #[serde(default = "localhost")]
    pub host: String,
    /// Speaks TLS.
    pub tls: Option<Tls>,
    /// Connections at the same time.
    pub connections: usize,
    /// Ends after this long.
    pub seconds: f64,
    /// Ends after so many rounds of the steps, too.
    #[serde(default)]
    pub most: Option<u64>,
    /// A new connection for every round; otherwise they are kept alive.
    #[serde(default)]
    pub reconnect: bool,
    /// What each connection asks, over and over, in order.
    pub steps: Vec<Step>,
    /// A file whose lines replace `{line}`, one after the other, from the start again at its end.
    pub lines: Option<String>,
    /// The first line to take.
    #[serde(default)]
    pub first_line: usize,
    /// Names and files: the first value of a name, a line a connection. At the end the file holds the last values.
    #[serde(default)]
    pub seeds: Vec<(String, String)>,
}

fn localhost() -> String {
    "localhost".to_owned()
}

/// TLS with an authority we trust and a certificate of ours.
#[derive(Deserialize)]
pub struct Tls {
    pub authority: String,
    pub certificate: Option<String>,
    pub key: Option<String>,
}

/// One request and what its answer must be.
#[derive(Deserialize)]
pub struct Step {
    #[serde(default = "get")]
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// The statuses that count as success.
    #[serde(default = "ok")]
    pub expect: Vec<u16>,
    /// Values to keep for later steps.
    #[serde(default)]
    pub keep: Vec<Keep>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> Vec<u16> {
    vec![200]
}

/// The text between two others, in the head and body of an answer.
#[derive(Clone, Deserialize)]
pub struct Keep {
    pub name: String,
    pub after: String,
    pub until: String,
}

/// A text with holes.
pub struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    Line,
    Number,
    Value(usize),
}

impl Template {
    /// Cuts a text at its holes; `names` are the values there are.
    pub fn new(text: &str, names: &[String]) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map(|close| open + close);
            let piece = close.and_then(|close| match &rest[open + 1..close] {
                "line" => Some(Piece::Line),
                "n" => Some(Piece::Number),
                name => names.iter().position(|known| known == name).map(Piece::Value),
            });
            if let (Some(piece), Some(close)) = (piece, close) {
                pieces.push(Piece::Text(rest[..open].to_owned()));
                pieces.push(piece);
                rest = &rest[close + 1..];
            } else {
                pieces.push(Piece::Text(rest[..=open].to_owned()));
                rest = &rest[open + 1..];
            }
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Self(pieces)
    }

    /// Writes it with the holes filled.
    pub fn fill(&self, into: &mut Vec<u8>, line: &str, number: u64, values: &[String]) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => into.extend_from_slice(text.as_bytes()),
                Piece::Line => into.extend_from_slice(line.as_bytes()),
                Piece::Number => into.extend_from_slice(number.to_string().as_bytes()),
                Piece::Value(place) => into.extend_from_slice(values[*place].as_bytes()),
            }
        }
    }
}
