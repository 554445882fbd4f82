//! `portreeve bench`: what it promises of its report, and that it leaves nothing behind. How fast anything is, no test says.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{ADMIN_PASSWORD, Ended, Place, Server, busy, place::tested_database, program, run, wait_for};

/// A folder for a benchmark's data and its report.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn temporary(&self) -> PathBuf {
        self.0.path().join("temporary")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `bench`, on the database under test.
    fn bench(&self, arguments: &[&str]) -> Command {
        fs::create_dir_all(self.temporary()).expect("is made");
        let mut command = program();
        command.arg("bench").args(arguments).env("TMPDIR", self.temporary());
        if let Some(url) = tested_database() {
            command.env("PORTREEVE_BENCH_DATABASE", url);
        }
        command
    }

    /// Measures a little, and gives the report.
    fn measure(&self, arguments: &[&str]) -> Value {
        let file = self.file("report.json");
        let common = ["--rounds", "1", "--json", file.to_str().expect("is text")];
        let ended = run(&mut self.bench(&[arguments, &common].concat()));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.out.is_empty(), "it said nothing");
        assert_eq!(left_in(&self.temporary()), 0, "it left something behind");
        read(&file)
    }
}

fn left_in(folder: &Path) -> usize {
    fs::read_dir(folder).expect("can be read").count()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("is there")).expect("is JSON")
}

fn number(of: &Value) -> f64 {
    of.as_f64().unwrap_or_else(|| panic!("{of} is no number"))
}

fn result<'a>(report: &'a Value, name: &str) -> &'a Value {
    let results = report["results"].as_array().expect("results");
    results.iter().find(|result| result["name"] == name).unwrap_or_else(|| panic!("{name} is not in {report}"))
}

/// That the numbers of a load on a server of its own are there and belong together.
fn check_load(result: &Value) {
    let round = &result["rounds"][0];
    assert!(number(&round["count"]) > 0.0, "{result}");
    for (of, field) in
        [("throughput", "throughput"), ("p50Ms", "p50Ms"), ("p99Ms", "p99Ms"), ("cpuMicros", "cpuMicros")]
    {
        for end in ["median", "min", "max"] {
            assert_eq!(result[of][end], round[field], "one round is its own median: {result}");
        }
        assert!(number(&round[field]) > 0.0, "{field} in {result}");
    }
    assert!(number(&round["p50Ms"]) <= number(&round["p95Ms"]), "{result}");
    assert!(number(&round["p95Ms"]) <= number(&round["p99Ms"]), "{result}");
    let (now, peak) = (number(&result["memoryMib"]), number(&result["memoryPeakMib"]));
    assert!(1.0 < now && now <= peak, "{result}");
    assert_eq!((&round["refused"], &round["unanswered"]), (&json!(0), &json!(0)), "{result}");
    assert!(result["leftOut"].as_array().is_some_and(Vec::is_empty), "{result}");
}

fn check_ratio(result: &Value, limit: &str) {
    assert_eq!(result["limitName"], limit, "{result}");
    let round = &result["rounds"][0];
    let ratio = number(&round["throughput"]) / number(&round["limit"]);
    assert!((number(&round["ratio"]) - ratio).abs() < 1e-9 && ratio > 0.0, "{result}");
    assert_eq!(result["ratio"]["median"], round["ratio"], "{result}");
}

