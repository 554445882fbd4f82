//! How the server starts and how it stops.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::support::{ADMIN_PASSWORD, Client, Place, Server, WATCHDOG, login, program, run, wait_for};

fn without_password(command: &mut std::process::Command) -> &mut std::process::Command {
    command.env_remove("PORTREEVE_ADMIN_PASSWORD")
}

fn log_in_as_admin(server: &Server, password: &str) -> u16 {
    Client::new(&server.url).try_login("local", "admin", password).status
}

#[test]
fn the_first_start_says_the_password_and_no_other_start_does() {
    let place = Place::new();
    let first = Server::start_with(&place, without_password);
    let said =
        wait_for("the rest of the greeting", || Some(first.said()).filter(|said| said.contains("only this once")));
    assert!(said.starts_with(concat!("portreeve ", env!("CARGO_PKG_VERSION"), "\n")), "{said}");
    assert!(said.contains(&format!("listening on  {}", first.url)), "{said}");
    assert!(said.contains(&place.shown()), "{said}");
    let rest = said.split_once("log in as     admin, with the password ").expect("the password").1;
    let password = rest.split_whitespace().next().expect("a word").to_owned();
    assert_eq!(log_in_as_admin(&first, &password), 200);
    // Five bits each: nobody finds it in less than 2^128 tries.
    let letters = |c: char| "abcdefghijkmnpqrstuvwxyz23456789".contains(c);
    assert!(password.len() * 5 >= 128 && password.chars().all(letters), "{password}");
    let ended = first.stop();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains(&password), "{}", ended.err);

    let second = Server::start_with(&place, without_password);
    assert_eq!(log_in_as_admin(&second, &password), 200);
    let ended = second.stop();
    assert!(ended.out.contains("listening on") && !ended.out.contains("password"), "{}", ended.out);
}

#[test]
fn the_first_password_can_be_given_and_a_later_one_changes_nothing() {
    let place = Place::new();
    let first = Server::start(&place);
    assert_eq!(log_in_as_admin(&first, ADMIN_PASSWORD), 200);
    assert!(!first.stop().out.contains("password"));
    let second =
        Server::start_with(&place, |command| command.env("PORTREEVE_ADMIN_PASSWORD", "quite another sentence"));
    assert_eq!(log_in_as_admin(&second, "quite another sentence"), 401);
    assert_eq!(log_in_as_admin(&second, ADMIN_PASSWORD), 200);
}

#[test]
fn a_weak_first_password_is_refused_and_the_next_start_is_the_first_again() {
    let place = Place::new();
    for (weak, reason) in [("qwertyuiop", "most used"), ("short7!", "at least 8"), ("portreeve", "name")] {
        let mut command = program();
        command.arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]);
        let ended = run(command.env("PORTREEVE_ADMIN_PASSWORD", weak));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("PORTREEVE_ADMIN_PASSWORD") && ended.err.contains(reason), "{}", ended.err);
        let told = ended.err.replace("the name of this product", "");
        assert!(weak == "portreeve" || !told.contains(weak), "{told}");
        assert!(!ended.out.contains("listening"), "{}", ended.out);
    }
    assert_eq!(log_in_as_admin(&Server::start(&place), ADMIN_PASSWORD), 200);
}

