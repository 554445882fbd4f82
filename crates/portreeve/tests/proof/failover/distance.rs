//! A way to the database that can be made longer: what is sent arrives later, and none of it is lost.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// Ways to several hosts, all of the same length.
pub struct Distance {
    milliseconds: Arc<AtomicU64>,
    /// Where each of the ways begins.
    pub begins: Vec<SocketAddr>,
}

impl Distance {
    /// From an address of ours to each of these, at first without delay.
    pub fn from(near: Ipv4Addr, far: &[SocketAddr]) -> Self {
        let milliseconds = Arc::new(AtomicU64::new(0));
        let way = |&far: &SocketAddr| {
            let listener = TcpListener::bind((near, 0)).expect("a port");
            let begin = listener.local_addr().expect("has an address");
            let milliseconds = milliseconds.clone();
            std::thread::spawn(move || {
                for near in listener.incoming().map_while(Result::ok) {
                    // Where nobody is there is no way to.
                    let Ok(far) = TcpStream::connect(far) else { continue };
                    for (from, to) in [(&near, &far), (&far, &near)] {
                        let ends = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                        carry(ends, milliseconds.clone());
                    }
                }
            });
            begin
        };
        let begins = far.iter().map(way).collect();
        Self { milliseconds, begins }
    }

    /// How long a round trip takes from now on.
    pub fn set_round_trip(&self, milliseconds: u64) {
        self.milliseconds.store(milliseconds / 2, Ordering::Relaxed);
    }
}

/// One direction of one connection.
fn carry((mut from, mut to): (TcpStream, TcpStream), milliseconds: Arc<AtomicU64>) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut piece = [0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            let due = Instant::now() + Duration::from_millis(milliseconds.load(Ordering::Relaxed));
            if sender.send((due, piece[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, piece) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    });
}
