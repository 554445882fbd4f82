//! One who floods delays themselves.

use std::time::Duration;

use super::{
    super::course::{figure, size},
    Demand, Gate, PASSWORD, account, fill, source, turns, whole,
};
use crate::load::Requests;

/// Logins a second of everybody else, in parts of what can be hashed.
const MODEST: f64 = 0.25;
/// Connections of the flood.
const LANES: u64 = 5_000;

/// Floods in one way while others log in, each account from its own address. Gives what the others saw.
fn others_during(gate: &Gate, what: &str, capacity: f64, flood: &Requests) {
    let time = Duration::from_secs(size(6, 60) as u64);
    let demand = Demand { in_flight: LANES, rate: Some(whole(5.0 * capacity).max(fill(time))), time };
    let modest = Demand { in_flight: 200, rate: Some(whole(MODEST * capacity).max(1)), time };
    let logins = gate.logins();
    let (flood, others) =
        gate.runtime.block_on(async { tokio::join!(gate.load(demand, flood), gate.load(modest, &logins)) });
    gate.settle();
    figure(
        "fair",
        &format!(
            "{what}: {} a second due, {} refused; of {} others {} were let in, p50 {:.1} ms, p99 {:.1} ms",
            demand.rate.unwrap_or(0),
            flood.refused,
            others.answers + others.refused + others.unanswered,
            others.answers,
            others.percentile(50),
            others.percentile(99),
        ),
    );
    assert!(flood.refused > 0, "{what} was no flood");
    assert_eq!((others.refused, others.unanswered), (0, 0), "{what} kept others out");
}

#[test]
fn a_flood_from_one_address_or_on_one_account_keeps_nobody_else_out() {
    let gate = Gate::open(size(50, 500));
    gate.admin.create_user("victim", PASSWORD);
    let capacity = gate.capacity(Duration::from_secs(size(3, 10) as u64));
    // With the right password, as wrong ones would lock them.
    let sprayed: Vec<_> =
        (0..gate.accounts).map(|number| gate.log_in(&account(number), PASSWORD, "192.0.2.1")).collect();
    others_during(&gate, "one address that tries everybody's name", capacity, &turns(sprayed));
    let right = gate.log_in("victim", PASSWORD, "192.0.2.2");
    others_during(&gate, "one account, one address", capacity, &turns(vec![right]));
    let one_account: Vec<_> =
        (0..10_000).map(|number| gate.log_in("victim", PASSWORD, &source(1_000_000 + number))).collect();
    others_during(&gate, "one account, ten thousand addresses", capacity, &turns(one_account));
}
