//! Secrets that are shown to the program in every way there is, and are then looked for in every place where it leaves anything: in
//! whatever form, and in pieces.

mod inputs;
mod needles;
mod process;

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::Receiver,
    time::Duration,
};

use rustix::process::{Signal, kill_process};

use super::{
    course::{figure, seeded, size},
    postgres::Postgres,
    support::{Client, Ended, Place, Server, collector, free_port, place::tested_database, program, run},
};
use inputs::Shower;
use needles::Needles;

/// What the process is given to keep, and keeps as long as it runs.
const GIVEN: [&str; 4] =
    ["the administrator's password", "the database's password", "the collector's password", "the key"];

/// What is where passwords are checked, and nowhere else.
const IMPORTED: &str = "an imported hash";

/// A server that is told its secrets as an operator would, and its place.
struct Kept {
    place: Place,
    database: Option<Postgres>,
    needles: Needles,
    admin_password: String,
    metrics: u16,
    traces: Receiver<(String, Vec<u8>)>,
    environment: Vec<(&'static str, String)>,
}

impl Kept {
    fn new(chance: &mut fastrand::Rng) -> Self {
        let mut needles = Needles::new();
        let admin_password = needles.invent(chance, GIVEN[0]);
        let of_database = needles.invent(chance, GIVEN[1]);
        let of_collector = needles.invent(chance, GIVEN[2]);
        let database = tested_database().map(|_| Postgres::start());
        let place = database.as_ref().map_or_else(Place::folder, |database| {
            Place::on(&database.url().replacen("postgres@", &format!("postgres:{of_database}@"), 1))
        });
        let (endpoint, traces) = collector("200 OK\r\nContent-Type: application/x-protobuf".to_owned());
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = made.signing_key.serialize_pem();
        // The first line is the same for all keys of a kind.
        needles.note(GIVEN[3], key.lines().nth(2).expect("has several lines"));
        let [certificate, key_file] = ["given.crt", "given.key"].map(|name| place.path().join(name));
        fs::create_dir_all(place.path()).expect("can be made");
        fs::write(&certificate, made.cert.pem()).expect("is written");
        fs::write(&key_file, key).expect("is written");
        let mut environment = vec![
            ("PORTREEVE_ADMIN_PASSWORD", admin_password.clone()),
            ("PORTREEVE_OTLP_ENDPOINT", endpoint.replace("://", &format!("://collector:{of_collector}@"))),
            ("PORTREEVE_DATA", place.path().join("data").display().to_string()),
            ("PORTREEVE_TLS_CERT", certificate.display().to_string()),
            ("PORTREEVE_TLS_KEY", key_file.display().to_string()),
        ];
        if place.is_shared() {
            environment.push(("PORTREEVE_DATABASE", place.name()));
        }
        Self { place, database, needles, admin_password, metrics: free_port(), traces, environment }
    }

    fn data(&self) -> std::path::PathBuf {
        self.place.path().join("data")
    }

    /// A command that says all that it can, with the same environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn serve(&self) -> Server {
        let metrics = format!("127.0.0.1:{}", self.metrics);
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &metrics, "--log-level", "trace"];
        let mut command = self.command(&arguments);
        command.env("PORTREEVE_LOG_FORMAT", "json");
        Server::spawn(command)
    }

    fn client(&self, server: &Server) -> Client {
        Client::trusting(&server.url, &fs::read(self.place.path().join("given.crt")).expect("is there"))
    }
}

/// Everything below a folder, one after the other.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("can be read").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            all.push((path.display().to_string(), bytes));
        }
    }
    all
}

