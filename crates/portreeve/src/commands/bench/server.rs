//! The servers that are measured: this program as a process of its own, and a bare answer of the web framework.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::Context;
use axum::{Json, Router, routing::get};
use serde_json::json;

use super::client::{Connection, request};
use crate::terminal;

const PASSWORD: &str = "bench-the-gate-42";
/// Any device.
const DEVICE: &str = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";

/// A server that ends when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is a bench: what it holds is thrown away.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// This program, on an empty store. It remembers no logins, so that each is hashed.
    pub fn start(database: Option<&str>) -> anyhow::Result<Self> {
        Self::start_on(tempfile::tempdir()?, database, "0")
    }

    /// The same, but it remembers logins as long as it does by itself.
    pub fn start_remembering(database: Option<&str>) -> anyhow::Result<Self> {
        let seconds = portreeve_directory::REMEMBER_LOGINS.as_secs().to_string();
        Self::start_on(tempfile::tempdir()?, database, &seconds)
    }

    /// Stops it and starts it again on the same data. Gives the time to the first answer.
    pub async fn restart(mut self, database: Option<&str>) -> anyhow::Result<(Self, std::time::Duration)> {
        self.child.kill()?;
        self.child.wait()?;
        let data = std::mem::replace(&mut self._data, tempfile::tempdir()?);
        drop(self);
        let began = Instant::now();
        let server = Self::start_on(data, database, "0")?;
        Connection::open(server.address).await?.call(&request("GET", "/readyz", None, "")).await?;
        Ok((server, began.elapsed()))
    }

    fn start_on(data: tempfile::TempDir, database: Option<&str>, remember: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
        command.env("PORTREEVE_ADMIN_PASSWORD", PASSWORD).env("PORTREEVE_REMEMBER_LOGINS", remember);
        if let Some(url) = database {
            command.env("PORTREEVE_DATABASE", url);
        }
        let (child, address) = spawn(command)?;
        Ok(Self { child, address, _data: data })
    }

    /// The bare answer, in a process of its own.
    pub fn start_bare() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "--bare"]);
        let (child, address) = spawn(command)?;
        Ok(Self { child, address, _data: tempfile::tempdir()? })
    }

    /// Resident memory in MiB: now, and the most there ever was.
    pub fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Option<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
        };
        Ok((field("VmRSS:").context("VmRSS")?, field("VmHWM:").context("VmHWM")?))
    }

    /// A token of the administrator.
    pub async fn log_in(&self) -> anyhow::Result<String> {
        let answer = Connection::open(self.address).await?.call(&login_request("local", "admin", PASSWORD)).await?;
        let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
        Ok(body["token"].as_str().context("no token")?.to_owned())
    }

    /// A login of the administrator.
    pub fn admin_login() -> Vec<u8> {
        login_request("local", "admin", PASSWORD)
    }
}

/// A login.
pub fn login_request(provider: &str, name: &str, password: &str) -> Vec<u8> {
    let body = json!({"providerName": provider, "deviceId": DEVICE, "username": name, "password": password});
    request("POST", "/login", None, &body.to_string())
}

fn spawn(mut command: Command) -> anyhow::Result<(Child, SocketAddr)> {
    // What the caller configured for a server of its own is not meant for this one.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTREEVE_")) {
        if command.get_envs().all(|(set, _)| set != name.as_str()) {
            command.env_remove(name);
        }
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let address = lines.find_map(|line| {
        let line = line.ok()?;
        line.split_once("http://")?.1.split_whitespace().next()?.parse().ok()
    });
    // Goes on reading, so that the server never writes into a closed pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Ok((child, address.context("the server did not say where it listens")?))
}

/// Answers every `GET /local-users/{id}` with the same small object: what the framework does without us.
pub async fn serve_bare() -> anyhow::Result<()> {
    let object = json!({
        "id": DEVICE, "name": "bench-0", "notes": "", "created": "2026-11-21T16:35:14.988161Z",
        "updated": "2026-11-21T16:35:14.988161Z", "tags": [], "firstName": "Ben", "lastName": "Marker",
        "disabled": false, "failedLoginAttempts": 0, "lockStart": null,
    });
    let router = Router::new().route("/local-users/{id}", get(async move || Json(object.clone())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    terminal::say(&format!("http://{}", listener.local_addr()?));
    axum::serve(listener, router).await?;
    Ok(())
}
