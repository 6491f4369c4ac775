//! HTTP/2 as no library would send it, and what an upstream of HTTP/1 makes of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_gateway::{CallerTimeouts, GatewaySettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{PATIENCE, Running, Upstream, fields, one_open_route, open, route};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

type Field<'a> = (&'a str, &'a str);

/// RFC 9113 §4.1, on stream 1.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// RFC 7541 §6.2.2: literals without indexing, names and values as they are.
fn block(fields: &[Field<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// What came back: the status, `None` when the stream or the connection was ended instead; and the body.
async fn send(gateway: &Running, frames: &[Vec<u8>]) -> (Option<u16>, Vec<u8>) {
    let mut socket = gateway.connect().await;
    socket.write_all(&[PREFACE, &frames.concat()].concat()).await.unwrap();
    let (mut status, mut body) = (None, Vec::new());
    let reading = async {
        loop {
            let mut head = [0; 9];
            if socket.read_exact(&mut head).await.is_err() {
                return;
            }
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            socket.read_exact(&mut payload).await.unwrap();
            let ends = head[4] & END_STREAM != 0;
            match head[3] {
                HEADERS => status = Some(read_status(&payload)),
                DATA => body.extend_from_slice(&payload),
                RESET | GOAWAY => return,
                _ => continue,
            }
            if ends {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer or an end");
    (status, body)
}

/// The status stands first; RFC 7541 Appendix A has seven of them, the others are literals with an indexed name.
fn read_status(block: &[u8]) -> u16 {
    match *block.first().unwrap() {
        first @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500][usize::from(first) - 0x88],
        _ => match block[1] {
            3 => std::str::from_utf8(&block[2..5]).unwrap().parse().unwrap(),
            // Huffman (RFC 7541 Appendix B): digits 0 to 2 have five bits, the others six.
            _ => 431,
        },
    }
}

const GET: [Field<'_>; 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/x")];
const POST: [Field<'_>; 4] =
    [(":method", "POST"), (":scheme", "http"), (":authority", "a.example"), (":path", "/x")];

fn whole(fields: &[Field<'_>]) -> Vec<Vec<u8>> {
    vec![frame(HEADERS, END_HEADERS | END_STREAM, &block(fields))]
}

fn with_body(more: &[Field<'_>], body: &str) -> Vec<Vec<u8>> {
    let head = frame(HEADERS, END_HEADERS, &block(&[&POST[..], more].concat()));
    vec![head, frame(DATA, END_STREAM, body.as_bytes())]
}

#[tokio::test]
async fn lengths_that_lie_never_become_a_request_of_http1() {
    let (upstream, gateway) = one_open_route().await;
    let mut lies = vec![whole(&[&POST[..], &[("content-length", "5")]].concat())];
    for lengths in [
        &[("content-length", "5"), ("content-length", "5")][..],
        &[("content-length", "5"), ("content-length", "6")],
        &[("content-length", "50")],
        &[("content-length", "2")],
        &[("content-length", "+5")],
        &[("content-length", "05")],
        &[("content-length", "5, 5")],
        &[("content-length", "5"), ("transfer-encoding", "chunked")],
        &[("transfer-encoding", "chunked")],
    ] {
        lies.push(with_body(lengths, "hello"));
    }
    for frames in lies {
        let (status, _) = send(&gateway, &frames).await;
        assert!(matches!(status, None | Some(400)), "{status:?} {frames:?}");
    }
    // One was true as far as it went: its request broke off.
    assert!(upstream.requests.load(Ordering::SeqCst) <= 2);
    let (status, body) = send(&gateway, &with_body(&[("content-length", "5")], "hello")).await;
    assert_eq!(status, Some(200));
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&seen["body"], fields(&seen["headers"], "content-length")),
        (&"hello".into(), vec!["5".to_owned()])
    );
}

#[tokio::test]
async fn a_caller_that_takes_nothing_is_cut_whatever_else_it_says() {
    let upstream = Upstream::start().await;
    let short = Duration::from_millis(300);
    let settings = GatewaySettings {
        timeouts: CallerTimeouts { stall: short, ..CallerTimeouts::default() },
        ..GatewaySettings::default()
    };
    let gateway = Running::start_with(vec![route("open", "/", &upstream, open())], settings).await;
    for path in ["/big", "/x"] {
        // RFC 9113 §6.5.2: SETTINGS_INITIAL_WINDOW_SIZE 0, so that no byte of a body may be sent.
        let preface = [&PREFACE[..24], b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0"].concat();
        let wanted = [GET[0], GET[1], GET[2], (":path", path)];
        let mut socket = gateway.connect().await;
        socket.write_all(&[preface, whole(&wanted).concat()].concat()).await.unwrap();
        let (mut reader, mut writer) = socket.into_split();
        let reading = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
        // Pings are answered: something moves all the time.
        let pinging = async {
            while writer.write_all(b"\0\0\x08\x06\0\0\0\0\0pingpong").await.is_ok() && !reading.is_finished()
            {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        };
        tokio::time::timeout(PATIENCE, pinging).await.expect("cut");
    }
}

#[tokio::test]
async fn what_would_be_two_lines_in_http1_is_refused() {
    let (upstream, gateway) = one_open_route().await;
    let change = |at: usize, to: Field<'static>| {
        let mut fields = GET.to_vec();
        fields[at] = to;
        fields
    };
    let more = |field: Field<'static>| [&GET[..], &[field]].concat();
    let attempts = [
        more(("x", "a\r\ny: b")),
        more(("x", "a\ny: b")),
        more(("x", "a\rb")),
        more(("x", "a\0b")),
        more(("x\r\ny", "a")),
        more(("x: a", "b")),
        more(("X", "a")),
        more(("x y", "a")),
        more(("", "a")),
        more(("connection", "x-api-key")),
        more(("keep-alive", "1")),
        more(("proxy-connection", "close")),
        more(("upgrade", "websocket")),
        more(("te", "gzip")),
        change(0, (":method", "GET /y HTTP/1.1\r\nx: y")),
        change(0, (":method", "GET /y")),
        change(1, (":scheme", "ftp")),
        change(1, (":scheme", "http://b.example/y?")),
        change(2, (":authority", "a.example\r\nx: y")),
        change(2, (":authority", "u@a.example")),
        change(2, (":authority", "a.example/admin")),
        change(2, (":authority", "")),
        change(3, (":path", "/x HTTP/1.1\r\nx: y")),
        change(3, (":path", "/x y")),
        change(3, (":path", "x")),
        change(3, (":path", "")),
        change(3, (":path", "*")),
        change(3, (":path", "http://b.example/x")),
        more((":path", "/admin")),
        more((":method", "DELETE")),
        more((":authority", "b.example")),
        more((":status", "200")),
        more((":protocol", "websocket")),
        more(("host", "b.example")),
        vec![("x", "y"), GET[0], GET[1], GET[2], GET[3]],
        vec![GET[0], GET[1], GET[3]],
    ];
    for fields in attempts {
        let (status, _) = send(&gateway, &whole(&fields)).await;
        assert!(matches!(status, None | Some(400)), "{status:?} {fields:?}");
    }
    assert_eq!(upstream.requests.load(Ordering::SeqCst), 0);
    let (status, _) = send(&gateway, &whole(&GET)).await;
    assert_eq!(status, Some(200));
}

#[tokio::test]
async fn trailers_name_nobody() {
    let (_upstream, gateway) = one_open_route().await;
    let announced = ("trailer", "x-end, countersign-subject, countersign.subject, authorization");
    let head = frame(HEADERS, END_HEADERS, &block(&[&POST[..], &[announced]].concat()));
    let trailers = [
        ("x-end", "1"),
        ("countersign-subject", "spoofed"),
        ("countersign.subject", "spoofed"),
        ("authorization", "spoofed"),
        ("x-forwarded-for", "spoofed"),
    ];
    let end = frame(HEADERS, END_HEADERS | END_STREAM, &block(&trailers));
    let (status, body) = send(&gateway, &[head, frame(DATA, 0, b"hello"), end]).await;
    assert_eq!(status, Some(200));
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(seen["trailers"].to_string(), "[[\"x-end\",\"1\"]]");
}