/// Every command beside a server, with the secrets in its environment, and each once more with something that is wrong.
fn commands(kept: &mut Kept, chance: &mut fastrand::Rng) -> Vec<(String, Ended)> {
    let folder = kept.place.path().to_owned();
    let file = |name: &str| folder.join(name).display().to_string();
    let mut secret = |what: &str| kept.needles.invent(chance, what);
    let (good, bad, headless) =
        (secret("of a file's row"), secret("of a file's bad row"), secret("of a file without a head"));
    let rows =
        format!("name,firstName,lastName,password\nfile 1,a,b,{good}\nfile 2,,b,{bad}\nfile 3,a,b,{bad},{bad}\n");
    fs::write(file("a.csv"), rows).expect("is written");
    let broken =
        format!("{{\"name\":\"file 4\",\"password\":\"{}\n\"{}\"\n", secret("of a broken line"), secret("of no row"));
    fs::write(file("a.ndjson"), broken).expect("is written");
    fs::write(file("b.csv"), format!("bob,B,T,{headless}\n")).expect("is written");
    let hash = secret(IMPORTED);
    let hashed = format!(
        "{{\"name\":\"file 5\",\"firstName\":\"a\",\"lastName\":\"b\",\"passwordHash\":\"$2b$05$abcdefghijklmnopqrstuu{}\"}}\n",
        &hash[..31]
    );
    fs::write(file("hashed.ndjson"), hashed).expect("is written");
    let wrong = secret("of a broken configuration");
    let configurations = [
        format!("admin-password = '{wrong}"),
        format!("admin-password = ['{wrong}']"),
        format!("database = 'postgres://u:{wrong}@127.0.0.1:1/x'\nlisten = 'nowhere'"),
        format!("otlp-endpoint = 'http://u:{wrong}@[/'"),
        format!("admin-password = '{wrong}'\nadmin-password = '{wrong}'"),
        wrong.clone(),
    ];
    let mut all = Vec::new();
    let mut told = |command: &mut Command| {
        let shown = format!("{command:?}").split("portreeve\"").last().unwrap_or_default().to_owned();
        all.push((shown, run(command)));
    };
    for (number, text) in configurations.iter().enumerate() {
        let path = file(&format!("{number}.toml"));
        fs::write(&path, text).expect("is written");
        let mut config = program();
        told(config.args(["config", "--config", &path]));
        let mut serve = program();
        told(
            serve
                .args(["serve", "--listen", "127.0.0.1:0", "--config", &path, "--data", &file("elsewhere")])
                .stdin(Stdio::null()),
        );
    }
    told(&mut kept.command(&["import", "--kind", "local-users", &file("hashed.ndjson")]));
    for kind in ["local-users", "service-users"] {
        for name in ["a.csv", "a.ndjson", "b.csv", "nowhere.csv"] {
            told(&mut kept.command(&["import", "--kind", kind, &file(name)]));
            told(&mut kept.command(&["import", "--kind", kind, "--upsert", "--stop-on-fault", &file(name)]));
        }
        for name in ["out.csv", "out.ndjson"] {
            told(&mut kept.command(&["export", "--kind", kind, &file(&format!("{kind}-{name}"))]));
        }
    }
    told(&mut kept.command(&["config"]));
    told(&mut kept.command(&["backup", &file("a.portreeve")]));
    told(&mut kept.command(&["backup", "--check", &file("a.portreeve")]));
    for (backup, to) in [("a.portreeve", "restored"), ("a.csv", "not restored")] {
        told(program().args(["restore", &file(backup), "--data", &file(to)]));
    }
    told(&mut kept.command(&["check"]));
    told(&mut kept.command(&["healthcheck"]));
    told(&mut kept.command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "trace", "--tls-key", &file("a.csv")]));
    told(&mut kept.command(&["migrate-store", "--from", &file("nowhere"), "--to", &file("nowhere else")]));
    told(&mut kept.command(&["serve", "--help"]));
    all
}

#[test]
fn no_secret_is_anywhere_but_where_it_belongs() {
    let mut chance = seeded("canary");
    let mut kept = Kept::new(&mut chance);
    let server = kept.serve();
    let mut answers = Vec::new();
    let mut hashes = Vec::new();
    {
        let client = kept.client(&server);
        for _ in 0..size(1, 20) {
            let mut shower =
                Shower { needles: &mut kept.needles, chance: &mut chance, answers: Vec::new(), hashes: Vec::new() };
            shower.show_all(&client, &kept.admin_password);
            answers.append(&mut shower.answers);
            hashes.append(&mut shower.hashes);
            clean_up(&client, &kept.admin_password);
        }
    }
    kept.needles.search("answers", &answers);
    let said = commands(&mut kept, &mut chance);
    for (command, ended) in &said {
        kept.needles.search(command, format!("{}{}", ended.out, ended.err).as_bytes());
    }
    let reset = run(&mut kept.command(&["admin", "reset-password", "admin"]));
    assert_eq!(reset.code, Some(0), "{reset:?}");
    kept.needles.note("made by reset-password", reset.out.trim().rsplit(' ').next().expect("a password"));
    kept.needles.search("the errors of reset-password", reset.err.as_bytes());
    left_behind(&kept);
    memory(&kept, &server);
    let (pid, metrics) =
        (server.pid(), Client::new(&format!("http://127.0.0.1:{}", kept.metrics)).get("/metrics").text);
    assert!(metrics.contains("portreeve_http_requests_total"), "{metrics}");
    kept.needles.search("the metrics", metrics.as_bytes());
    kept.needles.search("the command line", &process::told(pid, "cmdline"));
    kept.needles.search_but(&GIVEN[..3], "the environment", &process::told(pid, "environ"));
    let ended = server.stop();
    assert!(ended.err.lines().count() > 200 && ended.err.contains("TRACE"), "the log is empty");
    kept.needles.search("the log", ended.err.as_bytes());
    kept.needles.search("standard output", ended.out.as_bytes());
    let traces: Vec<u8> = kept.traces.try_iter().flat_map(|(_, body)| body).collect();
    assert!(traces.len() > 10_000, "there are no traces: {}", traces.len());
    kept.needles.search("the traces", &traces);
    stored(&mut kept);
    kept.needles.assert_kept();
    figure(
        "canary",
        &format!("{} secrets, {} hashes: none where it does not belong", kept.needles.len(), hashes.len()),
    );
}

