//! Two nodes of Portreeve behind HAProxy, and the database they share.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;

use super::{
    super::support::{ADMIN_PASSWORD, Balancer, Client, Place, Server, Stop, program::program_file, wait_for},
    machines::{MIDDLE, Machine, Network},
    patroni::Cluster,
};

/// Those behind the load balancer, at `10.0.0.11` and `10.0.0.12`.
const NODES: [u8; 2] = [11, 12];
const PORT: u16 = 8080;
/// Longer than two rounds of the example's checks, on a machine that is busy.
const DRAIN_DELAY: &str = "3";
/// What a node keeps at most, by default.
pub const CONNECTIONS: usize = 16;
/// Where PostgreSQL listens.
pub const DATABASE: u16 = 5432;
const ASKERS: usize = 4;

/// All of it. Fields are dropped in this order: the schema, which is of no use to anyone, is not waited for.
pub struct Town {
    pub nodes: Vec<Node>,
    pub balancer: Balancer,
    pub cluster: Cluster,
    pub place: Place,
    pub admin: Client,
}

/// A node of Portreeve on a machine of its own.
pub struct Node {
    server: Option<Server>,
    pub machine: Machine,
}

impl Node {
    /// On a machine at `10.0.0.NUMBER`.
    pub fn start(network: &Network, number: u8, place: &Place) -> Self {
        let mut node = Self { server: None, machine: network.machine(number) };
        node.restart(place, &program_file());
        node
    }

    /// Ends it in good order, if it runs, and starts it by this program.
    fn restart(&mut self, place: &Place, program: &Path) {
        if let Some(server) = self.server.take() {
            let ended = server.stop();
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert!(!ended.err.contains("cut off"), "{}", ended.err);
        }
        let listen = format!("{}:{PORT}", self.machine.address());
        let flags = ["--listen", &listen, "--drain-delay", DRAIN_DELAY, "--behind-proxy", &format!("{MIDDLE}/32")];
        let start = || Server::start_by(program, place, |command| command.args(flags));
        self.server = Some(self.machine.inside(start));
    }

    /// Whoever wants to ask it past the load balancer.
    pub fn client(&self) -> Client {
        Client::new(&format!("http://{}:{PORT}", self.machine.address()))
    }
}

impl Town {
    /// With everything running.
    pub fn start(network: &Network) -> Self {
        let cluster = Cluster::start(network);
        let place = Place::on(&cluster.url());
        let addresses: Vec<String> = NODES.iter().map(|number| format!("10.0.0.{number}:{PORT}")).collect();
        let balancer = Balancer::before(&addresses);
        let nodes: Vec<Node> = NODES.iter().map(|number| Node::start(network, *number, &place)).collect();
        (0..nodes.len()).for_each(|index| balancer.wait_for(index));
        let admin = Client::log_in(&balancer.url, "local", "admin", ADMIN_PASSWORD);
        Self { nodes, balancer, cluster, place, admin }
    }

    /// Ends the nodes in good order, one after another, and starts each again by this program.
    pub fn roll(&mut self, program: &Path) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.restart(&self.place, program);
            self.balancer.wait_for(index);
        }
    }

    /// Waits until all nodes are ready, and the load balancer knows.
    pub fn wait_ready(&self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let client = node.client();
            wait_for("a node that is ready", || (client.get("/readyz").status == 200).then_some(()));
            self.balancer.wait_for(index);
        }
    }

    /// How long it takes, from now on, until a write is acknowledged that was asked for from now on.
    pub fn back(&self) -> Duration {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (began, done) = (Instant::now(), AtomicBool::new(false));
        let probe = || {
            while !done.load(Ordering::Relaxed) {
                let name = format!("probe-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                let body = json!({"name": name, "firstName": "F", "lastName": "L"});
                let answer = self.admin.try_request(Method::POST, "/local-users", |request| request.json(&body));
                if answer.is_ok_and(|answer| answer.status == 200) {
                    done.store(true, Ordering::Relaxed);
                    return Some(began.elapsed());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            None
        };
        std::thread::scope(|scope| {
            let _stop = Stop(&done);
            let probes: Vec<_> = (0..ASKERS).map(|_| scope.spawn(probe)).collect();
            let times = probes.into_iter().filter_map(|probe| probe.join().expect("a probe panicked"));
            times.min().expect("one of them has come back")
        })
    }

    /// Nothing is left of what was lost: neither node has more connections than it may, each is a connection of the server too, and
    /// the server has no others.
    pub fn has_no_leak(&self) -> usize {
        let primary = self.cluster.wait_primary();
        let backends =
            "SELECT host(client_addr), client_port FROM pg_stat_activity WHERE application_name = 'portreeve'";
        wait_for("connections that both sides know of", || {
            let theirs: BTreeSet<(String, String)> = self
                .cluster
                .sql(primary, backends)
                .ok()?
                .into_iter()
                .map(|mut row| (row.remove(0), row.remove(0)))
                .collect();
            let mut ours = BTreeSet::new();
            for node in &self.nodes {
                let sockets = node.machine.sockets(DATABASE);
                // What the kernel has yet to forget is nobody's any more.
                let open: Vec<_> = sockets.into_iter().filter(|(state, ..)| state != "TIME-WAIT").collect();
                let connected =
                    open.iter().all(|(state, _, to)| state == "ESTAB" && *to == format!("10.0.0.{primary}"));
                if !connected || open.len() > CONNECTIONS {
                    return None;
                }
                let address = node.machine.address().to_string();
                ours.extend(open.into_iter().map(|(_, port, _)| (address.clone(), port.to_string())));
            }
            (ours == theirs).then_some(ours.len())
        })
    }
}
