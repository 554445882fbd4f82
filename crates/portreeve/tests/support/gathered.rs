//! What a process says, read while it runs, so that it never waits for a reader.

use std::{
    io::{BufRead, BufReader, Read, Write as _},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

/// How many lines are shown where a test is failing.
const LAST: usize = 30;

/// Shows the last of what somebody has said.
pub fn tell_last(who: &str, said: &str) {
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST)..].join("\n");
    drop(writeln!(std::io::stderr(), "the last that {who} has said:\n{last}"));
}

/// What a process says while it runs.
pub struct Gathered {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    /// Reads on, until the process closes it.
    pub fn from(stream: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = text.clone();
        let mut lines = BufReader::new(stream.expect("is piped"));
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let said = String::from_utf8_lossy(&line);
                shared.lock().unwrap_or_else(PoisonError::into_inner).push_str(&said);
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    pub fn so_far(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows the last of it where a test is failing.
    pub fn tell_if_panicking(&self, who: &str) {
        if std::thread::panicking() {
            tell_last(who, &self.so_far());
        }
    }

    /// All of it, once the process has ended.
    pub fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("was read");
        }
        self.so_far()
    }
}
