//! A client for load: requests written once, connections kept, next to no work for an answer.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// A connection that is used again and again.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A request as it goes over the wire.
pub fn request(method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n{authorization}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| address.to_string())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for the whole answer.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, head, length) = loop {
            if let Some(found) = parse_head(&self.buffer)? {
                break found;
            }
            self.fill().await?;
        };
        while self.buffer.len() < head + length {
            self.fill().await?;
        }
        Ok(Answer { status, body: self.buffer[head..head + length].to_vec() })
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Status, length of the head, and length of the body, once the head is whole.
fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).context("the head of an answer")?;
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).context("the status of an answer")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(Ok(0), str::parse).context("the length of an answer")?;
    Ok(Some((status, end + 4, length)))
}

/// What a load came to.
pub struct Load {
    /// Answers of the wanted status, in all and a second.
    pub done: usize,
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// Answers of other than the wanted status.
    pub others: usize,
}

/// Keeps `in_flight` requests under way for a while. `make` makes the next request, from a number of its own.
pub async fn load<F>(address: SocketAddr, in_flight: u64, time: Duration, wanted: u16, make: F) -> anyhow::Result<Load>
where
    F: Fn(u64) -> Vec<u8> + Clone + Send + 'static,
{
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for lane in 0..in_flight {
        let make = make.clone();
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let (mut took, mut others, mut number) = (Vec::new(), 0, lane);
            while began.elapsed() < time {
                let sent = Instant::now();
                let answer = connection.call(&make(number)).await?;
                took.push(sent.elapsed());
                others += usize::from(answer.status != wanted);
                number += in_flight;
            }
            anyhow::Ok((took, others))
        });
    }
    let (mut took, mut others) = (Vec::new(), 0);
    while let Some(lane) = tasks.join_next().await {
        let (more, wrong) = lane??;
        took.extend(more);
        others += wrong;
    }
    let elapsed = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    let done = took.len() - others;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(Load { done, per_second: done as f64 / elapsed, p50: at(50), p99: at(99), others })
}
