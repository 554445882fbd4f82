//! Nodes behind a load balancer: they come and go, one after another, and no request fails.
//!
//! `BALANCED_ROUNDS` says how often a node is replaced, `BALANCED_SEED` in which order.

use std::process::{Child, Command, Stdio};

use super::support::{ADMIN_PASSWORD, Client, Gathered, Place, Server, Traffic, busy, free_port, wait_for};

const EXAMPLE: &str = include_str!("../../../../packaging/haproxy.cfg");
/// Longer than one round of the example's checks, on a machine that is busy.
const DRAIN_DELAY: &str = "3";

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// HAProxy with the example of the documentation. Ended when dropped.
struct Balancer {
    child: Child,
    err: Gathered,
    url: String,
    /// Where each node is to listen.
    ports: Vec<u16>,
    status: Client,
    _folder: tempfile::TempDir,
}

impl Balancer {
    fn start(nodes: usize) -> Self {
        let (port, status) = (free_port(), free_port());
        let ports: Vec<u16> = (0..nodes).map(|_| free_port()).collect();
        let (rules, servers) = EXAMPLE.split_once("    server node-1 ").expect("has nodes");
        assert_eq!(servers.matches("\n    server ").count(), 1, "the example's last lines are its nodes");
        let rules = rules.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
        let servers =
            ports.iter().enumerate().map(|(index, port)| format!("    server node-{index} 127.0.0.1:{port}\n"));
        let text = format!(
            "{rules}{}frontend status\n    bind 127.0.0.1:{status}\n    stats enable\n    stats uri /\n",
            servers.collect::<String>()
        );
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, text).expect("is written");
        // Debian has it where only root looks.
        let started = ["haproxy", "/usr/sbin/haproxy"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().ok()
        });
        let mut child = started.expect("no haproxy: apt-get install haproxy");
        let err = Gathered::from(child.stderr.take());
        let (url, status) = (format!("http://127.0.0.1:{port}"), Client::new(&format!("http://127.0.0.1:{status}")));
        let mut this = Self { child, err, url, ports, status, _folder: folder };
        wait_for("haproxy", || {
            let ended = this.child.try_wait().expect("can be asked");
            assert!(ended.is_none(), "haproxy ended with {ended:?}: {}", this.err.whole());
            this.status.try_request(reqwest::Method::GET, "/;csv", |request| request).ok()
        });
        this
    }

    /// Waits until it sends requests to a node.
    fn wait_for(&self, index: usize) {
        let line = format!("nodes,node-{index},");
        wait_for("the node to be sent requests", || {
            let said = self.status.get("/;csv").text;
            let state = said.lines().find(|said| said.starts_with(&line))?.split(',').nth(17)?.to_owned();
            (state == "UP").then_some(())
        });
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Town {
    balancer: Balancer,
    place: Place,
    /// A node in each place where one may be: one place more than there are nodes.
    nodes: Vec<Option<Server>>,
}

impl Town {
    fn new(place: Place, nodes: usize) -> Self {
        let balancer = Balancer::start(nodes + 1);
        let mut town = Self { balancer, place, nodes: (0..=nodes).map(|_| None).collect() };
        (0..nodes).for_each(|index| town.start(index));
        town
    }

    fn start(&mut self, index: usize) {
        let listen = format!("127.0.0.1:{}", self.balancer.ports[index]);
        self.nodes[index] = Some(Server::start_with(&self.place, |command| {
            command.args(["--listen", &listen, "--drain-delay", DRAIN_DELAY, "--behind-proxy", "127.0.0.1/32"])
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
