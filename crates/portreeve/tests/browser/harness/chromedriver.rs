//! The process that moves the browser.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Gathered, wait_for};

/// A chromedriver of one test's own. It ends with its value, and with it the browser that it opened.
pub struct Chromedriver {
    child: Child,
    out: Gathered,
    err: Gathered,
    /// Where it listens: `http://127.0.0.1:12345`.
    pub url: String,
    browser: Option<(Pid, PathBuf)>,
}

impl Chromedriver {
    /// Starts one that keeps what it writes in a folder.
    pub fn start(folder: &Path) -> Self {
        loop {
            let mut this = Self::spawn(folder);
            match this.greeting() {
                Ok(url) => {
                    this.url = url;
                    return this;
                }
                // It finds a port that is free for IPv6, and wants it for IPv4 too, where somebody may have it.
                Err(said) => assert!(said.contains("port not available"), "chromedriver ended: {said}"),
            }
        }
    }

    fn spawn(folder: &Path) -> Self {
        let program = installed("chromedriver").expect("no chromedriver: apt-get install chromium chromium-driver");
        let mut child = Command::new(program)
            .arg("--port=0")
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromedriver starts");
        let (out, err) = (Gathered::from(child.stdout.take()), Gathered::from(child.stderr.take()));
        Self { child, out, err, url: String::new(), browser: None }
    }

    /// Where it listens, or what it has said if it has ended.
    fn greeting(&mut self) -> Result<String, String> {
        wait_for("chromedriver's greeting", || {
            if self.child.try_wait().expect("can be asked").is_some() {
                return Some(Err(format!("{}{}", self.out.whole(), self.err.whole())));
            }
            let said = self.out.so_far();
            let (_, behind) = said.split_once("started successfully on port ")?;
            let (port, _) = behind.split_once('.')?;
            Some(Ok(format!("http://127.0.0.1:{port}")))
        })
    }

    /// Which browser to end if it does not end when it is told to.
    pub fn answer_for(&mut self, browser: Option<i64>, profile: &Path) {
        let pid = browser.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        self.browser = pid.map(|pid| (pid, profile.to_owned()));
    }

    /// What it has complained of.
    pub fn complaints(&self) -> String {
        self.err.so_far()
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        if let Some((pid, profile)) = &self.browser {
            // By now the number may be another's: only a browser has our profile in its command line.
            let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(&*profile.to_string_lossy()) {
                kill_process(*pid, Signal::KILL).ok();
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where a program is, on PATH or where Debian has it.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/bin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
