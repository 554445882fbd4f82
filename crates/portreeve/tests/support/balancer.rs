//! HAProxy with the example of the documentation.

use std::process::{Child, Command, Stdio};

use super::{Client, Gathered, free_port, wait_for};

const EXAMPLE: &str = include_str!("../../../../packaging/haproxy.cfg");

/// HAProxy before some nodes. Ended when dropped.
pub struct Balancer {
    child: Child,
    err: Gathered,
    /// Where it listens.
    pub url: String,
    status: Client,
    _folder: tempfile::TempDir,
}

impl Balancer {
    /// Before the nodes at these addresses, such as `127.0.0.1:8081`, whether they are there yet or not.
    pub fn before(nodes: &[String]) -> Self {
        let (port, status) = (free_port(), free_port());
        let (rules, servers) = EXAMPLE.split_once("    server node-1 ").expect("has nodes");
        assert_eq!(servers.matches("\n    server ").count(), 1, "the example's last lines are its nodes");
        let rules = rules.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
        let servers = nodes.iter().enumerate().map(|(index, node)| format!("    server node-{index} {node}\n"));
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
        let mut this = Self { child, err, url, status, _folder: folder };
        wait_for("haproxy", || {
            let ended = this.child.try_wait().expect("can be asked");
            assert!(ended.is_none(), "haproxy ended with {ended:?}: {}", this.err.whole());
            this.status.try_request(reqwest::Method::GET, "/;csv", |request| request).ok()
        });
        this
    }

    /// Waits until it sends requests to a node.
    pub fn wait_for(&self, index: usize) {
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
        self.err.tell_if_panicking("the load balancer");
    }
}