#[test]
fn every_figure_stands_beside_its_limit() {
    let _alone = busy();
    let desk = Desk::new();
    let report = desk.measure(&[
        "create",
        "login",
        "machine-login",
        "token-check",
        "read",
        "list",
        "deep-page",
        "search",
        "mixed",
        "scopes",
        "update",
        "import",
        "export",
        "read",
        "--accounts",
        "200",
        "--seconds",
        "0.3",
        "--in-flight",
        "4",
    ]);
    assert_eq!((&report["schema"], &report["schemaVersion"]), (&json!("portreeve-bench"), &json!(1)));
    assert_eq!(report["program"], env!("CARGO_PKG_VERSION"));
    assert!(number(&report["cores"]) >= 1.0 && report["cpu"].is_string(), "{report}");
    let shared = tested_database().is_some();
    assert_eq!(report["database"], if shared { "postgresql" } else { "sqlite" });
    assert_eq!((&report["arguments"]["accounts"], &report["arguments"]["inFlight"]), (&json!(200), &json!(4)));
    for (name, limit) in [
        ("login", "raw hashes"),
        ("machine-login", "raw hashes"),
        ("token-check", "bare answers"),
        ("read", "bare answers"),
        ("list", "bare answers"),
        ("deep-page", "bare answers"),
        ("search-common", "bare answers"),
        ("search-rare", "bare answers"),
        ("search-absent", "bare answers"),
        ("scopes-read", "answers to one who sees all"),
        ("scopes-list", "answers to one who sees all"),
        ("scopes-last-page", "answers to one who sees all"),
        ("update", "raw commits"),
        ("create", "raw commits"),
    ] {
        check_load(result(&report, name));
        check_ratio(result(&report, name), limit);
        if limit == "bare answers" {
            let round = &result(&report, name)["rounds"][0];
            let (ours, bare) = (number(&round["answerBytes"]), number(&round["limitBytes"]));
            // A search repeats what was asked.
            assert!(
                (ours - bare).abs() < 60.0 + bare * 0.03,
                "the answers of {name} are not of one size: {ours} and {bare}"
            );
        }
    }
    check_load(result(&report, "mixed"));
    let found = |name: &str| number(&result(&report, name)["figures"]["accountsFound"]);
    assert_eq!([found("search-common"), found("search-rare"), found("search-absent")], [200.0, 5.0, 0.0]);
    let (import, export) = (result(&report, "import"), result(&report, "export"));
    check_ratio(import, "raw inserts");
    assert_eq!(import["rounds"][0]["count"], 200);
    // Besides those that were imported: admin, the reader, and all that were created.
    assert!(number(&export["rounds"][0]["count"]) > 202.0, "{export}");
    for command in [import, export] {
        assert!(number(&command["memoryPeakMib"]) > 1.0 && number(&command["cpuMicros"]["median"]) > 0.0, "{command}");
    }
    let names: Vec<&Value> = report["results"].as_array().expect("results").iter().map(|one| &one["name"]).collect();
    let distinct: BTreeSet<&str> = names.iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(distinct.len(), names.len(), "something was measured twice: {names:?}");
}

#[test]
fn a_footprint_is_that_of_a_start_of_rest_and_of_a_storm() {
    let report = Desk::new().measure(&["footprint", "--accounts", "200", "--seconds", "0.3", "--in-flight", "8"]);
    let footprint = result(&report, "footprint");
    let figure = |name: &str| number(&footprint["figures"][name]);
    assert!(figure("startMs") > 0.0 && figure("stormLogins") > 0.0, "{footprint}");
    // A storm takes a block of 19 MiB a worker.
    assert!(figure("idleMib") + 19.0 * figure("hashWorkers") <= figure("stormPeakMib"), "{footprint}");
    assert!(figure("afterwardsMib") <= figure("stormPeakMib"), "{footprint}");
}

#[test]
fn policies_stand_beside_a_server_that_has_none() {
    let report = Desk::new().measure(&["policies", "--seconds", "0.3", "--in-flight", "2"]);
    for (name, more) in [("policies-1", 1.0), ("policies-10", 10.0), ("policies-100", 100.0)] {
        let figures = &result(&report, name)["figures"];
        assert_eq!(number(&figures["policies"]) - number(&figures["policiesBeside"]), more, "{figures}");
        check_load(result(&report, name));
        check_ratio(result(&report, name), "logins without");
    }
}

