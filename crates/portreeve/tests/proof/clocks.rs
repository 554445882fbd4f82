//! Clocks that go wrong: a program is given another time of day than its machine's (`libfaketime`). The clocks that nobody can
//! set stay as they are.

use std::{path::PathBuf, process::Command};

use tempfile::TempDir;

/// A node's clock.
pub enum Clock {
    /// This machine's.
    Right,
    /// Off by so many seconds.
    Off(i64),
    /// Off by as much as was last said.
    Set(Settable),
}

/// A clock that can be set while the program runs.
pub struct Settable(TempDir);

impl Settable {
    /// Off by so many seconds at first.
    pub fn new(seconds: i64) -> Self {
        let clock = Self(TempDir::new().expect("a temporary folder"));
        clock.set(seconds);
        clock
    }

    /// Sets it, to so many seconds off this machine's clock.
    pub fn set(&self, seconds: i64) {
        // In one piece: it is read at every look at the clock.
        let new = self.0.path().join("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("can be written");
        std::fs::rename(new, self.file()).expect("can be renamed");
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("clock")
    }
}

impl Clock {
    /// Lets a program that is about to be started go by it.
    pub fn give_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let command = match self {
            Self::Right => return command,
            Self::Off(seconds) => command.env("FAKETIME", format!("{seconds:+}")),
            Self::Set(clock) => command.env("FAKETIME_TIMESTAMP_FILE", clock.file()).env("FAKETIME_NO_CACHE", "1"),
        };
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("LD_PRELOAD", library())
    }
}

fn library() -> PathBuf {
    // A folder for each kind of processor.
    let folders = std::fs::read_dir("/usr/lib").expect("there are libraries").flatten();
    let mut found = folders.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    found.find(|file| file.exists()).expect("libfaketime is there; on Debian: apt-get install faketime")
}
