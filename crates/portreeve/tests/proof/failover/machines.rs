//! Machines within this one: each has processes, an address and a cable of its own, all of which can be taken from it. They are
//! name spaces of Linux without a name: nothing of them is left when the test has ended, however it ended.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead, BufReader, Write},
    net::Ipv4Addr,
    os::fd::AsFd,
    panic::resume_unwind,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::{
    process::{Signal, kill_process},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::super::{
    postgres::{children, process},
    support::{run, wait_for},
};

/// Where the test itself is, and what it starts beside the machines.
pub const MIDDLE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);

/// What the machines are connected by. It is in a name space too, so that no address of this machine is in the way.
pub struct Network {
    middle: Space,
}

/// One machine, at `10.0.0.N`. Lost when dropped: first its cable, so that nobody is told, then everything that runs.
pub struct Machine {
    number: u8,
    space: Space,
    middle: u32,
}

/// What happens to what is sent between a machine and some port of others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// It is answered with a reset, as by a firewall that refuses.
    Refused,
    /// It vanishes, as do the answers.
    Swallowed,
    /// It waits for its turn on a line of one megabit a second.
    Narrow,
}

/// A shell in name spaces of its own, which does what it is told and takes in what is orphaned. All that it has started ends
/// with it, and it ends when nobody can tell it anything any more.
struct Space {
    holder: Child,
    /// Its process, by this machine's count.
    pid: u32,
    told: ChildStdin,
}

impl Space {
    fn start(flags: &[&str]) -> Self {
        let mut command = Command::new("unshare");
        command.args(flags).arg("bash").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().expect("no unshare: apt-get install util-linux");
        let mut told = holder.stdin.take().expect("is piped");
        told.write_all(b"echo ready\n").expect("listens");
        let mut line = String::new();
        let said = BufReader::new(holder.stdout.take().expect("is piped")).read_line(&mut line);
        assert!(
            said.is_ok() && line == "ready\n",
            "no name space could be made (unshare {}): where this runs, root may not make them",
            flags.join(" ")
        );
        let pid = children(holder.id()).first().copied().unwrap_or(holder.id());
        Self { holder, pid, told }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // With the last process that is of its name space of processes all others end.
        let _ = kill_process(process(self.pid), Signal::KILL);
        drop(self.holder.wait());
        wait_for("the end of a machine", || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
            (state.is_empty() || state.contains(") Z ")).then_some(())
        });
    }
}

impl Network {
    pub fn start() -> Self {
        assert!(rustix::process::geteuid().is_root(), "failover makes networks of its own: it has to be run as root");
        let middle = Space::start(&["--net"]);
        let network = Self { middle };
        network.ip("link set lo up");
        network.ip("link add bridge type bridge");
        network.ip(&format!("addr add {MIDDLE}/24 dev bridge"));
        network.ip("link set bridge up");
        network
    }

    fn ip(&self, words: &str) {
        within(self.middle.pid, "ip", words);
    }

