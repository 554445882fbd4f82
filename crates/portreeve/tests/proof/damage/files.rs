//! Damage of what the server is started with: its key, its certificate, its configuration.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use super::{
    super::{
        course::{figure, seeded, size},
        support::{ADMIN_PASSWORD, Client, Ended, Place, Server, program, run},
    },
    Change,
};

fn self_signed(command: &mut Command) -> &mut Command {
    command.env("PORTREEVE_TLS_SELF_SIGNED", "true")
}

#[test]
fn a_damaged_key_or_certificate_is_named_at_the_start() {
    let mut chance = seeded("damage, keys");
    let place = Place::folder();
    Server::start_with(&place, self_signed).stop();
    let files = ["tls-self-signed.crt", "tls-self-signed.key"].map(|name| place.path().join(name));
    let certificate = fs::read(&files[0]).expect("is there");
    let (mut refused, mut same) = (0, 0);
    let positions = size(40, 400);
    for number in 0..positions {
        let file = &files[number % 2];
        let whole = fs::read(file).expect("is there");
        let at = chance.u64(..whole.len() as u64);
        let change = Change::new(&mut chance, at);
        change.make(file);
        match Server::try_start_with(&place, self_signed) {
            Err(ended) => {
                let named = ended.err.contains(&file.display().to_string());
                assert!(ended.code == Some(2) && named, "{}, {change:?}: {ended:?}", file.display());
                assert!(ended.err.contains("remove both files"), "{ended:?}");
                refused += 1;
            }
            Ok(server) => {
                // To a client that knows the certificate as it was, nothing is another one.
                let client = Client::trusting(&server.url, &certificate);
                let what = format!("{}, {change:?}", file.display());
                assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 200, "{what}");
                same += 1;
            }
        }
        fs::write(file, whole).expect("is written");
    }
    figure(
        "damage, keys",
        &format!("{positions} positions of key and certificate: {refused} refused by name, {same} of no consequence"),
    );
}

const CONFIGURATION: &str = r#"# The door of the harbour office.
data = "DATA"
listen = "0.0.0.0:8443"
tls-self-signed = true

# Numbers that somebody thought about.
hash-workers = 2
list-memory = 128
remember-logins = 60   # seconds
drain-delay = 5
log-format = "json"
log-level = "info,portreeve::request=off"
metrics-listen = "127.0.0.1:9090"
"#;

/// The settings in force, by name.
fn settings(described: &str) -> BTreeMap<String, String> {
    let lines = described.lines().filter_map(|line| line.split_once(" = "));
    // Behind each stands where it comes from.
    lines
        .map(|(name, value)| (name.trim().to_owned(), value.split("  #").next().unwrap_or_default().trim().to_owned()))
        .collect()
}

fn config(file: &Path) -> Ended {
    run(program().arg("config").arg("--config").arg(file))
}

#[test]
fn a_damaged_configuration_is_refused_or_is_another_valid_one_that_is_not_weaker() {
    let mut chance = seeded("damage, configuration");
    let place = Place::folder();
    let file = place.path().join("portreeve.toml");
    let text = CONFIGURATION.replace("DATA", &place.path().join("data").display().to_string());
    fs::write(&file, &text).expect("is written");
    let expected = settings(&config(&file).out);
    assert!(expected.len() > 10, "{expected:?}");
    let (mut refused, mut same) = (0, 0);
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let positions = size(40, 1_000);
    for _ in 0..positions {
        let at = chance.u64(..text.len() as u64);
        let change = Change::new(&mut chance, at);
        change.make(&file);
        let ended = config(&file);
        if ended.code == Some(2) {
            // A value that cannot be used is told of by the name of its setting.
            let named = ended.err.contains(&file.display().to_string())
                || expected.keys().any(|name| ended.err.contains(name.as_str()));
            assert!(named, "{change:?}: {ended:?}");
            refused += 1;
        } else {
            assert_eq!(ended.code, Some(0), "{change:?}: {ended:?}");
            let now = settings(&ended.out);
            let changed: Vec<&String> = expected.keys().filter(|name| now.get(*name) != expected.get(*name)).collect();
            if changed.is_empty() {
                same += 1;
            }
            for name in &changed {
                *others.entry((*name).clone()).or_default() += 1;
            }
            if changed.iter().any(|name| name.starts_with("tls")) {
                // Without TLS it is not served to other machines.
                let served = run(program().arg("serve").arg("--config").arg(&file));
                assert_eq!(served.code, Some(2), "{change:?}: {served:?}");
            }
        }
        fs::write(&file, &text).expect("is written");
    }
    let others: Vec<String> = others.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    figure(
        "damage, configuration",
        &format!(
            "{positions} positions: {refused} refused by name, {same} of no consequence, another valid value of {}",
            others.join(", ")
        ),
    );
}
