//! Clients that mean harm: who send without end, or nothing, or do not listen.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::{
    super::{
        course::{figure, size},
        support::{place::tested_database, wait_for},
    },
    Demand, Gate, process,
};

/// Between two bytes of one who drips.
const DRIP: Duration = Duration::from_millis(700);
/// Token checks a second of those who mean no harm.
const CHECKS: u64 = 100;
/// Answers that are asked for and not read: more than what the system keeps for a connection.
const UNREAD: usize = 200;
/// What a connection may take of the server's memory, in MiB.
const EACH: f64 = 0.25;

/// What is done to the server, over a connection that is kept until the server closes it.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// A connection, and not a byte.
    Silence,
    /// A head, a byte at a time, for ever.
    DrippedHead,
    /// A body, likewise.
    DrippedBody,
    /// A head that grows and does not end.
    EndlessHead,
    /// A body that is larger than any.
    EndlessBody,
    /// Request upon request, and no answer is read.
    NoListener,
    /// The beginning of HTTP/2, which is not spoken here, and streams that are broken off at once.
    OtherProtocol,
}

const ALL: [Harm; 7] = [
    Harm::Silence,
    Harm::DrippedHead,
    Harm::DrippedBody,
    Harm::EndlessHead,
    Harm::EndlessBody,
    Harm::NoListener,
    Harm::OtherProtocol,
];

const LOGIN: &str = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";

impl Harm {
    /// Does it until the connection is closed.
    async fn go_on(self, address: SocketAddr) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address).await?;
        match self {
            Self::Silence => listen(stream).await,
            Self::DrippedHead => drip(stream, "GET / HTTP/1.1\r\nX: ").await,
            Self::DrippedBody => drip(stream, &format!("{LOGIN}Content-Length: 100000\r\n\r\n\"")).await,
            Self::EndlessHead => pour(stream, "GET / HTTP/1.1\r\n", b"X-Header: some value or other\r\n").await,
            Self::EndlessBody => {
                pour(stream, &format!("{LOGIN}Content-Length: 100000000000\r\n\r\n\""), &[b'a'; 4_096]).await
            }
            Self::NoListener => {
                let request = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(UNREAD);
                stream.write_all(request.as_bytes()).await?;
                // Closed by the other side: told by the writing half alone, as nothing is read.
                loop {
                    tokio::time::sleep(DRIP).await;
                    stream.write_all(b"G").await?;
                }
            }
            Self::OtherProtocol => {
                stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
                let reset = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];
                pour(stream, "", &reset.repeat(100)).await
            }
        }
    }
}

async fn listen(mut stream: TcpStream) -> std::io::Result<()> {
    let mut said = [0; 4_096];
    while stream.read(&mut said).await? > 0 {}
    Ok(())
}

async fn drip(stream: TcpStream, first: &str) -> std::io::Result<()> {
    let (mut reading, mut writing) = stream.into_split();
    writing.write_all(first.as_bytes()).await?;
    let mut said = [0; 4_096];
    loop {
        tokio::select! {
            read = reading.read(&mut said) => if read? == 0 { return Ok(()) },
            () = tokio::time::sleep(DRIP) => writing.write_all(b"a").await?,
        }
    }
}

async fn pour(mut stream: TcpStream, first: &str, more: &[u8]) -> std::io::Result<()> {
    stream.write_all(first.as_bytes()).await?;
    loop {
        stream.write_all(more).await?;
    }
}

/// Connections to the database that may have been opened meanwhile: as many as a node has by default.
const POOL: usize = 16;

#[test]
fn clients_that_mean_harm_are_closed_and_hold_up_nobody() {
    let gate = Gate::open(0);
    let (count, address) = (size(50, 1_200), gate.address());
    let quiet = Demand { in_flight: 10, rate: Some(CHECKS), time: Duration::from_secs(3) };
    gate.runtime.block_on(gate.load(quiet, &gate.checks()));
    let (memory, sockets) = (process::memory(&gate.server), process::sockets(&gate.server));
    let mut harm = JoinSet::new();
    for kind in ALL.into_iter().flat_map(|kind| std::iter::repeat_n(kind, count)) {
        harm.spawn_on(
            async move {
                // However it ended: that the server has ended it is seen there.
                drop(kind.go_on(address).await);
            },
            gate.runtime.handle(),
        );
    }
    let demand = Demand { time: Duration::from_secs(size(8, 40) as u64), ..quiet };
    let checks = gate.runtime.block_on(gate.load(demand, &gate.checks()));
    let (most, held) = (process::memory(&gate.server), process::sockets(&gate.server));
    let all = ALL.len() * count;
    // Every limit is over by then.
    let pool = if tested_database().is_some() { POOL } else { 0 };
    wait_for("the end of all connections", || (process::sockets(&gate.server) <= sockets + pool).then_some(()));
    // Some may wait for ever: whose connection the system took while the queue of those to be accepted was full, and the server never had.
    gate.runtime.block_on(harm.shutdown());
    figure(
        "hostile",
        &format!(
            "{all} connections that mean harm, {} open after {} s: token checks p50 {:.2} ms, p99 {:.2} ms; \
             memory {memory:.0} MiB, then {most:.0}; all closed by the server",
            held.saturating_sub(sockets),
            demand.time.as_secs(),
            checks.percentile(50),
            checks.percentile(99),
        ),
    );
    assert_eq!((checks.unanswered, checks.refused), (0, 0), "others are served");
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let bound = memory + EACH * all as f64;
    assert!(most < bound, "{most} MiB, where {bound} are enough");
}
