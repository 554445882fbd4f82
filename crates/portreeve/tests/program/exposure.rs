//! What may be reached from where, over what, and whose word on a client's address is taken.

use super::support::{ADMIN_PASSWORD, Client, Place, Server, login, program, run};

#[test]
fn passwords_do_not_cross_a_network_in_clear() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let place = Place::new();
        let ended = run(program().arg("serve").args(place.arguments()).args(["--listen", address]));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for way_out in ["--tls-cert", "--tls-self-signed", "--behind-proxy"] {
            assert!(ended.err.contains(way_out), "{}", ended.err);
        }
        assert_eq!(ended.out, "");
    }
}

#[test]
fn other_machines_are_let_in_over_tls_or_through_a_proxy() {
    for flags in [&["--behind-proxy", "10.0.0.0/8"][..], &["--tls-self-signed"]] {
        let place = Place::new();
        let server = Server::start_with(&place, |command| command.args(["--listen", "0.0.0.0:0"]).args(flags));
        assert!(server.url.contains("://0.0.0.0:"), "{}", server.url);
        assert_eq!(server.stop().code, Some(0));
    }
}

#[test]
fn a_certificate_of_our_own_making_is_kept() {
    let place = Place::new();
    let start = || Server::start_with(&place, |command| command.arg("--tls-self-signed"));
    let first = start();
    assert!(first.url.starts_with("https://127.0.0.1:"), "{}", first.url);
    let file = place.path().join("tls-self-signed.crt");
    let pem = std::fs::read(&file).expect("is there");
    let client = Client::trusting(&first.url, &pem);
    assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 200);
    let local = Client::trusting(&first.url.replace("127.0.0.1", "localhost"), &pem);
    assert_eq!(local.get("/version").status, 200);
    let stranger = Client::new(&first.url);
    assert!(stranger.try_request(reqwest::Method::GET, "/version", |request| request).is_err());
    assert_private(&place.path().join("tls-self-signed.key"));
    drop(first);
    let second = start();
    assert_eq!(std::fs::read(&file).expect("is there"), pem);
    assert_eq!(Client::trusting(&second.url, &pem).get("/version").status, 200);
}

#[cfg(unix)]
fn assert_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).expect("is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{} is open to others: {mode:o}", path.display());
}

#[test]
fn a_certificate_can_be_brought() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (cert, key) = (place.path().join("a.crt"), place.path().join("a.key"));
    std::fs::write(&cert, made.cert.pem()).expect("is written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("is written");
    let server = Server::start_with(&place, |command| command.arg("--tls-cert").arg(&cert).arg("--tls-key").arg(&key));
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let client = Client::trusting(&server.url, made.cert.pem().as_bytes());
    assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 200);
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let place = Place::new();
    let file = place.path().join("nothing.pem");
    std::fs::write(&file, "no PEM at all").expect("is written");
    let serve = || {
        let mut command = program();
        command.arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]);
        command.env("PORTREEVE_ADMIN_PASSWORD", ADMIN_PASSWORD);
        command
    };
    let alone = run(serve().arg("--tls-cert").arg(&file));
    assert_eq!(alone.code, Some(2), "{alone:?}");
    let wrong = run(serve().arg("--tls-cert").arg(&file).arg("--tls-key").arg(&file));
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("nothing.pem"), "{}", wrong.err);
}

/// Where the last refused login came from, as the audit log has it.
fn source_of_login(place: &Place, server: &Server, forwarded_for: &[&str]) -> String {
    let body = login("local", "nobody", "x");
    let answer = Client::new(&server.url).request(reqwest::Method::POST, "/login", |mut request| {
        for value in forwarded_for {
            request = request.header("X-Forwarded-For", *value);
        }
        request.json(&body)
    });
    let id = answer.header("x-request-id").expect("has an id").to_owned();
    let rows = place.sql(&format!("SELECT source FROM audit_log WHERE request_id = '{id}'"));
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0][0].clone()
}

#[test]
fn only_named_proxies_are_believed() {
    let place = Place::new();
    let server = Server::start(&place);
    assert_eq!(source_of_login(&place, &server, &["198.51.100.7"]), "127.0.0.1");
    drop(server);

    let server = Server::start_with(&place, |command| command.args(["--behind-proxy", "10.0.0.0/8"]));
    assert_eq!(source_of_login(&place, &server, &["198.51.100.7"]), "127.0.0.1");
    drop(server);

    let proxies = ["--behind-proxy", "127.0.0.1/32,10.0.0.0/8"];
    let server = Server::start_with(&place, |command| command.args(proxies));
    for (forwarded_for, source) in [
        (&["198.51.100.7"][..], "198.51.100.7"),
        // What stands left of the first stranger is the stranger's own word.
        (&["203.0.113.9, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        (&["203.0.113.9", "198.51.100.7", "10.1.2.3"], "198.51.100.7"),
        (&["::ffff:198.51.100.7"], "198.51.100.7"),
        (&["2001:db8::7"], "2001:db8::7"),
        (&["garbage, 10.1.2.3"], "10.1.2.3"),
        (&["garbage"], "127.0.0.1"),
        (&[], "127.0.0.1"),
    ] {
        assert_eq!(source_of_login(&place, &server, forwarded_for), source, "{forwarded_for:?}");
    }
}
