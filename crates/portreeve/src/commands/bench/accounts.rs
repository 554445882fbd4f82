//! The accounts that are measured with: made from their number, so that names, ids and what can be found are known without asking.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::terminal::Progress;

/// The password of all of them.
pub const PASSWORD: &str = "bench-the-gate-42";
/// Its hash, with the parameters of every new one.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$56sDODEMGD4e6r67spY+hg$Fq8ROkOjtMVe4A+eKbm6kOJt6M/FXjgBDa1N7sIggvA";
/// One account in so many carries the tag.
pub const ONE_IN: u64 = 100;
pub const TAG: &str = "seen";
/// A word in every account, in a handful, and in none.
pub const COMMON: &str = "marker.example";
pub const RARE: &str = "herons";
pub const ABSENT: &str = "zeppelin";
const HANDFUL: u64 = 5;

const FIRST: [&str; 16] = [
    "Ada", "Ben", "Chloe", "David", "Emil", "Fatima", "Grace", "Hiro", "Ines", "Jonas", "Katya", "Lena", "Mateo",
    "Nora", "Omar", "Priya",
];
const LAST: [&str; 19] = [
    "Abbot", "Baker", "Chandra", "Dubois", "Evans", "Fischer", "Garcia", "Hoffmann", "Ivanova", "Jensen", "Kowalski",
    "Lovelace", "Moreau", "Nakamura", "Okafor", "Petrov", "Quinn", "Rossi", "Schmidt",
];

fn of<'a>(words: &[&'a str], number: u64) -> &'a str {
    words[usize::try_from(number % words.len() as u64).unwrap_or_default()]
}

/// The number that comes instead of this one: as if by chance, and always the same (the finalizer of SplitMix64).
pub fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The name of an account. The order of names is not that in which accounts are made.
pub fn name(number: u64) -> String {
    format!("{}.{}.{number}", of(&FIRST, number), of(&LAST, number)).to_lowercase()
}

/// The id of an account.
pub fn id(number: u64) -> String {
    format!("01900000-0000-7000-8000-{number:012x}")
}

/// What is written down of an account, of so many.
fn notes(number: u64, accounts: u64) -> &'static str {
    let step = (accounts / HANDFUL).max(1);
    if number % step == step / 2 { "keeps herons in the garden" } else { "works in the office at the harbour" }
}

/// An account as a client sends it.
pub fn body(number: u64, notes: &str) -> Value {
    let name = name(number);
    json!({
        "name": name, "notes": notes, "tags": [if number.is_multiple_of(ONE_IN) { TAG } else { "unseen" }],
        "firstName": of(&FIRST, number), "lastName": of(&LAST, number),
        "email": format!("{name}@{COMMON}"), "phone": format!("+44 20 {:07}", number % 10_000_000),
    })
}

/// An account as it is answered.
pub fn answer(number: u64, accounts: u64) -> Value {
    let mut object = body(number, notes(number, accounts));
    let time = "2026-11-21T16:35:14.988161Z";
    object["id"] = json!(id(number));
    (object["created"], object["updated"]) = (json!(time), json!(time));
    (object["disabled"], object["failedLoginAttempts"]) = (json!(false), json!(0));
    object["lockStart"] = Value::Null;
    object
}

/// Writes rows for `portreeve import`, as NDJSON.
pub fn write(file: &Path, accounts: u64) -> anyhow::Result<()> {
    let shown = || format!("writing {accounts} rows to {}", file.display());
    let mut out = BufWriter::new(File::create(file).with_context(shown)?);
    let mut progress = Progress::new(Some(accounts));
    for number in 0..accounts {
        let mut row = body(number, notes(number, accounts));
        (row["id"], row["passwordHash"]) = (json!(id(number)), json!(HASH));
        writeln!(out, "{row}").with_context(shown)?;
        if number % 1_000 == 0 {
            progress.set(number, number);
        }
    }
    progress.end(accounts);
    out.flush().with_context(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_in_all_in_a_handful_or_in_none() {
        for accounts in [1, 50, 200, 10_007] {
            let rows: Vec<String> = (0..accounts).map(|number| answer(number, accounts).to_string()).collect();
            let with = |word: &str| rows.iter().filter(|row| row.contains(word)).count();
            assert_eq!(with(COMMON) as u64, accounts);
            assert!((1..=6).contains(&with(RARE)), "{} of {accounts}", with(RARE));
            assert_eq!(with(ABSENT), 0);
            let mut names: Vec<String> = (0..accounts).map(name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len() as u64, accounts);
        }
    }
}
