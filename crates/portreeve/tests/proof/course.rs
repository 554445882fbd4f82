//! How far a suite goes, by what chance, and what it tells.

/// The short form is for every change, the full one for `docs/reliability.md`.
pub fn size(short: usize, full: usize) -> usize {
    match std::env::var("PROVE").as_deref() {
        Ok("full") => full,
        Ok("short") | Err(_) => short,
        Ok(other) => panic!("PROVE is full or short, not {other}"),
    }
}

/// The chance of a suite, which is the same again with the same `PROVE_SEED`.
pub fn seeded(suite: &str) -> fastrand::Rng {
    let seed = std::env::var("PROVE_SEED").map_or(1, |seed| seed.parse().expect("PROVE_SEED is a number"));
    figure(suite, &format!("PROVE_SEED={seed}"));
    fastrand::Rng::with_seed(seed)
}

/// A line of what was seen.
pub fn figure(suite: &str, text: &str) {
    println!("{suite}: {text}");
}
