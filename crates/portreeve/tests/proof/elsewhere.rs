//! SQL that is asked of an embedded database in a process of its own.
//!
//! SQLite maps the log's index into memory. Were that on a disk which the same process serves, it could stop for ever: the kernel
//! holds on to the memory of the whole process while it takes a mapping away and waits for the disk, which needs memory to go on.

use std::{env, fs, path::Path, process::Command};

use tempfile::TempDir;

use super::support::{run, sqlite};

/// What is to be asked, of which file, and where the answer goes.
const ASKED: [&str; 3] = ["PROVE_ASK_SQL", "PROVE_ASK_FILE", "PROVE_ASK_ANSWER"];

/// As [`sqlite`] does, by running the test below in another process.
pub fn ask(file: &Path, sql: &str) -> Vec<Vec<String>> {
    let folder = TempDir::new().expect("a temporary folder");
    let answer = folder.path().join("answer");
    let mut command = Command::new(env::current_exe().expect("is known"));
    command.args(["--exact", "elsewhere::another_process_answers", "--nocapture"]);
    command.env(ASKED[0], sql).env(ASKED[1], file).env(ASKED[2], &answer);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{sql}: {ended:?}");
    serde_json::from_slice(&fs::read(answer).expect("was written")).expect("are rows")
}

#[test]
fn another_process_answers() {
    if let [Some(sql), Some(file), Some(answer)] = ASKED.map(env::var_os) {
        let rows = sqlite(file.as_ref(), sql.to_str().expect("is text"));
        fs::write(answer, serde_json::to_vec(&rows).expect("are texts")).expect("is written");
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("some.db");
    sqlite(&file, "CREATE TABLE notes (note TEXT)");
    sqlite(&file, "INSERT INTO notes VALUES ('a \"note\"'), ('another')");
    assert_eq!(ask(&file, "SELECT note, LENGTH(note) FROM notes"), [["a \"note\"", "8"], ["another", "7"]]);
}
