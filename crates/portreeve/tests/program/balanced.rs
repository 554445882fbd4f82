//! Nodes behind a load balancer: they come and go, one after another, and no request fails.
//!
//! `BALANCED_ROUNDS` says how often a node is replaced, `BALANCED_SEED` in which order.

use super::support::{ADMIN_PASSWORD, Balancer, Client, Place, Server, Traffic, busy, free_port};

/// Longer than two rounds of the example's checks, on a machine that is busy.
const DRAIN_DELAY: &str = "3";

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

struct Town {
    balancer: Balancer,
    /// Where each node is to listen.
    addresses: Vec<String>,
    place: Place,
    /// A node in each place where one may be: one place more than there are nodes.
    nodes: Vec<Option<Server>>,
}

impl Town {
    fn new(place: Place, nodes: usize) -> Self {
        let addresses: Vec<String> = (0..=nodes).map(|_| format!("127.0.0.1:{}", free_port())).collect();
        let balancer = Balancer::before(&addresses);
        let mut town = Self { balancer, addresses, place, nodes: (0..=nodes).map(|_| None).collect() };
        (0..nodes).for_each(|index| town.start(index));
        town
    }

    fn start(&mut self, index: usize) {
        let listen = &self.addresses[index];
        self.nodes[index] = Some(Server::start_with(&self.place, |command| {
            command.args(["--listen", listen, "--drain-delay", DRAIN_DELAY, "--behind-proxy", "127.0.0.1/32"])
        }));
        self.balancer.wait_for(index);
    }

    fn stop(&mut self, index: usize) {
        let ended = self.nodes[index].take().expect("is there").stop();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.err.contains("cut off"), "{}", ended.err);
    }

    /// Replaces nodes, one after another, in some order: there are never fewer than can do the work.
    fn roll(&mut self, random: &mut fastrand::Rng) {
        for _ in 0..number("BALANCED_ROUNDS", 3) {
            let there: Vec<usize> = (0..self.nodes.len()).filter(|index| self.nodes[*index].is_some()).collect();
            let free = (0..self.nodes.len()).find(|index| self.nodes[*index].is_none()).expect("a place");
            let leaving = there[random.usize(..there.len())];
            if there.len() > 1 && random.bool() {
                self.stop(leaving);
                self.start(free);
            } else {
                self.start(free);
                self.stop(leaving);
            }
        }
    }
}

#[test]
fn nodes_come_and_go_behind_a_load_balancer_and_no_request_fails() {
    let _quiet = busy();
    for nodes in [1, 2, 4] {
        let Some(place) = Place::shared() else { return };
        let mut town = Town::new(place, nodes);
        let url = town.balancer.url.clone();
        let admin = Client::log_in(&url, "local", "admin", ADMIN_PASSWORD);
        let seed = number("BALANCED_SEED", 1) + u64::try_from(nodes).expect("is small");
        let ((), traffic) = Traffic::during(&url, &admin, |_| town.roll(&mut fastrand::Rng::with_seed(seed)));
        traffic.was_whole(&town.place);
    }
}