/// Takes away what would stand in the way of the next round.
fn clean_up(client: &Client, admin_password: &str) {
    let admin = client.logged_in("local", "admin", admin_password);
    for path in ["/local-users", "/service-users", "/policies"] {
        for object in admin.get(path).ok()["data"].as_array().expect("a list") {
            if object["name"] != "admin" && object["name"] != "Builtin Administrator" {
                let path = format!("{path}/{}", object["id"].as_str().expect("an id"));
                assert_eq!(admin.delete(&path).status, 204);
            }
        }
    }
    admin.post("/authentication/logout", &serde_json::Value::Null);
}

/// What the commands wrote, the data while it is served, and what was restored.
fn left_behind(kept: &Kept) {
    let given = ["given.", ".toml", "/a.csv", "/a.ndjson", "/b.csv", "/hashed.ndjson"];
    let mut with_hash = Vec::new();
    for (name, bytes) in contents(kept.place.path()) {
        if given.iter().any(|part| name.contains(part)) {
            continue;
        }
        // Hashes are where passwords are checked against them, and in backups of it; an export has none.
        let known: &[&str] = if name.contains("out.") { &[] } else { &[IMPORTED] };
        kept.needles.search_but(known, &name, &bytes);
        if !kept.needles.find(&bytes).is_empty() {
            with_hash.push(name);
        }
    }
    for place in ["a.portreeve", "restored"] {
        assert!(with_hash.iter().any(|name| name.contains(place)), "the hash that belongs in {place} was not found");
    }
}

/// The data once more when nobody writes it, with all that its database keeps beside it.
fn stored(kept: &mut Kept) {
    let mut folder = kept.data();
    if let Some(database) = &mut kept.database {
        database.kill();
        folder = database.folder().to_owned();
    }
    let mut hashes = 0;
    for (name, content) in contents(&folder) {
        kept.needles.search_but(&[IMPORTED], &name, &content);
        hashes += kept.needles.find(&content).len();
    }
    assert!(hashes > 0, "the hash that belongs there was not found");
}

/// What is in memory when all is over. Heaps hold nothing but what the process was given to keep; the stacks of threads hold what
/// their last calls left there.
fn memory(kept: &Kept, server: &Server) {
    // Longer than a connection may idle.
    std::thread::sleep(Duration::from_secs(if size(0, 1) == 0 { 2 } else { 20 }));
    let Some(regions) = process::memory(server.pid()) else {
        assert!(!rustix::process::geteuid().is_root(), "root may read any memory");
        figure("canary", "the memory of the process cannot be read by others, not even by the same user");
        return;
    };
    let mut scanned = 0;
    let mut on_stacks = Vec::new();
    for region in &regions {
        scanned += region.bytes.len();
        if region.is_stack {
            on_stacks.extend(kept.needles.find(&region.bytes).into_iter().map(|found| found.what));
        } else {
            // Pages of the embedded database are read with the hashes that are in them.
            let known = [&GIVEN[1..], &[IMPORTED]].concat();
            kept.needles.search_but(&known, "the heap", &region.bytes);
        }
    }
    on_stacks.retain(|what| !GIVEN.contains(&what.as_str()));
    figure(
        "canary",
        &format!(
            "{} MiB of memory after {} secrets were looked at: the stacks hold pieces of {}: {on_stacks:?}",
            scanned >> 20,
            kept.needles.len(),
            on_stacks.len()
        ),
    );
}

#[test]
fn a_crash_leaves_no_dump_of_memory() {
    let place = Place::folder();
    let inner = program();
    // Whoever starts it asks for dumps.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited; exec \"$0\" serve --listen 127.0.0.1:0 --data ."]);
    command.arg(inner.get_program()).current_dir(place.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let server = Server::spawn(command);
    let limits = String::from_utf8(process::told(server.pid(), "limits")).expect("is text");
    assert!(
        limits.lines().any(|line| line.starts_with("Max core file size") && line.contains("unlimited")),
        "{limits}"
    );
    kill_process(server.pid(), Signal::ABORT).expect("is there");
    let status = server.status();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}");
    assert!(!status.core_dumped(), "a dump was written");
    let files = fs::read_dir(place.path()).expect("can be read").filter_map(Result::ok);
    let dumps: Vec<_> = files.filter(|file| file.file_name().to_string_lossy().starts_with("core")).collect();
    assert!(dumps.is_empty(), "{dumps:?}");
}
