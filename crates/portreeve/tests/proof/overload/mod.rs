//! More than can be done: floods of logins, of which as many as ever are served and the rest are told to come back, while
//! everybody else is served as if there were none.

mod fair;
mod flood;
mod hostile;
mod process;
mod soak;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{
    client::{Api, Request},
    load::{self, Demand, Load, Requests},
    support::{Client, Place, Server, login, wait_for},
};

const PASSWORD: &str = "a password for all of them";

/// Logins that may wait for their turn.
const QUEUE: u64 = 4_096;

/// A server whose every login is hashed, and that believes what it is told of its clients' addresses, so that one machine can be
/// many.
struct Gate {
    server: Server,
    /// Removed when it is dropped.
    _place: Place,
    admin: Client,
    accounts: u64,
    runtime: tokio::runtime::Runtime,
}

impl Gate {
    fn open(accounts: usize) -> Self {
        let place = Place::new();
        let server = Server::start_with(&place, |command| {
            command.args(["--behind-proxy", "127.0.0.0/8", "--remember-logins", "0", "--log-level", "error"])
        });
        let admin = server.admin();
        for number in 0..accounts {
            admin.create_user(&account(number as u64), PASSWORD);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { server, _place: place, admin, accounts: accounts as u64, runtime: runtime.expect("a runtime") }
    }

    fn address(&self) -> SocketAddr {
        self.server.address().parse().expect("is an address")
    }

    /// A login of an account from an address.
    fn log_in(&self, account: &str, password: &str, source: &str) -> Request {
        let body = login("local", account, password).to_string();
        let mut request = Api::at(self.address()).request("POST", "/login", &body);
        let line = request.bytes.windows(2).position(|two| two == b"\r\n").expect("has lines") + 2;
        let header = format!("X-Forwarded-For: {source}\r\n");
        request.bytes.splice(line..line, header.into_bytes());
        request
    }

    /// Right logins of all accounts in turn, each from an address of its own.
    fn logins(&self) -> Requests {
        turns((0..self.accounts).map(|number| self.log_in(&account(number), PASSWORD, &source(number))).collect())
    }

    /// Checks of one token.
    fn checks(&self) -> Requests {
        let api = Api { token: self.admin.token().to_owned(), ..Api::at(self.address()) };
        let check = api.get("/identity-providers");
        Arc::new(move |_| check.clone())
    }

    /// How many logins a second there can be.
    fn capacity(&self, time: Duration) -> f64 {
        let demand = Demand { in_flight: 32, rate: None, time };
        self.runtime.block_on(self.load(demand, &self.logins())).per_second
    }

    /// Waits until nobody waits for a turn any more.
    fn settle(&self) {
        wait_for("an empty queue", || self.server.metrics().contains("portreeve_hash_queue_depth 0").then_some(()));
    }

    async fn load(&self, demand: Demand, requests: &Requests) -> Load {
        load::load(self.address(), demand, &Arc::default(), requests).await.expect("every answer is 200 or 503")
    }
}

/// Logins a second that fill the queue several times over.
fn fill(time: Duration) -> u64 {
    4 * QUEUE / time.as_secs()
}

/// Each in turn.
fn turns(requests: Vec<Request>) -> Requests {
    Arc::new(move |turn| requests[usize::try_from(turn).expect("is small") % requests.len()].clone())
}

fn account(number: u64) -> String {
    format!("account-{number}")
}

fn source(number: u64) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is small, and not negative")]
fn whole(rate: f64) -> u64 {
    rate as u64
}
