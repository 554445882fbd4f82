//! That turns are given in order, to whom they are due, and to no more than there may be.

use super::*;

fn flow(source: u8, account: &str) -> Flow {
    Flow::new(Some(IpAddr::from([127, 0, 0, source])), account.into())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn nobody_is_given_a_turn_after_the_deadline() {
    let governor = Governor::start(1, Metrics::default()).expect("starts");
    let late = governor.admit(&flow(1, "late"), 1, None, Instant::now()).await;
    assert!(matches!(late, Err(Error::Overloaded { .. })), "it has a turn");
}

async fn order_of_arrival(waiters: Vec<(Flow, usize)>) -> Vec<String> {
    let governor = Governor::start(1, Metrics::default()).expect("starts");
    let held: Vec<Permit> = futures_util::future::join_all((0..SLOTS_PER_WORKER).map(|number| {
        let governor = governor.clone();
        async move { governor.admit(&flow(9, &format!("holder{number}")), 99, None, soon()).await.expect("is free") }
    }))
    .await;
    let (note, mut noted) = tokio::sync::mpsc::unbounded_channel();
    for (flow, lanes) in waiters {
        let (governor, note) = (governor.clone(), note.clone());
        tokio::spawn(async move {
            let permit = governor.admit(&flow, lanes, None, soon()).await.expect("gets its turn");
            note.send(flow.account.clone()).expect("is heard");
            drop(permit);
        });
        tokio::task::yield_now().await;
    }
    drop((held, note));
    let mut order = Vec::new();
    while let Some(account) = noted.recv().await {
        order.push(account);
    }
    order
}

#[tokio::test]
async fn a_flood_delays_neither_other_sources_nor_other_accounts() {
    let mut waiters: Vec<_> = (0..50).map(|_| (flow(1, "victim"), 99)).collect();
    waiters.push((flow(2, "stranger"), 99));
    let order = order_of_arrival(waiters).await;
    assert_eq!(order.len(), 51);
    let place = order.iter().position(|account| account == "stranger").expect("got in");
    assert!(place <= 2, "the stranger came {place}th behind a flood");
}

#[tokio::test]
async fn a_flood_that_names_others_does_not_delay_them() {
    let mut waiters: Vec<_> = (0..50).map(|number| (flow(1, &format!("name{number}")), 99)).collect();
    waiters.push((flow(2, "name49"), 99));
    let order = order_of_arrival(waiters).await;
    let place = order.iter().position(|account| account == "name49").expect("got in");
    assert!(place <= 3, "it came {place}th of {}", order.len());
}

fn arrive(state: &mut State, flow: Flow) -> Ticket {
    let (ticket, tags) = state.draw_ticket(&flow);
    let (turn, _) = oneshot::channel();
    state.waiting.insert(ticket, Waiter { flow, lanes: 1, turn, tags });
    ticket
}

#[test]
fn who_would_be_sent_away_is_told_before() {
    let governor = Governor::of(0, Workers::Threads(crossbeam_channel::unbounded().0), Metrics::default());
    let mut chance = fastrand::Rng::with_seed(1);
    let mut told = [0; 2];
    for number in 0..3 * QUEUE_LIMIT {
        let account = if chance.bool() { chance.usize(..40) } else { number };
        let flow = flow(chance.u8(..), &format!("account {account}"));
        let has_room = governor.check_room(&flow).is_ok();
        let mut state = governor.lock();
        let ticket = arrive(&mut state, flow);
        let is_full = state.waiting.len() > QUEUE_LIMIT;
        let is_sent_away = is_full && state.waiting.last_key_value().is_some_and(|(last, _)| *last == ticket);
        assert_eq!(has_room, !is_sent_away, "the {number}th");
        if is_full {
            state.send_away();
            told[usize::from(has_room)] += 1;
        }
        // Now and then somebody has their turn.
        if chance.u8(..8) == 0
            && let Some(((place, _), _)) = state.waiting.pop_first()
        {
            state.virtual_time = place;
        }
    }
    assert!(told[0] > 100 && told[1] > 100, "{told:?}");
}

#[test]
fn who_was_sent_away_leaves_nothing_behind() {
    let mut state = State::default();
    for _ in 0..3 {
        arrive(&mut state, flow(1, "victim"));
    }
    let before = state.source_tags.clone();
    for number in 0..100 {
        arrive(&mut state, flow(1, &format!("name{number}")));
        let away = state.send_away().expect("somebody is there");
        assert_eq!(away.flow.account, format!("name{number}"));
    }
    assert_eq!((state.source_tags, state.account_tags.len()), (before, 1));
}

#[tokio::test]
async fn the_last_in_line_gives_way_when_the_queue_is_full() {
    let governor = Governor::start(1, Metrics::default()).expect("starts");
    let mut held = Vec::new();
    for number in 0..SLOTS_PER_WORKER {
        held.push(governor.admit(&flow(9, &format!("holder{number}")), 99, None, soon()).await.expect("is free"));
    }
    let flood: Vec<_> = (0..=QUEUE_LIMIT)
        .map(|_| {
            let governor = governor.clone();
            tokio::spawn(async move { governor.admit(&flow(1, "victim"), 99, None, soon()).await.map(drop) })
        })
        .collect();
    while governor.lock().waiting.len() < QUEUE_LIMIT {
        tokio::task::yield_now().await;
    }
    let stranger = {
        let governor = governor.clone();
        tokio::spawn(async move { governor.admit(&flow(2, "stranger"), 99, None, soon()).await.map(drop) })
    };
    tokio::task::yield_now().await;
    held.clear();
    assert!(stranger.await.expect("ran").is_ok());
    let mut refused = 0;
    for one in flood {
        refused += usize::from(one.await.expect("ran").is_err());
    }
    assert!((1..=3).contains(&refused), "{refused} of the flood were sent away");
}

#[tokio::test]
async fn one_who_hangs_up_leaves_no_slot_taken() {
    let governor = Governor::start(1, Metrics::default()).expect("starts");
    for _ in 0..3 * SLOTS_PER_WORKER {
        let flow = flow(1, "a");
        let turn = governor.admit(&flow, 99, None, soon());
        tokio::select! { biased; permit = turn => drop(permit), () = std::future::ready(()) => {} }
    }
    assert_eq!(governor.lock().free_slots, SLOTS_PER_WORKER);
    assert!(governor.lock().running.is_empty());
}
