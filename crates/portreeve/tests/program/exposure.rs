//! What may be reached from where, over what, and whose word on a client's address is taken.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, mpsc},
};

use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
    crypto::aws_lc_rs::default_provider,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::support::{ADMIN_PASSWORD, Client, Place, Server, WATCHDOG, login, program, run};

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

/// A certificate for a name, and its key, as files.
fn made_for(place: &Place, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let (cert, key) = (place.path().join("a.crt"), place.path().join("a.key"));
    std::fs::write(&cert, made.cert.pem()).expect("is written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("is written");
    (cert, key)
}

/// A server with that certificate, and the certificate.
fn with_certificate(place: &Place) -> (Server, Vec<u8>) {
    let (cert, key) = made_for(place, "127.0.0.1");
    let server = Server::start_with(place, |command| command.arg("--tls-cert").arg(&cert).arg("--tls-key").arg(&key));
    (server, std::fs::read(cert).expect("is there"))
}

#[test]
fn a_certificate_can_be_brought() {
    let place = Place::new();
    let (server, pem) = with_certificate(&place);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let client = Client::trusting(&server.url, &pem);
    assert_eq!(client.try_login("local", "admin", ADMIN_PASSWORD).status, 200);
    // Nothing is said in clear, not even that TLS is wanted.
    let mut clear = TcpStream::connect(server.address()).expect("connects");
    clear.set_read_timeout(Some(WATCHDOG)).expect("can be set");
    clear.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").expect("is sent");
    let mut answer = Vec::new();
    drop(clear.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}

#[test]
fn browsers_are_held_to_tls_where_it_is_there_to_stay() {
    let place = Place::new();
    let header = |client: &Client, path| client.get(path).header("strict-transport-security").map(str::to_owned);
    for (flags, expected) in [
        (&[][..], None),
        (&["--tls-self-signed"], None),
        (&["--behind-proxy", "127.0.0.1/32"], Some("max-age=31536000")),
    ] {
        let server = Server::start_with(&place, |command| command.args(flags));
        let client = match std::fs::read(place.path().join("tls-self-signed.crt")) {
            Ok(pem) if server.url.starts_with("https://") => Client::trusting(&server.url, &pem),
            _ => Client::new(&server.url),
        };
        for path in ["/version", "/ui/sign-in", "/docs", "/nowhere"] {
            assert_eq!(header(&client, path).as_deref(), expected, "{flags:?} {path}");
        }
    }
    let (server, pem) = with_certificate(&place);
    let client = Client::trusting(&server.url, &pem);
    assert_eq!(header(&client, "/ui/sign-in").as_deref(), Some("max-age=31536000"));
}

fn trusting(pem: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem).expect("is PEM")).expect("is a certificate");
    roots
}

