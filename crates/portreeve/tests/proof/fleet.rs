//! Nodes on one place, each of which keeps its address however often it is killed and started again.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{
    clocks::Clock,
    support::{Client, Place, Server, free_port, wait_for},
};

/// Comparisons of a password with its hash, as a node counts them.
const COMPARED: &str = "portreeve_password_verifications_total";

/// Nodes that share a place.
pub struct Fleet<'a> {
    place: &'a Place,
    nodes: Vec<Node>,
}

struct Node {
    url: String,
    clock: Clock,
    /// Nothing while it is dead.
    server: Mutex<Option<Server>>,
    /// What it had compared, as it said shortly before it was killed, in all its former lives.
    compared_before: AtomicU64,
}

impl Node {
    fn server(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, place: &Place) -> Server {
        let address = self.url.trim_start_matches("http://");
        Server::start_with(place, |command| self.clock.give_to(command).env("PORTREEVE_LISTEN", address))
    }
}

impl<'a> Fleet<'a> {
    /// A node for each clock.
    pub fn start(place: &'a Place, clocks: Vec<Clock>) -> Self {
        let node = |clock: Clock| {
            let url = format!("http://127.0.0.1:{}", free_port());
            Node { url, clock, server: Mutex::default(), compared_before: AtomicU64::new(0) }
        };
        let fleet = Self { place, nodes: clocks.into_iter().map(node).collect() };
        for node in &fleet.nodes {
            *node.server() = Some(node.start(place));
        }
        fleet
    }

    /// `count` nodes by this machine's clock.
    pub fn of(place: &'a Place, count: usize) -> Self {
        Self::start(place, (0..count).map(|_| Clock::Right).collect())
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Where a node listens.
    pub fn url(&self, node: usize) -> &str {
        &self.nodes[node].url
    }

    /// The nodes' own clocks.
    pub fn clock(&self, node: usize) -> &Clock {
        &self.nodes[node].clock
    }

    /// A client of the first node with a token of the account admin.
    pub fn admin(&self) -> Client {
        self.nodes[0].server().as_ref().expect("is alive").admin()
    }

    /// Ends a node as a crash would. It counts what it has compared until shortly before.
    pub fn kill(&self, node: usize) {
        let node = &self.nodes[node];
        if let Some(server) = node.server().take() {
            node.compared_before.fetch_add(server.count(COMPARED), Ordering::Relaxed);
            server.crash();
        }
    }

    /// Starts a node that was killed.
    pub fn revive(&self, node: usize) {
        let node = &self.nodes[node];
        let mut server = node.server();
        if server.is_none() {
            *server = Some(node.start(self.place));
        }
    }

    /// How many passwords were compared with a hash: all of them, but for those of the last moment before a kill.
    pub fn compared(&self) -> u64 {
        let of = |node: &Node| {
            let alive = node.server().as_ref().map_or(0, |server| server.count(COMPARED));
            alive + node.compared_before.load(Ordering::Relaxed)
        };
        self.nodes.iter().map(of).sum()
    }

    /// Waits until every node is ready.
    pub fn wait_until_ready(&self) {
        for node in &self.nodes {
            let client = Client::new(&node.url);
            wait_for("a node that is ready", || (client.get("/readyz").status == 200).then_some(()));
        }
    }
}
