//! Seeds for the properties of readers, and what tests make of them without a fuzzer. A part of each crate that has such properties.

/// Stands in seeds where a secret would: no error may quote it.
pub const SECRET: &str = "geheim4711";
/// How often a seed is changed in one case, at most.
#[cfg(test)]
const CHANGES: usize = 4;
/// What readers are known to stumble over, beside single bytes.
#[cfg(test)]
const WORDS: [&[u8]; 21] = [
    SECRET.as_bytes(),
    b"\\",
    b"\"",
    b"\0",
    b"\xff\xfe",
    b"\xc0\xaf",
    b"\\ud800",
    b"%00",
    b"%",
    b"\r\n",
    b"$",
    b"=",
    b",",
    b"}",
    b"[[[[[[[[[[",
    b"-1",
    b"4294967296",
    b"18446744073709551616",
    b"1e999",
    "\u{202e}\u{130}".as_bytes(),
    "\u{feff}".as_bytes(),
];

/// Tries a property on the seeds of a target, which are files in `fuzz/corpus`, and on so many bytes that are made from them.
/// `FUZZ_ROUNDS` and `FUZZ_SEED` say otherwise.
#[cfg(test)]
pub fn around(target: &str, rounds: usize, property: fn(&[u8])) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/");
    let files = std::fs::read_dir(format!("{folder}{target}")).expect("there are seeds").filter_map(Result::ok);
    let mut seeds: Vec<_> = files.map(|file| std::fs::read(file.path()).expect("can be read")).collect();
    // Whatever the order in which the folder gives them.
    seeds.sort();
    assert!(!seeds.is_empty(), "there are no seeds for {target}");
    let number = |name: &str, otherwise: usize| std::env::var(name).map_or(otherwise, |text| text.parse().expect(name));
    let mut chance = fastrand::Rng::with_seed(number("FUZZ_SEED", 1) as u64);
    let tried = |bytes: &[u8]| {
        let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| property(bytes)));
        assert!(held.is_ok(), "{target}: it does not hold for {}", bytes.escape_ascii());
    };
    seeds.iter().for_each(|seed| tried(seed));
    for _ in 0..number("FUZZ_ROUNDS", rounds) {
        let mut bytes = seeds[chance.usize(..seeds.len())].clone();
        for _ in 0..chance.usize(1..=CHANGES) {
            change(&mut bytes, &seeds, &mut chance);
        }
        tried(&bytes);
    }
}

#[cfg(test)]
fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut fastrand::Rng) {
    let at = chance.usize(..=bytes.len());
    let until = chance.usize(at..=bytes.len().min(at + 16));
    match chance.u8(..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << chance.u8(..8),
        1 => bytes.insert(at, chance.u8(..)),
        2 => drop(bytes.drain(at..until)),
        3 => {
            let part = bytes[at..until].to_vec();
            bytes.splice(at..at, part);
        }
        4 => {
            let other = &seeds[chance.usize(..seeds.len())];
            let part = other[chance.usize(..=other.len())..].to_vec();
            bytes.splice(at..until, part);
        }
        _ => drop(bytes.splice(at..until, WORDS[chance.usize(..WORDS.len())].iter().copied())),
    }
}