#[test]
fn a_data_folder_has_one_server() {
    let place = Place::folder();
    let first = Server::start(&place);
    let second = run(program().arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains("another portreeve is serving the data folder"), "{}", second.err);
    assert!(second.err.contains(&place.shown()), "{}", second.err);
    assert_eq!(log_in_as_admin(&first, ADMIN_PASSWORD), 200);
    // The lock goes with the process, also when it goes without a word.
    first.crash();
    assert_eq!(log_in_as_admin(&Server::start(&place), ADMIN_PASSWORD), 200);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = Place::new();
    let server = Server::start(&taken);
    let place = Place::new();
    let ended = run(program().arg("serve").args(place.arguments()).args(["--listen", server.address()]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains(&format!("cannot listen on {}", server.address())), "{}", ended.err);
}

#[test]
fn a_first_start_that_fails_leaves_the_password_to_be_said() {
    let taken = Place::new();
    let server = Server::start(&taken);
    let place = Place::new();
    let mut start = program();
    start.arg("serve").args(place.arguments()).args(["--listen", server.address()]);
    let ended = run(start.env_remove("PORTREEVE_ADMIN_PASSWORD"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let next = Server::start_with(&place, without_password);
    wait_for("the password", || Some(next.said()).filter(|said| said.contains("only this once")));
}

/// A login whose body has only begun to come, and which the server is known to be waiting for.
fn begin_slow_login(server: &Server) -> (TcpStream, String) {
    let body = login("local", "admin", ADMIN_PASSWORD).to_string();
    let mut stream = TcpStream::connect(server.address()).expect("connects");
    stream.set_read_timeout(Some(WATCHDOG)).expect("can be set");
    let length = body.len();
    let head = format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("is sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("is answered");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    (stream, body)
}

fn wait_until_nobody_listens(server: &Server) {
    wait_for("the listener to close", || TcpStream::connect(server.address()).is_err().then_some(()));
}

#[test]
fn the_first_signal_lets_requests_under_way_finish() {
    let place = Place::new();
    let server = Server::start(&place);
    let (mut stream, body) = begin_slow_login(&server);
    server.terminate();
    wait_until_nobody_listens(&server);
    stream.write_all(body.as_bytes()).expect("is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("is answered");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""token":""#), "{answer}");
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("cut off"), "{}", ended.err);
}

#[test]
fn the_second_signal_ends_at_once() {
    let place = Place::new();
    let server = Server::start(&place);
    let (mut stream, _) = begin_slow_login(&server);
    server.terminate();
    wait_until_nobody_listens(&server);
    server.terminate();
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("stopped at once"), "{}", ended.err);
    let mut rest = Vec::new();
    // A reset is as good an end as a close.
    drop(stream.read_to_end(&mut rest));
    assert!(rest.is_empty());
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let place = Place::new();
    let server = Server::start(&place);
    let client = Client::new(&server.url);
    assert_eq!(client.get("/healthz").status, 200);
    let ended = server.stop();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("cut off"), "{}", ended.err);
}

#[test]
fn a_server_that_takes_leave_says_so_and_serves_on() {
    let place = Place::new();
    let server = Server::start_with(&place, |command| command.args(["--drain-delay", "3600"]));
    let admin = server.admin();
    // A connection that is idle when the signal comes.
    let mut idle = TcpStream::connect(server.address()).expect("connects");
    idle.set_read_timeout(Some(WATCHDOG)).expect("can be set");
    let ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let answered = |stream: &mut TcpStream| {
        stream.write_all(ask).expect("is sent");
        let (mut said, mut piece) = (String::new(), [0; 512]);
        while !said.ends_with('}') {
            let length = stream.read(&mut piece).expect("is answered");
            assert!(length > 0, "it was closed: {said}");
            said.push_str(std::str::from_utf8(&piece[..length]).expect("is text"));
        }
        said.to_lowercase()
    };
    assert!(!answered(&mut idle).contains("connection: close"));
    assert_eq!(admin.get("/readyz").status, 200);

    server.terminate();
    wait_for("it to take leave", || (admin.get("/readyz").status == 503).then_some(()));
    let user = admin.create_user("bobby", "a password for bobby");
    assert_eq!(admin.get(&format!("/local-users/{user}")).status, 200);
    assert!(answered(&mut idle).contains("connection: close"));
    assert_eq!(idle.read(&mut [0; 1]).expect("ends in good order"), 0);
    assert_eq!(log_in_as_admin(&server, ADMIN_PASSWORD), 200, "a new connection");

    server.terminate();
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("stopped at once"), "{}", ended.err);
}

#[test]
fn a_server_that_has_taken_leave_ends() {
    let place = Place::new();
    let server = Server::start_with(&place, |command| command.args(["--drain-delay", "1"]));
    let (mut stream, body) = begin_slow_login(&server);
    server.terminate();
    wait_until_nobody_listens(&server);
    stream.write_all(body.as_bytes()).expect("is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("is answered");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let ended = server.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("cut off") && !ended.err.contains("stopped at once"), "{}", ended.err);
}
