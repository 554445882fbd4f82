//! Scripts run where they are asked for: for simulations, in which nothing goes on beside.

use std::{cell::RefCell, collections::HashMap};

use uuid::Uuid;

use super::{
    script::{Claims, Evaluation, Sources},
    worker::Worker,
};
use crate::{error::Result, metrics::Metrics};

thread_local! {
    /// By what they have compiled: what one simulation made serves those after it.
    static WORKERS: RefCell<HashMap<String, Worker>> = RefCell::default();
}

/// Workers that are kept.
const MOST: usize = 32;

/// See [`super::Engine::evaluate`].
pub(super) fn evaluate(sources: &Sources, user_scripts: &[Uuid], claims: Claims) -> Result<Evaluation> {
    let Sources { version: _, criteria, user_scripts: scripts, policies } = sources;
    let texts = format!("{criteria:?} {scripts:?} {policies:?}");
    // A version is one of this simulation, in another it may be of other scripts.
    let sources =
        Sources { version: 1, criteria: criteria.clone(), user_scripts: scripts.clone(), policies: policies.clone() };
    WORKERS.with_borrow_mut(|workers| {
        if workers.len() >= MOST && !workers.contains_key(&texts) {
            workers.clear();
        }
        let worker = workers.entry(texts).or_insert_with(|| Worker::new(Metrics::default()));
        worker.evaluate(&sources, user_scripts, claims)
    })
}
