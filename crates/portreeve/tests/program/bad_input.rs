//! Bytes that no client should send. Whatever comes, the server answers the others and goes on.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use super::support::{ADMIN_PASSWORD, Client, Place, Server, WATCHDOG, all_at_once, wait_for};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("connects");
    stream.set_read_timeout(Some(WATCHDOG)).expect("can be set");
    stream.set_write_timeout(Some(WATCHDOG)).expect("can be set");
    stream
}

/// Sends what can be sent and reads until the server closes. Being cut off is one of the answers.
fn send(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server);
    let sent = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let cut_off = |fault: std::io::Error| {
        assert_ne!(fault.kind(), std::io::ErrorKind::WouldBlock, "the server neither answers nor closes");
    };
    sent.unwrap_or_else(cut_off);
    read.map(drop).unwrap_or_else(cut_off);
    String::from_utf8_lossy(&answer).into_owned()
}

fn assert_well(server: &Server) {
    let client = Client::new(&server.url);
    assert_eq!(client.get("/readyz").status, 200);
    assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 200);
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn heads_without_end_are_not_kept() {
    let place = Place::new();
    let server = Server::start(&place);
    let long = "a".repeat(10 * 1024 * 1024);
    for head in [
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", long.to_uppercase()),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(100_000)),
    ] {
        let answer = send(&server, head.as_bytes());
        assert!(["", "400", "414", "431"].contains(&status(&answer)), "{answer}");
        assert_well(&server);
    }
}

#[test]
fn garbage_is_answered_or_closed() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut noise: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\0/ HTTP/1.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n",
        b"",
        &noise,
    ] {
        let answer = send(&server, bytes);
        let served = answer.starts_with("HTTP/1.1 2") || answer.starts_with("HTTP/1.1 5");
        assert!(!served, "{:?}: {answer}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]));
    }
    noise.reverse();
    all_at_once(50, |_| send(&server, &noise));
    assert_well(&server);
}

#[test]
fn junk_behind_a_request_is_not_a_request() {
    let place = Place::new();
    let server = Server::start(&place);
    let good = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = send(&server, format!("{good}{good}\0\0\0 junk\r\n\r\n{good}").as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    // Two framings of one body are what requests are smuggled with.
    let body = "0\r\n\r\nDELETE /local-users HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = format!(
        "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{body}",
        body.len()
    );
    let answer = send(&server, both.as_bytes());
    assert!(answer.matches("HTTP/1.1 ").count() <= 2 && !answer.contains("HTTP/1.1 20"), "{answer}");
    assert_well(&server);
}

#[test]
fn bodies_that_break_off_harm_nobody() {
    let place = Place::new();
    let server = Server::start(&place);
    all_at_once(50, |number| {
        let mut stream = connect(&server);
        let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"providerName\":";
        stream.write_all(head.as_bytes()).expect("is sent");
        if number % 2 == 0 {
            stream.shutdown(Shutdown::Write).expect("is closed");
            let mut answer = String::new();
            drop(stream.read_to_string(&mut answer));
            assert!(["", "400"].contains(&status(&answer)), "{answer}");
        }
    });
    let long = format!("{{\"providerName\":\"{}\"}}", "a".repeat(2 * 1024 * 1024));
    let length = long.len();
    let answer =
        send(&server, format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{long}").as_bytes());
    assert!(["", "413"].contains(&status(&answer)), "{answer}");
    assert_well(&server);
    wait_for("the broken requests to end", || server.log().contains("/login").then_some(()));
}

#[test]
fn who_drips_a_head_is_closed_and_holds_up_nobody() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut drips: Vec<TcpStream> = (0..20).map(|_| connect(&server)).collect();
    for drip in &mut drips {
        drip.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").expect("is sent");
        drip.set_nonblocking(true).expect("can be set");
    }
    assert_well(&server);
    wait_for("the server to close those who drip", || {
        drips.retain_mut(|drip| {
            let gone = |fault: &std::io::Error| fault.kind() != std::io::ErrorKind::WouldBlock;
            let dripped = drip.write(b"a").err().is_none_or(|fault| !gone(&fault));
            let open = match drip.read(&mut [0; 4096]) {
                Ok(read) => read > 0,
                Err(fault) => !gone(&fault),
            };
            dripped && open
        });
        drips.is_empty().then_some(())
    });
    assert_well(&server);
}
