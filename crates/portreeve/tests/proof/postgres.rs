//! A PostgreSQL server of a test's own, which it may kill.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::support::{Gathered, free_port, place::try_postgres, run, wait_for};

/// It lets everyone on this machine in. Ends when dropped.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
    said: Option<Gathered>,
    _temporary: Option<TempDir>,
}

/// What makes it quick, and takes nothing as long as the machine itself goes on.
const WITHOUT_THE_DISK: [&str; 2] = ["fsync=off", "full_page_writes=off"];

impl Postgres {
    /// In a temporary folder, and without waiting for the disk.
    pub fn start() -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let mut server = Self::start_in(temporary.path(), &[], &WITHOUT_THE_DISK);
        server._temporary = Some(temporary);
        server
    }

    /// As [`Postgres::start`], with checksums of its pages.
    pub fn start_with_checksums() -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let mut server = Self::start_in(temporary.path(), &["--data-checksums"], &WITHOUT_THE_DISK);
        server._temporary = Some(temporary);
        server
    }

    /// In a folder that is empty, made with these flags of `initdb`, and run with these settings.
    pub fn start_in(folder: &Path, flags: &[&str], settings: &[&str]) -> Self {
        if let Some((user, group)) = other_user() {
            chown(folder, Some(user), Some(group)).expect("the folder can be given away");
        }
        let data = folder.join("data");
        let made = run(command("initdb")
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .args(flags));
        assert_eq!(made.code, Some(0), "{made:?}");
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { folder: data, port: free_port(), settings, server: None, said: None, _temporary: None };
        server.restart();
        server
    }

    /// What Portreeve knows it by.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Where all that it keeps is, its log of writes too.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it again, and waits until it answers.
    pub fn restart(&mut self) {
        wait_for("PostgreSQL", || {
            // What a killed server leaves behind may hold the next one up.
            if self.server.as_mut().is_none_or(|server| server.try_wait().expect("can be asked").is_some()) {
                let mut server = self.spawn();
                self.said = Some(Gathered::from(server.stderr.take()));
                self.server = Some(server);
            }
            try_postgres(&self.url(), "SELECT 1").is_ok().then_some(())
        });
    }

    fn spawn(&self) -> Child {
        let mut server = command("postgres");
        server.arg("-D").arg(&self.folder).args(["-p", &self.port.to_string()]);
        let fixed = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"];
        for setting in fixed.into_iter().chain(self.settings.iter().map(String::as_str)) {
            server.args(["-c", setting]);
        }
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("PostgreSQL starts")
    }

    /// Ends it in good order, with everything in its files.
    pub fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        kill_process(process(server.id()), Signal::INT).expect("is there to be told");
        server.wait().expect("it was ours");
    }

    /// The folder of its files.
    pub fn data(&self) -> &Path {
        &self.folder
    }

    /// Kills every process of it at once (SIGKILL), as a crash of its machine would.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let parent = server.id();
        let children = children(parent);
        for pid in [parent].into_iter().chain(children) {
            // One that has just ended cannot be killed.
            let _ = kill_process(process(pid), Signal::KILL);
        }
        server.wait().expect("it was ours");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        if let Some(said) = &self.said {
            said.tell_if_panicking("PostgreSQL");
        }
    }
}

/// Where one of PostgreSQL's programs is. Debian keeps them out of `PATH`, one folder a version.
pub fn program_file(name: &str) -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|folder| folder.filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name))).collect())
        .unwrap_or_default();
    versions.sort();
    versions.pop().unwrap_or_else(|| name.into())
}

/// One of PostgreSQL's programs, which refuse to be run by root.
fn command(name: &str) -> Command {
    let mut command = Command::new(program_file(name));
    command.current_dir("/");
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
}

/// Whom to run it as, where we are root.
pub fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("there are users");
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("a user who is not root"))
}

/// As the system's calls know it.
pub fn process(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().expect("is a process id")).expect("is not 0")
}

/// The processes that a process has started.
pub fn children(parent: u32) -> Vec<u32> {
    let stat = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    // The name, in parentheses, may hold anything; behind it come the state and the parent.
    let parent_of = |stat: &str| stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok();
    let processes = std::fs::read_dir("/proc").expect("there are processes");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| stat(pid).and_then(|stat| parent_of(&stat)) == Some(parent)).collect()
}
