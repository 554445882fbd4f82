//! Something that traces can be sent to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// Reads one request and answers it with a head and nothing else. Says its head and its body.
fn receive(stream: TcpStream, head: &str) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut asked, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            _ if line.trim().is_empty() => break,
            _ => {}
        }
        asked.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()?;
    Some((asked, body))
}

/// Something to send traces to, which answers everything with this head.
pub fn collector(head: String) -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let collector = TcpListener::bind("127.0.0.1:0").expect("listens");
    let endpoint = format!("http://{}", collector.local_addr().expect("has an address"));
    let (heard, hear) = mpsc::channel();
    // Ends with the process: it waits for the next connection.
    std::thread::spawn(move || {
        for stream in collector.incoming().flatten() {
            if let Some(request) = receive(stream, &head) {
                drop(heard.send(request));
            }
        }
    });
    (endpoint, hear)
}
