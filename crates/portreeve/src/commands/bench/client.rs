//! A client for load: requests written once, connections kept, next to no work for an answer.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How long a connection may go unused before it is opened anew: the server closes it after fifteen seconds.
const IDLE: Duration = Duration::from_secs(10);

/// Whom to ask, and as whom.
#[derive(Debug, Clone)]
pub struct Api {
    pub address: SocketAddr,
    /// As the server knows itself: the header `Host`.
    pub host: String,
    pub token: String,
}

impl Api {
    /// Nobody yet, at an address.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), token: String::new() }
    }

    /// A request, to be answered 200.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Request {
        let Self { host, token, .. } = self;
        let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Length: {length}");
        Request { bytes: format!("{head}\r\n\r\n{body}").into_bytes(), wanted: 200 }
    }

    /// A `GET`, to be answered 200.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path, "")
    }

    /// Sends one request on a connection of its own. Gives the JSON of the answer, which must be 200.
    pub async fn call(&self, method: &str, path: &str, body: &str) -> anyhow::Result<serde_json::Value> {
        let request = self.request(method, path, body);
        let answer = Connection::open(self.address).await?.call(&request).await?;
        if answer.status != request.wanted {
            bail!("{method} {path} was answered {}", answer.shown());
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("the answer to {method} {path}"))
    }
}

/// A request as it goes over the wire, and the status of a good answer.
#[derive(Clone)]
pub struct Request {
    pub bytes: Vec<u8>,
    pub wanted: u16,
}

/// A connection that is used again and again.
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
    used: Instant,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    /// Its status and the beginning of what it says.
    pub fn shown(&self) -> String {
        let said: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        format!("{} {said}", self.status)
    }
}

/// How the length of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Bytes(usize),
    Chunks,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = connect(address).await?;
        Ok(Self { stream, address, buffer: Vec::with_capacity(32 * 1024), used: Instant::now() })
    }

    /// Sends a request and waits for the whole answer.
    pub async fn call(&mut self, request: &Request) -> anyhow::Result<Answer> {
        if self.used.elapsed() > IDLE {
            self.stream = connect(self.address).await?;
        }
        self.stream.write_all(&request.bytes).await?;
        self.buffer.clear();
        let (status, head, body) = loop {
            if let Some(found) = parse_head(&self.buffer)? {
                break found;
            }
            self.fill().await?;
        };
        let body = match body {
            Body::Bytes(length) => {
                while self.buffer.len() < head + length {
                    self.fill().await?;
                }
                self.buffer[head..head + length].to_vec()
            }
            Body::Chunks => self.chunks(head).await?,
        };
        self.used = Instant::now();
        Ok(Answer { status, body })
    }

    /// A body in chunks (RFC 9112, 7.1), without trailers, which our servers do not send.
    async fn chunks(&mut self, mut at: usize) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let Some(line) = self.buffer[at..].windows(2).position(|two| two == b"\r\n") else {
                self.fill().await?;
                continue;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line]).context("the size of a chunk")?;
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).context("the size of a chunk")?;
            let begin = at + line + 2;
            while self.buffer.len() < begin + size + 2 {
                self.fill().await?;
            }
            body.extend_from_slice(&self.buffer[begin..begin + size]);
            at = begin + size + 2;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection in the middle of an answer");
        }
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Status, length of the head, and how long the body is, once the head is whole.
fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, Body)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).context("the head of an answer")?;
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).context("the status of an answer")?;
    let mut body = Body::Bytes(0);
    for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body = Body::Bytes(value.trim().parse().context("the length of an answer")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked") {
            body = Body::Chunks;
        }
    }
    Ok(Some((status, end + 4, body)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every request with these pieces, one after the other.
    async fn answering(pieces: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            while stream.read(&mut request).await.unwrap() > 0 {
                for piece in pieces {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        address
    }

    fn request() -> Request {
        Request { bytes: b"GET / HTTP/1.1\r\n\r\n".to_vec(), wanted: 200 }
    }

    #[tokio::test]
    async fn answers_in_chunks_and_of_known_length_are_read_whole_and_one_after_the_other() {
        let chunked: &[&str] = &[
            "HTTP/1.1 200 OK\r\nTransfer-Enc",
            "oding: chunked\r\n\r",
            "\n5\r\nhello\r",
            "\n1",
            "0;x=y\r\n 0123456789abcde\r\n0\r\n\r\n",
        ];
        let whole: &[&str] = &["HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nn", "o!"];
        for (pieces, status, body) in [(chunked, 200, "hello 0123456789abcde"), (whole, 404, "no!")] {
            let mut connection = Connection::open(answering(pieces).await).await.unwrap();
            for _ in 0..3 {
                let answer = connection.call(&request()).await.unwrap();
                assert_eq!((answer.status, String::from_utf8(answer.body).unwrap().as_str()), (status, body));
            }
        }
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Else what was not read breaks the connection off, and not its end.
            stream.read_exact(&mut vec![0; request().bytes.len()]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel").await.unwrap();
        });
        let answer = Connection::open(address).await.unwrap().call(&request()).await;
        assert!(answer.is_err());
    }
}
