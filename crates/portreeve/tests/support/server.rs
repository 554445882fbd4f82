//! A running server.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::atomic::{AtomicU16, Ordering},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    Client, Ended, Gathered, Place,
    program::{program_at, program_file, wait},
    wait_for,
};

/// What the account admin has as its password wherever a test does not say otherwise.
pub const ADMIN_PASSWORD: &str = "only the reeve knows this";

/// A server process. Killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens: `http://127.0.0.1:12345`.
    pub url: String,
    metrics: String,
    out: Gathered,
    err: Gathered,
}

/// A port that nobody has. Below those that the system gives to clients, or one of our own might take it in between.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 10_000).expect("is small");
    wait_for("a free port", || {
        let port = 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    })
}

impl Server {
    /// On this machine, for the account admin with [`ADMIN_PASSWORD`].
    pub fn start(place: &Place) -> Self {
        Self::start_with(place, |command| command)
    }

    /// As [`Server::start`], with more flags or environment.
    pub fn start_with(place: &Place, more: impl Fn(&mut Command) -> &mut Command) -> Self {
        Self::start_by(&program_file(), place, more)
    }

    /// As [`Server::start_with`], by another program.
    pub fn start_by(file: &Path, place: &Place, more: impl Fn(&mut Command) -> &mut Command) -> Self {
        Self::try_start_by(file, place, more).unwrap_or_else(|ended| panic!("the server ended with {ended:?}"))
    }

    /// As [`Server::start`], where it may be that it cannot.
    pub fn try_start(place: &Place) -> Result<Self, Ended> {
        Self::try_start_with(place, |command| command)
    }

    /// As [`Server::start_with`], where it may be that it cannot.
    pub fn try_start_with(place: &Place, more: impl Fn(&mut Command) -> &mut Command) -> Result<Self, Ended> {
        Self::try_start_by(&program_file(), place, more)
    }

    fn try_start_by(file: &Path, place: &Place, more: impl Fn(&mut Command) -> &mut Command) -> Result<Self, Ended> {
        let metrics = format!("127.0.0.1:{}", free_port());
        let mut command = program_at(file);
        command.arg("serve").args(place.arguments()).args(["--metrics-listen", &metrics]);
        command.env("PORTREEVE_ADMIN_PASSWORD", ADMIN_PASSWORD).env("PORTREEVE_LISTEN", "127.0.0.1:0");
        more(&mut command);
        Self::try_spawn(command, metrics)
    }

    /// Of a command that is whole: nothing is added to it.
    pub fn spawn(command: Command) -> Self {
        Self::try_spawn(command, String::new()).unwrap_or_else(|ended| panic!("the server ended with {ended:?}"))
    }

    fn try_spawn(mut command: Command, metrics: String) -> Result<Self, Ended> {
        let mut child = command.spawn().expect("starts");
        let (out, err) = (Gathered::from(child.stdout.take()), Gathered::from(child.stderr.take()));
        let mut server = Self { child, url: String::new(), metrics, out, err };
        let greeting = wait_for("the greeting", || {
            if server.child.try_wait().expect("can be asked").is_some() {
                return Some(None);
            }
            let said = server.out.so_far();
            let line = said.lines().find(|line| line.contains("listening on"))?;
            Some(line.split_whitespace().nth(2).map(str::to_owned))
        });
        match greeting {
            Some(url) => {
                server.url = url;
                Ok(server)
            }
            None => Err(server.ended()),
        }
    }

    /// A client without a token that trusts the certificate of the server's own making.
    pub fn trusted(&self, place: &Place) -> Client {
        Client::trusting(&self.url, &std::fs::read(place.path().join("tls-self-signed.crt")).expect("a certificate"))
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("can be asked").is_none()
    }

    /// `127.0.0.1:12345`.
    pub fn address(&self) -> &str {
        self.url.split_once("//").map_or("", |(_, address)| address)
    }

    /// A client with a token of the account admin.
    pub fn admin(&self) -> Client {
        Client::log_in(&self.url, "local", "admin", ADMIN_PASSWORD)
    }

    /// The metrics as they are served.
    pub fn metrics(&self) -> String {
        Client::new(&format!("http://{}", self.metrics)).get("/metrics").text
    }

    /// One counter; 0 if it was never raised.
    pub fn count(&self, name: &str) -> u64 {
        let metrics = self.metrics();
        let line = metrics.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.and_then(|line| line.split_whitespace().nth(1)).map_or(0, |number| number.parse().expect("a number"))
    }

    /// What it has said on standard error so far.
    pub fn log(&self) -> String {
        self.err.so_far()
    }

    /// What it has said on standard output so far.
    pub fn said(&self) -> String {
        self.out.so_far()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).expect("is there to be told");
    }

    /// Waits for its end, and gives how it ended.
    pub fn status(mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ended {
        let code = wait(&mut self.child).code();
        Ended { code, out: self.out.whole(), err: self.err.whole() }
    }

    /// Tells it to stop, and waits.
    pub fn stop(self) -> Ended {
        self.terminate();
        self.ended()
    }

    /// Ends it as a crash would (SIGKILL).
    pub fn kill(&self) {
        kill_process(self.pid(), Signal::KILL).expect("is there to be killed");
    }

    /// As [`Server::kill`], and waits until it is gone.
    pub fn crash(mut self) {
        self.kill();
        wait(&mut self.child);
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("is a process id")).expect("is not 0")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        self.err.tell_if_panicking("the server");
    }
}