#[test]
fn an_open_loop_keeps_to_its_rate_and_reports_can_be_compared() {
    let desk = Desk::new();
    let mut report = desk.measure(&[
        "token-check",
        "mixed",
        "--accounts",
        "100",
        "--seconds",
        "2",
        "--rate",
        "40",
        "--in-flight",
        "16",
    ]);
    for name in ["token-check", "mixed"] {
        let result = result(&report, name);
        let round = &result["rounds"][0];
        let due = number(&round["count"]) + number(&round["unanswered"]) + number(&round["refused"]);
        assert_eq!((due, &result["rate"], &result["inFlight"]), (80.0, &json!(40), &json!(16)), "{result}");
        assert!(number(&round["throughput"]) <= 40.0, "{result}");
    }

    // As if there had been two rounds, the ratio much better afterwards and the throughput hardly.
    let file = |name: &str, report: &Value| {
        fs::write(desk.file(name), report.to_string()).expect("is written");
        desk.file(name)
    };
    let check = &mut report["results"][0];
    check["rounds"] = json!([check["rounds"][0], check["rounds"][0]]);
    check["throughput"] = json!({"median": 40.0, "min": 38.0, "max": 42.0});
    check["ratio"] = json!({"median": 0.5, "min": 0.49, "max": 0.51});
    let before = file("before.json", &report);
    report["results"][0]["throughput"] = json!({"median": 41.0, "min": 40.0, "max": 41.2});
    report["results"][0]["ratio"] = json!({"median": 0.75, "min": 0.7, "max": 0.8});
    report["results"][1]["name"] = json!("something else");
    report["database"] = json!("another");
    let after = file("after.json", &report);
    let compare = |one: &Path, other: &Path| run(program().args(["bench", "compare"]).arg(one).arg(other));
    let ended = compare(&before, &after);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for wanted in [
        "throughput   40 → 41   +2.5 %   noise ±5.3 % and ±1.5 %: within the noise",
        "ratio        0.50 → 0.75   +50.0 %   noise ±2.0 % and ±7.1 %: beyond the noise",
    ] {
        assert!(ended.out.contains(wanted), "{ended:?}");
    }
    for wanted in ["another after", "mixed is in ", "something else is in "] {
        assert!(ended.err.contains(wanted), "{wanted} in {ended:?}");
    }

    report["schemaVersion"] = json!(2);
    let newer = file("newer.json", &report);
    report["schema"] = json!("something");
    let stranger = file("stranger.json", &report);
    report["results"] = json!([]);
    let empty = file("empty.json", &json!({"schema": "portreeve-bench", "schemaVersion": 1}));
    for (wrong, wanted) in [
        (newer, "has version 2 of the report; this program reads 1"),
        (stranger, "is no report of `portreeve bench --json`: its field schema is not portreeve-bench"),
        (empty, "is no report of `portreeve bench --json`: missing field"),
        (desk.file("nowhere.json"), "cannot be read: No such file"),
    ] {
        let ended = compare(&before, &wrong);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.err.contains(wanted) && ended.err.contains(wrong.to_str().expect("is text")), "{ended:?}");
    }
}