    /// Does something in the middle of the network.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(self.middle.pid, work)
    }

    /// A machine that does nothing yet.
    pub fn machine(&self, number: u8) -> Machine {
        let space = Space::start(&["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        // The same machine has the same card, however often it is made anew.
        let card = format!("address 02:00:00:00:00:{number:02x}");
        self.ip(&format!("link add cable{number} type veth peer name eth0 {card} netns {}", space.pid));
        self.ip(&format!("link set cable{number} master bridge up"));
        for words in ["link set lo up", &format!("addr add 10.0.0.{number}/24 dev eth0"), "link set eth0 up"] {
            within(space.pid, "ip", words);
        }
        Machine { number, space, middle: self.middle.pid }
    }
}

impl Machine {
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, self.number)
    }

    /// Has a shell do something. What is to go on goes to the background.
    pub fn tell(&mut self, line: &str) {
        writeln!(self.space.told, "{line}").expect("it listens");
    }

    /// Starts something with the machine's network. It is not one of its processes.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(self.space.pid, work)
    }

    /// Kills, at once, all processes of these names (SIGKILL).
    pub fn kill(&self, names: &[&str]) {
        let space = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let named = |pid: u32| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            names.contains(&name.trim_end())
        };
        let ours = space(self.space.pid).expect("is there");
        let all = std::fs::read_dir("/proc").expect("there are processes");
        let pids: Vec<u32> = all
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|&pid| space(pid).as_ref() == Some(&ours) && named(pid))
            .collect();
        assert!(!pids.is_empty(), "nothing of {names:?} runs there");
        for pid in pids {
            // One that has just ended cannot be killed.
            let _ = kill_process(process(pid), Signal::KILL);
        }
    }

    /// Does this to whatever goes between it and a port of others.
    pub fn cut(&self, port: u16, how: Cut) {
        // What refuses has to let its own refusals pass.
        let rules: &[_] = match how {
            Cut::Refused => &[("output", "dport", "reject with tcp reset")],
            Cut::Swallowed => &[("output", "dport", "drop"), ("input", "sport", "drop")],
            Cut::Narrow => {
                let line = "root tbf rate 1mbit burst 16kb latency 400ms";
                within(self.space.pid, "tc", &format!("qdisc add dev eth0 {line}"));
                within(self.middle, "tc", &format!("qdisc add dev cable{} {line}", self.number));
                return;
            }
        };
        let mut text = String::from("add table inet cut\n");
        for (hook, side, verdict) in rules {
            text += &format!("add chain inet cut {hook} {{ type filter hook {hook} priority 0; }}\n");
            text += &format!("add rule inet cut {hook} tcp {side} {port} {verdict}\n");
        }
        within_with(self.space.pid, "nft", &["-f", "-"], &text);
    }

    /// Undoes what was done to its line.
    pub fn mend(&self, how: Cut) {
        if how == Cut::Narrow {
            within(self.space.pid, "tc", "qdisc del dev eth0 root");
            within(self.middle, "tc", &format!("qdisc del dev cable{} root", self.number));
        } else {
            within(self.space.pid, "nft", "delete table inet cut");
        }
    }

    /// Its connections to a port of others that are not closed, by their state, their own port, and the other's address.
    pub fn sockets(&self, port: u16) -> BTreeSet<(String, u16, String)> {
        let listed = within(self.space.pid, "ss", &format!("-Htan dport = :{port}"));
        let socket = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let own = words.get(3)?.rsplit_once(':')?.1.parse().ok()?;
            Some(((*words.first()?).to_owned(), own, words.get(4)?.rsplit_once(':')?.0.to_owned()))
        };
        listed.lines().filter_map(socket).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let cable = format!("cable{}", self.number);
        let removed = run(entered(self.middle, "ip").args(["link", "del", &cable]));
        // A test that has failed already is not to end otherwise.
        assert!(removed.code == Some(0) || std::thread::panicking(), "{removed:?}");
    }
}

/// Does something with the network of a process.
fn inside<T: Send>(pid: u32, work: impl FnOnce() -> T + Send) -> T {
    let network = File::open(format!("/proc/{pid}/ns/net")).expect("it has a network");
    let moved = || {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may move there");
        work()
    };
    std::thread::scope(|scope| scope.spawn(moved).join()).unwrap_or_else(|panicked| resume_unwind(panicked))
}

/// Runs a command in the network of a process, which has to succeed. Gives what it said.
fn within(pid: u32, program: &str, words: &str) -> String {
    let mut command = entered(pid, program);
    let ended = run(command.args(words.split_whitespace()));
    assert_eq!(ended.code, Some(0), "{program} {words}: {ended:?}");
    ended.out
}

/// The same, with something to read.
fn within_with(pid: u32, program: &str, words: &[&str], text: &str) {
    let mut child = entered(pid, program).args(words).stdin(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("is piped").write_all(text.as_bytes()).expect("reads");
    assert!(child.wait().expect("ends").success(), "{program} could not do this:\n{text}");
}

fn entered(pid: u32, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{pid}/ns/net")).arg(found(program));
    command
}

/// Where a program is, which may be where only root looks.
pub fn found(program: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let places = folders.into_iter().map(|folder| folder.join(program));
    places.into_iter().find(|path| path.exists()).unwrap_or_else(|| {
        panic!("no {program}: apt-get install patroni etcd-server etcd-client haproxy iproute2 nftables util-linux")
    })
}
