//! The configuration: what wins, what is shown of it, and what is refused.

use super::support::{Ended, Place, program, run};

/// Runs `portreeve config` with a file of settings.
fn config(place: &Place, file: &str, more: impl Fn(&mut std::process::Command)) -> Ended {
    let path = place.path().join("portreeve.toml");
    std::fs::write(&path, file).expect("is written");
    let mut command = program();
    command.arg("config").arg("--config").arg(path);
    more(&mut command);
    run(&mut command)
}

fn parsed(ended: &Ended) -> toml::Table {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    toml::from_str(&ended.out).expect("is TOML")
}

/// Where the value of a setting is said to come from.
fn source(ended: &Ended, name: &str) -> String {
    let line = ended.out.lines().find(|line| line.starts_with(&format!("{name} = "))).expect("is set");
    line.rsplit_once("# ").expect("has a source").1.to_owned()
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let place = Place::folder();
    let file = "listen = '127.0.0.1:1001'\nhash-workers = 1\nlog-level = 'warn'\nbehind-proxy = ['10.0.0.0/8']\n";
    let alone = config(&place, file, |_| ());
    let values = parsed(&alone);
    assert_eq!(values["listen"].as_str(), Some("127.0.0.1:1001"));
    assert_eq!(values["hash-workers"].as_integer(), Some(1));
    assert_eq!(values["behind-proxy"].as_array().map(Vec::len), Some(1));
    assert_eq!((source(&alone, "listen"), source(&alone, "data")), ("file".into(), "default".into()));

    let environment = config(&place, file, |command| {
        command.env("PORTREEVE_LISTEN", "127.0.0.1:1002").env("PORTREEVE_HASH_WORKERS", "2");
    });
    let values = parsed(&environment);
    assert_eq!(values["listen"].as_str(), Some("127.0.0.1:1002"));
    assert_eq!(values["log-level"].as_str(), Some("warn"));
    assert_eq!(source(&environment, "listen"), "environment");

    let flag = config(&place, file, |command| {
        command.env("PORTREEVE_LISTEN", "127.0.0.1:1002").env("PORTREEVE_HASH_WORKERS", "2");
        command.args(["--listen", "127.0.0.1:1003", "--data=elsewhere"]);
    });
    let values = parsed(&flag);
    assert_eq!(values["listen"].as_str(), Some("127.0.0.1:1003"));
    assert_eq!(values["hash-workers"].as_integer(), Some(2));
    assert_eq!((source(&flag, "listen"), source(&flag, "hash-workers")), ("flag".into(), "environment".into()));
    assert_eq!((source(&flag, "data"), source(&flag, "log-level")), ("flag".into(), "file".into()));
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let place = Place::folder();
    let first = config(&place, "", |command| {
        command.args([
            "--listen",
            "[::1]:8443",
            "--metrics-listen",
            "127.0.0.1:9100",
            "--behind-proxy",
            "10.0.0.0/8,fd00::/8",
        ]);
        command.args([
            "--log-format",
            "json",
            "--hash-workers",
            "3",
            "--remember-logins",
            "0",
            "--tls-self-signed",
            "--data",
            "a \"folder\"",
        ]);
    });
    let again = config(&place, &first.out, |_| ());
    assert_eq!(parsed(&first), parsed(&again));
    assert_eq!(source(&again, "listen"), "file");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let place = Place::folder();
    for (file, named) in [
        ("lisen = '127.0.0.1:1001'", "lisen"),
        ("\nlisten = 'somewhere'", "line 2: "),
        ("listen = ", "line 1"),
        ("hash-workers = 0", "hash-workers"),
        ("remember-logins = 3601", "remember-logins is 3601 seconds and may be at most 3600"),
        ("remember-logins = -1", "line 1"),
        ("remember-logins = '1m'", "line 1"),
        ("tls-cert = 'a.pem'", "tls-key"),
        ("drain-delay = 3601", "drain-delay"),
        ("[serve]\nlisten = '127.0.0.1:1'", "serve"),
    ] {
        let ended = config(&place, file, |_| ());
        assert_eq!(ended.code, Some(2), "{file}: {ended:?}");
        assert!(ended.err.contains(named), "{file}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
    let missing = run(program().args(["config", "--config", "/nowhere/portreeve.toml"]));
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.err.contains("/nowhere/portreeve.toml"), "{}", missing.err);
    let flag = run(program().args(["serve", "--lisen", "127.0.0.1:1001"]));
    assert_eq!(flag.code, Some(2), "{flag:?}");
    // No flag: other users of the machine see command lines.
    let password = run(program().args(["serve", "--admin-password", "x"]));
    assert_eq!(password.code, Some(2), "{password:?}");
}

const SECRET: &str = "canary-4711-geheim";

#[test]
fn secrets_are_shown_nowhere() {
    let place = Place::folder();
    let url = format!("postgres://reeve:{SECRET}@127.0.0.1:1/port?application_name=x&password={SECRET}");
    let flag = config(&place, &format!("admin-password = '{SECRET}'"), |command| {
        command.args(["--database", &url, "--otlp-endpoint", &format!("http://u:{SECRET}@127.0.0.1:2")]);
    });
    let values = parsed(&flag);
    assert_eq!(values["admin-password"].as_str(), Some("********"));
    assert!(values["database"].as_str().is_some_and(|url| url.contains("reeve:********@127.0.0.1:1/port")));
    let environment = config(&place, "", |command| {
        command.env("PORTREEVE_ADMIN_PASSWORD", SECRET).env("PORTREEVE_DATABASE", &url);
        command.env("PORTREEVE_OTLP_ENDPOINT", format!("http://u:{SECRET}@127.0.0.1:2"));
    });
    let malformed = config(&place, "", |command| {
        command.args(["--database", &format!("host=h password={SECRET}")]);
    });
    assert_eq!(parsed(&malformed)["database"].as_str(), Some("********"));
    let unreachable = run(program().args(["serve", "--listen", "127.0.0.1:0", "--database", &url]));
    assert_eq!(unreachable.code, Some(1), "{unreachable:?}");
    let no_url = run(program().args(["serve", "--listen", "127.0.0.1:0", "--database", &format!("password={SECRET}")]));
    assert_ne!(no_url.code, Some(0), "{no_url:?}");
    for ended in [flag, environment, malformed, unreachable, no_url] {
        assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_quoted() {
    let place = Place::folder();
    for file in [
        format!("admin-password = '{SECRET}"),
        format!("admin-password = {SECRET}"),
        format!("admin-password = ['{SECRET}']"),
        format!("listen = '{SECRET}'"),
        format!("log-format = '{SECRET}'"),
        format!("hash-workers = '{SECRET}'"),
    ] {
        let ended = config(&place, &file, |_| ());
        assert_eq!(ended.code, Some(2), "{file}: {ended:?}");
        assert!(ended.err.contains("line 1"), "{}", ended.err);
        assert!(!ended.err.contains(SECRET), "{}", ended.err);
    }
    let number = config(&place, "admin-password = 47114711", |_| ());
    assert!(number.code == Some(2) && !number.err.contains("47114711"), "{number:?}");
}

#[test]
fn help_does_not_show_what_the_environment_holds() {
    let mut command = program();
    command.args(["serve", "--help"]);
    command.env("PORTREEVE_DATABASE", format!("postgres://u:{SECRET}@h/d"));
    command.env("PORTREEVE_OTLP_ENDPOINT", format!("http://u:{SECRET}@h"));
    let ended = run(command.env("PORTREEVE_ADMIN_PASSWORD", SECRET));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.out.contains(SECRET), "{}", ended.out);
}
