//! Damaged files: of the database, of PostgreSQL, of keys and of the configuration. A byte is changed somewhere, and then everything is
//! asked: what is answered is what the sound directory answers, or an error; and the damage is found, and named.

mod embedded;
mod files;
mod shared;
mod world;

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use super::support::{Ended, Place, program, run};

/// A byte that is to be another one.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: u64,
    /// What is added to it, bit by bit.
    by: u8,
}

impl Change {
    /// One bit, or any of them.
    fn new(chance: &mut fastrand::Rng, at: u64) -> Self {
        Self { at, by: if chance.bool() { 1 << chance.u8(..8) } else { chance.u8(1..) } }
    }

    fn make(self, file: &Path) {
        let open = File::options().read(true).write(true).open(file).expect("opens");
        let mut byte = [0];
        open.read_exact_at(&mut byte, self.at).expect("is there");
        open.write_all_at(&[byte[0] ^ self.by], self.at).expect("is written");
    }
}

fn check(place: &Place) -> Ended {
    run(program().arg("check").args(place.arguments()))
}

/// Whether what was said names the damage.
fn is_named(said: &str) -> bool {
    ["is not as it was written", "is damaged", "invalid page in block"].iter().any(|words| said.contains(words))
}
