//! The commands next to `serve`.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
};

use super::support::{ADMIN_PASSWORD, Client, Ended, Place, Server, free_port, program, run};

fn portreeve(arguments: &[&str]) -> Ended {
    run(program().args(arguments))
}

#[test]
fn the_document_is_the_one_that_is_committed() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let committed = std::fs::read_to_string(committed).expect("is there");
    let printed = portreeve(&["openapi"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.out == committed, "run `cargo run -- openapi > openapi.json`");
    let document: serde_json::Value = serde_json::from_str(&printed.out).expect("is JSON");
    assert!(document["paths"]["/local-users/{id}"]["put"].is_object());
}

#[test]
fn completions_are_made_for_every_shell() {
    let place = Place::folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = portreeve(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}");
        for word in ["serve", "reset-password", "metrics-listen"] {
            assert!(ended.out.contains(word), "{word} for {shell}");
        }
        if shell == "bash" {
            let file = place.path().join("completions");
            std::fs::write(&file, &ended.out).expect("is written");
            let checked = run(std::process::Command::new("bash").arg("-n").arg(file));
            assert_eq!(checked.code, Some(0), "{checked:?}");
        }
    }
    assert_eq!(portreeve(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_fault() {
    for command in ["completions bash", "openapi", "config"] {
        let line = format!("{} {command} | true; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_portreeve"));
        let ended = run(std::process::Command::new("bash").args(["-c", &line]));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{command}");
    }
}

#[test]
fn every_command_explains_itself() {
    let top = portreeve(&["--help"]);
    assert_eq!(top.code, Some(0));
    assert!(top.out.contains("Exit codes: 0 done, 1 "), "{}", top.out);
    let commands = top.out.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut names: Vec<Vec<&str>> = commands.filter_map(|line| Some(vec![line.split_whitespace().next()?])).collect();
    assert!(names.len() >= 6, "{names:?}");
    names.push(vec!["admin", "reset-password"]);
    for name in names.iter().filter(|name| name != &&["help"]) {
        let ended = portreeve(&[&name[..], &["--help"]].concat());
        assert_eq!(ended.code, Some(0), "{name:?}");
        assert!(ended.out.contains(&format!("Usage: portreeve {}", name.join(" "))), "{}", ended.out);
        assert!(!ended.out.lines().next().unwrap_or_default().is_empty(), "{name:?} says nothing of itself");
    }
    assert_eq!(portreeve(&["--version"]).out, concat!("portreeve ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(portreeve(&[]).code, Some(2));
    assert_eq!(portreeve(&["sreve"]).code, Some(2));
}

#[test]
fn the_health_of_a_server_is_an_exit_code() {
    let place = Place::new();
    let server = Server::start(&place);
    let ready = portreeve(&["healthcheck", "--listen", server.address()]);
    assert_eq!((ready.code, ready.out.as_str()), (Some(0), "ready\n"), "{ready:?}");
    assert_eq!(portreeve(&["healthcheck", "--url", &server.url]).code, Some(0));
    assert_eq!(portreeve(&["healthcheck", "--url", &format!("{}/nowhere", server.url)]).code, Some(1));
    let nobody = portreeve(&["healthcheck", "--listen", &format!("127.0.0.1:{}", free_port())]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.err.contains("does not answer"), "{}", nobody.err);
}

#[test]
fn the_health_of_another_server_is_not_told() {
    let place = Place::new();
    let server = Server::start(&place);
    let (begin, ready) = (TcpListener::bind("127.0.0.1:0").expect("listens"), format!("{}/readyz", server.url));
    let url = format!("http://{}", begin.local_addr().expect("has an address"));
    let elsewhere = std::thread::spawn(move || {
        let (mut stream, _) = begin.accept().expect("is asked");
        let mut head = [0; 1024];
        let read = stream.read(&mut head).expect("a request");
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {ready}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("is answered");
        read
    });
    let ended = portreeve(&["healthcheck", "--url", &url]);
    assert!(elsewhere.join().expect("ends") > 0);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("302"), "{}", ended.err);
}

#[test]
fn the_health_of_a_server_with_its_own_certificate_can_be_asked() {
    let place = Place::new();
    let server = Server::start_with(&place, |command| command.arg("--tls-self-signed"));
    let ask = |more: &[&str]| {
        let mut command = program();
        run(command.arg("healthcheck").args(place.arguments()).args(["--listen", server.address()]).args(more))
    };
    let ready = ask(&["--tls-self-signed"]);
    assert_eq!(ready.code, Some(0), "{ready:?}");
    assert_eq!(ask(&[]).code, Some(1));
    let elsewhere = Place::folder();
    let mut command = program();
    command.arg("healthcheck").args(elsewhere.arguments()).args(["--listen", server.address(), "--tls-self-signed"]);
    assert_eq!(run(&mut command).code, Some(1));
}

fn reset(place: &Place, name: &str, more: &[&str]) -> Ended {
    run(program().args(["admin", "reset-password", name]).args(place.arguments()).args(more))
}

#[test]
fn an_operator_gives_a_new_password_while_the_server_runs() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    admin.set_lockout(1, 60);
    let client = Client::new(&server.url);
    assert_eq!(client.try_login("local", "admin", "wrong").status, 401);
    assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 401, "locked");

    let ended = reset(&place, "Admin", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let password = ended.out.trim().rsplit(' ').next().expect("a password");
    assert_eq!(admin.get("/local-users").status, 401, "the session goes on");
    assert_eq!(client.try_login("local", "admin", password).status, 200, "it is locked or the password is wrong");
    assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 401);
    let sql = "SELECT actor, object_name, outcome, changes FROM audit_log WHERE act = 'reset password'";
    let rows = place.sql(sql);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][0], "(operator)");
    assert!(!format!("{rows:?}").contains(password));

    let unknown = reset(&place, "nobody", &[]);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(1), ""), "{unknown:?}");
    assert!(unknown.err.contains("no Local User named nobody"), "{}", unknown.err);
}

#[test]
fn a_disabled_account_stays_so_unless_the_operator_says_otherwise() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    let path = format!("/local-users/{}", admin.create_user("bobby", "a password for bobby"));
    let mut bobby = admin.get(&path).ok();
    bobby["disabled"] = true.into();
    admin.put(&path, &bobby).ok();
    for (more, status) in [(&[][..], 401), (&["--enable"], 200)] {
        let ended = reset(&place, "bobby", more);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let password = ended.out.trim().rsplit(' ').next().expect("a password");
        assert_eq!(Client::new(&server.url).try_login("local", "bobby", password).status, status);
    }
}

#[test]
fn resetting_makes_no_data_where_there_is_none() {
    let place = Place::folder();
    let folder = place.path().join("mistyped");
    let ended = run(program().args(["admin", "reset-password", "admin", "--data"]).arg(&folder));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!folder.exists(), "a folder was made");
}
