//! A service that costs next to nothing: whatever it is asked, two bytes.

use std::error::Error;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok";

/// Serves until it is ended.
pub async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let _ = answer(stream).await;
        });
    }
}

/// Requests without bodies, one after the other: the end of each head is the end of the request.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(8_192);
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut end = 0;
        while let Some(at) = find(&buffer[end..], b"\r\n\r\n") {
            end += at + 4;
            stream.write_all(ANSWER).await?;
        }
        buffer.drain(..end);
    }
}

/// Where a sequence of bytes begins.
pub fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