#[test]
fn tls_is_of_the_two_last_versions_and_the_last_if_both_sides_can() {
    let place = Place::new();
    let (server, pem) = with_certificate(&place);
    let agreed = |versions: &[&'static SupportedProtocolVersion]| {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .expect("are known")
            .with_root_certificates(trusting(&pem))
            .with_no_client_auth();
        let mut tls =
            ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().expect("is an address")).expect("begins");
        let mut stream = TcpStream::connect(server.address()).expect("connects");
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).expect("goes on");
        }
        let suite = format!("{:?}", tls.negotiated_cipher_suite().expect("is agreed").suite());
        // Of TLS 1.3 every suite is an authenticated one with fresh keys.
        assert!(suite.starts_with("TLS13_") || suite.starts_with("TLS_ECDHE_"), "{suite}");
        assert!(
            ["GCM_SHA256", "GCM_SHA384", "CHACHA20_POLY1305_SHA256"].iter().any(|end| suite.ends_with(end)),
            "{suite}"
        );
        tls.protocol_version()
    };
    assert_eq!(agreed(&[&TLS12]), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(agreed(&[&TLS13]), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(agreed(&[&TLS12, &TLS13]), Some(ProtocolVersion::TLSv1_3));
    for old in [0x00, 0x01, 0x02] {
        // A hello of SSL 3.0, TLS 1.0 or TLS 1.1 with the suites of its time, and no extensions.
        let suites = [0xc0, 0x13, 0xc0, 0x14, 0x00, 0x2f, 0x00, 0x35];
        let hello = [&[3, old][..], &[7; 32], &[0], &[0, 8], &suites, &[1, 0]].concat();
        let length = u8::try_from(hello.len()).expect("is short");
        let bytes = [&[0x16, 3, old.min(1), 0, length + 4, 1, 0, 0, length][..], &hello].concat();
        let mut stream = TcpStream::connect(server.address()).expect("connects");
        stream.set_read_timeout(Some(WATCHDOG)).expect("can be set");
        stream.write_all(&bytes).expect("is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is closed");
        // An alert (21) that is fatal (2), for the version (70) or for want of a suite (40).
        assert_eq!((answer.first(), answer.get(5)), (Some(&21), Some(&2)), "{old}: {answer:?}");
        assert!(matches!(answer.get(6), Some(70 | 40)), "{old}: {answer:?}");
    }
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

/// One that is taken for a PostgreSQL until it has to show who it is. Answers whether TLS is spoken, and gives what it is told by
/// a client that trusts it.
fn impostor(tls: Option<ServerConfig>) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = listener.local_addr().expect("has an address").port();
    let (told, hear) = mpsc::channel();
    let tls = tls.map(Arc::new);
    // Ends with the process: it waits for the next connection.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 8];
            if stream.read_exact(&mut request).is_err() {
                continue;
            }
            // What is not a wish for TLS (80877103) is told in clear.
            if request[4..] != 80_877_103_u32.to_be_bytes() {
                drop(told.send(request.to_vec()));
                continue;
            }
            let Some(config) = &tls else {
                drop(stream.write_all(b"N"));
                let mut rest = Vec::new();
                drop(stream.read_to_end(&mut rest));
                drop(told.send(rest));
                continue;
            };
            let mut connection = ServerConnection::new(config.clone()).expect("begins");
            let mut first = vec![0; 512];
            let read = stream
                .write_all(b"S")
                .and_then(|()| rustls::Stream::new(&mut connection, &mut stream).read(&mut first));
            first.truncate(read.unwrap_or(0));
            drop(told.send(first));
        }
    });
    (port, hear)
}

#[test]
fn a_database_is_told_nothing_until_it_has_shown_who_it_is() {
    let place = Place::folder();
    let server = |name: &str| {
        let (cert, key) = made_for(&place, name);
        let chain = vec![CertificateDer::from_pem_file(&cert).expect("is PEM")];
        let key = PrivateKeyDer::from_pem_file(&key).expect("is PEM");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("are known")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("belong together");
        (config, cert.display().to_string())
    };
    let told = |tls: Option<ServerConfig>, more: &str| {
        let (port, hear) = impostor(tls);
        let url = format!("postgres://somebody:a-password@127.0.0.1:{port}/base?{more}");
        let mut command = program();
        let ended = run(command.arg("serve").args(["--listen", "127.0.0.1:0", "--database", &url]));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!ended.err.contains("a-password"), "{}", ended.err);
        (hear.recv_timeout(WATCHDOG).expect("it came"), ended.err)
    };
    // Who has the certificate that is trusted, for this very name, is told whose database is wanted.
    let (config, cert) = server("127.0.0.1");
    let (heard, _) = told(Some(config), &format!("sslmode=verify-full&sslrootcert={cert}"));
    assert!(String::from_utf8_lossy(&heard).contains("somebody"), "{heard:?}");
    for mode in ["require", "verify-ca", "verify-full"] {
        let (config, _) = server("127.0.0.1");
        let (heard, said) = told(Some(config), &format!("sslmode={mode}"));
        assert!(heard.is_empty() && said.contains("UnknownIssuer"), "{mode}: {heard:?} {said}");
        let (config, cert) = server("db.example.com");
        let (heard, said) = told(Some(config), &format!("sslmode={mode}&sslrootcert={cert}"));
        assert!(heard.is_empty() && said.contains("not valid for name"), "{mode}: {heard:?} {said}");
        let (heard, _) = told(None, &format!("sslmode={mode}"));
        assert!(heard.is_empty(), "{mode} goes on in clear: {heard:?}");
    }
}
