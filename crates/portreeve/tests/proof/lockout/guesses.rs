//! Guesses and right passwords at the same accounts, on one, two and four nodes, while nodes and PostgreSQL are killed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    super::{
        clocks::{Clock, Settable},
        course::{figure, seeded, size},
        postgres::Postgres,
        support::{Place, Stop, place::tested_database, wait_for},
    },
    HOURS, now,
    town::Town,
};

/// Logins that are answered before anything is killed, and between two kills, at least.
const CALM: usize = 60;

/// The nodes of each fleet. Where they share a PostgreSQL, all clocks but one are wrong.
fn clocks(count: usize, shared: bool) -> Vec<Clock> {
    let clock = |node: usize| match node % 4 {
        _ if !shared => Clock::Right,
        0 => Clock::Off(HOURS),
        1 => Clock::Off(-HOURS),
        2 => Clock::Right,
        _ => Clock::Set(Settable::new(HOURS)),
    };
    (0..count).map(clock).collect()
}

/// Kills something, starts it again, and sets a clock.
fn strike(towns: &[Town<'_>], database: Option<&mut Postgres>, chance: &mut fastrand::Rng) {
    let town = &towns[chance.usize(..towns.len())];
    let node = chance.usize(..town.fleet.len());
    match database {
        Some(database) if chance.u8(..4) == 0 => {
            database.kill();
            std::thread::sleep(Duration::from_millis(chance.u64(..300)));
            database.restart();
        }
        _ => {
            town.fleet.kill(node);
            std::thread::sleep(Duration::from_millis(chance.u64(..300)));
            town.fleet.revive(node);
        }
    }
    for node in 0..town.fleet.len() {
        if let Clock::Set(clock) = town.fleet.clock(node) {
            clock.set(if chance.bool() { HOURS } else { -HOURS });
        }
    }
}

fn wait_for_more(towns: &[Town<'_>]) {
    for town in towns {
        let before = town.answered();
        wait_for("more logins", || (town.answered() >= before + CALM).then_some(()));
    }
}

#[test]
fn no_guess_is_compared_too_many_and_no_right_password_refused() {
    let mut chance = seeded("lockout");
    let mut database = tested_database().map(|_| Postgres::start());
    let places: Vec<Place> = match &database {
        Some(database) => (0..3).map(|_| Place::on(&database.url())).collect(),
        None => vec![Place::folder()],
    };
    let thresholds = [5, 3, 1];
    let town = |(place, number): (_, usize)| {
        let place: &Place = place;
        Town::new(place, clocks(1 << number, place.is_shared()), thresholds[number])
    };
    let towns: Vec<Town<'_>> = places.iter().zip(0..).map(town).collect();
    let stop = AtomicBool::new(false);
    let kills = size(6, 300);
    let calm_until = std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        for town in &towns {
            let (stop, mut chance) = (&stop, chance.fork());
            scope.spawn(move || town.live(&mut chance, stop));
        }
        wait_for_more(&towns);
        let calm_until = now();
        for _ in 0..kills {
            strike(&towns, database.as_mut(), &mut chance);
            std::thread::sleep(Duration::from_millis(chance.u64(..300)));
        }
        wait_for_more(&towns);
        calm_until
    });
    for town in &towns {
        town.fleet.wait_until_ready();
        let (found, compared) = town.judge(calm_until);
        town.comes_to_rest();
        assert!(compared as u64 <= found.slots, "{compared} passwords were compared in {} slots", found.slots);
        assert!(found.locks > 0 && found.slots > 0, "nothing happened: {found:?}");
        figure(
            "lockout",
            &format!(
                "{} nodes, {} logins: {} let in to be compared, {compared} hashed, {} locks, {} dead, each of them counted",
                town.fleet.len(),
                town.answered(),
                found.slots,
                found.locks,
                found.dead,
            ),
        );
    }
    assert!(stop.load(Ordering::Relaxed));
    figure("lockout", &format!("{kills} kills"));
}
