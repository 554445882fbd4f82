//! Ten times as many logins as can be hashed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    super::course::{figure, size},
    Demand, Gate, QUEUE, fill, process, whole,
};

/// Connections of the flood: more than may wait for their turn.
const LANES: u64 = 6_000;
/// Token checks a second meanwhile.
const CHECKS: u64 = 100;
/// Between two looks at the server's memory.
const PAUSE: Duration = Duration::from_millis(500);
/// What the server's memory may grow by in the second half, in parts of what it was: the allocator's holes, and in the short form what
/// is still being filled when it is over.
const GROWTH: [f64; 2] = [1.5, 1.1];

#[test]
fn ten_times_as_many_logins_as_can_be_hashed() {
    let gate = Gate::open(size(100, 5_000));
    let seconds = Duration::from_secs(size(4, 10) as u64);
    let work = process::Work::of(&gate.server);
    let capacity = gate.capacity(seconds);
    let worked = work.so_far();
    let time = Duration::from_secs(size(10, 600) as u64);
    let demand = Demand { in_flight: LANES, rate: Some(whole(10.0 * capacity).max(fill(time))), time };
    let checking = Demand { in_flight: 20, rate: Some(CHECKS), time };
    let over = AtomicBool::new(false);
    let work = process::Work::of(&gate.server);
    let (memory, (flood, checks)) = std::thread::scope(|scope| {
        let memory = scope.spawn(|| {
            let mut seen = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.push(process::memory(&gate.server));
                std::thread::sleep(PAUSE);
            }
            seen
        });
        let (logins, checks) = (gate.logins(), gate.checks());
        let both =
            gate.runtime.block_on(async { tokio::join!(gate.load(demand, &logins), gate.load(checking, &checks)) });
        over.store(true, Ordering::Relaxed);
        (memory.join().expect("was looked at"), both)
    });
    let worked = [worked, work.so_far()];
    let half = memory.len() / 2;
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let (before, after) = (most(&memory[..half]), most(&memory[half..]));
    let refused_within = flood.refused_percentile(99).expect("some were refused");
    figure(
        "overload",
        &format!(
            "{} logins a second due for {} s, where {capacity:.0} can be hashed: {:.0} a second served, {:.2} of that, while {:.2} \
             processors worked for the server in place of {:.2}; {} refused, p50 {:.1} ms, p99 {refused_within:.1} ms; {} without an answer; token checks p50 {:.2} ms, p99 {:.2} ms; \
             memory {before:.0} MiB at most in the first half, {after:.0} in the second",
            demand.rate.unwrap_or(0),
            time.as_secs(),
            flood.per_second,
            flood.per_second / capacity,
            worked[1],
            worked[0],
            flood.refused,
            flood.refused_percentile(50).unwrap_or(0.0),
            flood.unanswered,
            checks.percentile(50),
            checks.percentile(99),
        ),
    );
    // But for those that were still waiting for their turn when the flood was long over.
    assert!(flood.unanswered <= QUEUE, "{} had no answer", flood.unanswered);
    assert_eq!((checks.unanswered, checks.refused), (0, 0), "token checks are answered");
    assert!(flood.per_second > capacity / 2.0, "who is refused costs those who could be served");
    // Quicker than one who is served: they are not kept waiting first.
    assert!(refused_within < flood.percentile(50), "{refused_within} ms for a refusal");
    assert!(after < before * GROWTH[size(0, 1)], "{before} MiB, then {after}");
    gate.settle();
    let answer = gate.admin.try_login("local", "account-0", super::PASSWORD);
    assert_eq!(answer.status, 200, "{answer:?}");
}