#[test]
fn a_server_that_runs_already_is_measured_and_its_accounts_are_left_alone() {
    let (place, desk) = (Place::new(), Desk::new());
    let server = Server::start(&place);
    let rows = desk.file("rows.ndjson");
    let shown = rows.to_str().expect("is text");
    let made = run(program().args(["bench", "rows", shown, "--accounts", "120"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let made = run(program().args(["import", shown, "--kind", "local-users"]).args(place.arguments()));
    assert!(made.out.starts_with("120 made"), "{made:?}");
    let notes = "SELECT name, notes, version FROM accounts WHERE kind = 'local' AND name LIKE '%_._%._' ORDER BY name";
    let before = place.sql(notes);
    assert_eq!(before.len(), 10, "{before:?}");

    let password = desk.file("password");
    fs::write(&password, format!("{ADMIN_PASSWORD}\n")).expect("is written");
    let there = ["--url", &server.url, "--user", "admin", "--password-file", password.to_str().expect("is text")];
    let mut command = desk.bench(&["login", "machine-login", "search", "update", "create", "--in-flight", "2"]);
    command.env_remove("PORTREEVE_BENCH_DATABASE").args(there);
    let ended = run(command.args(["--seconds", "0.3", "--rounds", "1", "--json", "-"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report: Value = serde_json::from_str(&ended.out).expect("nothing but JSON");
    assert_eq!(report["database"], "unknown");
    for name in ["login", "machine-login", "search-rare", "update", "create"] {
        let result = result(&report, name);
        assert!(number(&result["throughput"]["median"]) > 0.0, "{result}");
        assert_eq!((&result["memoryMib"], &result["cpuMicros"]), (&Value::Null, &Value::Null), "{result}");
        let left_out = result["leftOut"].to_string();
        assert!(left_out.contains("memory and processor time, as the server is not ours"), "{result}");
        let has_limit = !["update", "create"].contains(&name);
        assert_eq!(result["ratio"].is_object(), has_limit, "{result}");
        assert_eq!(left_out.contains("the limit of raw commits, as the database is not ours"), !has_limit, "{result}");
    }
    assert_eq!(place.sql(notes), before, "accounts that were there were changed");

    fs::write(&password, "not the password\n").expect("is written");
    let mut command = desk.bench(&["read"]);
    let refused = run(command.env_remove("PORTREEVE_BENCH_DATABASE").args(there));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains(&format!("logging in to {} as admin", server.url)), "{refused:?}");
    assert!(!refused.err.contains("not the password"), "{refused:?}");
}

#[test]
fn bad_arguments_are_refused_before_anything_is_measured() {
    let desk = Desk::new();
    let url = ["--url", "https://127.0.0.1", "--user", "admin", "--password-file", "/dev/null"];
    let nowhere = desk.file("nowhere").join("report.json").display().to_string();
    for (arguments, code, wanted) in [
        (&["raed"][..], 2, "invalid value 'raed'"),
        (&["read", "--seconds", "0"], 2, "is no number of seconds from 0.1 to 86400"),
        (&["read", "--rounds", "0"], 2, "is no number above 0"),
        (&["read", "--rate", "0"], 2, "0 is not in 1.."),
        (&["read", "--accounts", "0"], 2, "0 is not in 1.."),
        (&["export", "--rate", "5"], 2, "export cannot be measured with --rate"),
        (&["read", "--url", "http://127.0.0.1"], 2, "--user"),
        (
            &[&["footprint"][..], &url].concat(),
            2,
            "footprint cannot be measured with --url: it needs a server of its own",
        ),
        (&[&["read"][..], &url].concat(), 2, "does not begin with http://"),
        (&["compare", "one"], 2, "<AFTER>"),
        (&["read", "--json", &nowhere], 1, "report.json cannot be written"),
    ] {
        let ended: Ended = run(desk.bench(arguments).env_remove("PORTREEVE_BENCH_DATABASE"));
        assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(wanted), "{arguments:?}: {ended:?}");
        assert_eq!(left_in(&desk.temporary()), 0, "{arguments:?}");
    }
}

/// The processes that work for the benchmark with this temporary folder, by what they were started as.
fn working_in(folder: &Path) -> Vec<String> {
    let wanted = format!("TMPDIR={}\0", folder.display());
    let processes = fs::read_dir("/proc").expect("can be read").filter_map(Result::ok).filter_map(|process| {
        let environment = fs::read(process.path().join("environ")).ok()?;
        let mut environment = String::from_utf8_lossy(&environment).into_owned();
        environment.push('\0');
        let line = environment.contains(&wanted).then(|| fs::read(process.path().join("cmdline")).ok())??;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    processes.collect()
}

#[test]
fn one_that_is_stopped_leaves_no_process_and_no_data_behind() {
    let desk = Desk::new();
    let mut command = desk.bench(&["read", "--accounts", "100", "--seconds", "3600"]);
    let mut child = command.spawn().expect("starts");
    let of = |act: &str| working_in(&desk.temporary()).iter().filter(|line| line.contains(act)).count();
    wait_for("the measurement", || (of(" bench bare") == 1 && of(" serve ") == 1).then_some(()));
    kill_process(Pid::from_raw(child.id().try_into().expect("is an id")).expect("is not 0"), Signal::INT)
        .expect("told");
    let ended = wait_for("its end", || child.try_wait().expect("can be asked"));
    assert_eq!(ended.code(), Some(1));
    assert_eq!(working_in(&desk.temporary()), Vec::<String>::new());
    assert_eq!(left_in(&desk.temporary()), 0);
    let shared = Place::new();
    if shared.is_shared() {
        let schemas = format!("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'bench_{}_%'", child.id());
        assert_eq!(shared.sql(&schemas), Vec::<Vec<String>>::new());
    }
}
