//! Between a node and PostgreSQL: what goes over the wire, counted.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What has gone over the wire.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counted {
    /// Statements run, `BEGIN` and `COMMIT` among them.
    pub statements: u64,
    /// Statements parsed, which happens once for each connection.
    pub parsed: u64,
    /// How often the node sent something and then had to wait.
    pub round_trips: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Rows that came back.
    pub rows_read: u64,
    /// Rows inserted, changed or deleted.
    pub rows_written: u64,
    /// Bytes to PostgreSQL, and from it.
    pub bytes: [u64; 2],
}

/// A way to a database on which everything is counted.
pub struct Wire {
    counted: Arc<Mutex<Counted>>,
    port: u16,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// To `host:port`.
    pub fn to(database: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("has an address").port();
        let counted = Arc::new(Mutex::new(Counted::default()));
        let (all, database) = (counted.clone(), database.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&database).expect("the database can be reached");
                let turn = Arc::new(Mutex::new(false));
                for (from_node, from, to) in [(true, &near, &far), (false, &far, &near)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    // The node's first message has no kind.
                    let (counted, waiting) = (all.clone(), turn.clone());
                    let way = Way { from_node, counted, waiting, begun: !from_node, rest: Vec::new() };
                    std::thread::spawn(move || way.carry(from, to));
                }
            }
        });
        Self { counted, port }
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was counted since the last time.
    pub fn take(&self) -> Counted {
        std::mem::take(&mut locked(&self.counted))
    }
}

/// One direction of one connection.
struct Way {
    from_node: bool,
    counted: Arc<Mutex<Counted>>,
    /// Whether the node has sent something that was not answered yet.
    waiting: Arc<Mutex<bool>>,
    /// Whether messages have a kind by now.
    begun: bool,
    /// What has come of a message that is not whole.
    rest: Vec<u8>,
}

impl Way {
    fn carry(mut self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            // Before it goes on: what it brings about must not be counted first.
            self.look(&piece[..length]);
            if to.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    }

    fn look(&mut self, piece: &[u8]) {
        let mut counted = locked(&self.counted);
        counted.bytes[usize::from(!self.from_node)] += piece.len() as u64;
        let was_waiting = std::mem::replace(&mut *locked(&self.waiting), self.from_node);
        counted.round_trips += u64::from(self.from_node && !was_waiting);
        self.rest.extend_from_slice(piece);
        let mut at = 0;
        loop {
            let head = usize::from(self.begun);
            let Some(size) = self.rest.get(at + head..at + head + 4) else { break };
            let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize + head;
            let Some(message) = self.rest.get(at..at + size) else { break };
            if self.begun {
                count(&mut counted, self.from_node, message);
            }
            self.begun = true;
            at += size;
        }
        self.rest.drain(..at);
    }
}

/// One message of PostgreSQL's protocol, version 3.
fn count(counted: &mut Counted, from_node: bool, message: &[u8]) {
    match (from_node, message[0]) {
        (true, b'P') => counted.parsed += 1,
        (false, b'C') => {
            counted.statements += 1;
            let tag = String::from_utf8_lossy(&message[5..message.len() - 1]).into_owned();
            let rows = tag.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            match tag.split(' ').next() {
                Some("SELECT") => counted.rows_read += rows,
                Some("INSERT" | "UPDATE" | "DELETE") => counted.rows_written += rows,
                Some("COMMIT") => counted.commits += 1,
                _ => {}
            }
        }
        _ => {}
    }
}
