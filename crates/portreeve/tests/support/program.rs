//! The program, run to its end.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::JoinHandle,
};

use super::wait_for;

/// Where the program under test is. `PROVE_PROGRAM` names another one than that which was built with the tests.
pub fn program_file() -> PathBuf {
    std::env::var_os("PROVE_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_portreeve").into(), PathBuf::from)
}

/// The program under test, knowing nothing of the settings of whoever runs the tests.
pub fn program() -> Command {
    program_at(&program_file())
}

/// Another one, in the same way.
pub fn program_at(file: &Path) -> Command {
    let mut command = Command::new(file);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PORTREEVE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ended {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let out = read_all(child.stdout.take());
    let err = read_all(child.stderr.take());
    let code = wait(&mut child).code();
    Ended { code, out: out.join().expect("was read"), err: err.join().expect("was read") }
}

/// Waits until it has ended.
pub fn wait(child: &mut Child) -> ExitStatus {
    wait_for("the end of the program", || child.try_wait().expect("can be asked"))
}

fn read_all(from: Option<impl std::io::Read + Send + 'static>) -> JoinHandle<String> {
    let mut from = from.expect("is piped");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
