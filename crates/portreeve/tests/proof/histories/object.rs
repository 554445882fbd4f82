//! An object that several clients work on, and the history of what they did.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU16, AtomicU64, Ordering},
};

use reqwest::Method;
use serde_json::Value;

use super::{
    super::{
        fleet::Fleet,
        support::{Answer, Client},
    },
    linear::{Model, Operation, check, show},
};

/// The moments of all histories.
static MOMENT: AtomicU64 = AtomicU64::new(1);

/// What happened to one object.
pub struct History<M: Model> {
    operations: Mutex<Vec<Operation<M::Op>>>,
    number: AtomicU16,
}

/// What is asked of a node.
pub struct Ask<'a> {
    pub method: Method,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    /// The entity tag that the object is to have.
    pub expect: Option<u64>,
}

impl<'a> Ask<'a> {
    pub fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, body: None, expect: None }
    }
}

/// What became of a request.
pub enum Told {
    Answer(Answer),
    /// It may have been done, or may be done yet.
    Unknown,
    /// Nobody was there to be asked.
    NotSent,
}

/// Asks one of the nodes.
pub fn ask(fleet: &Fleet<'_>, node: usize, client: &Client, ask: &Ask<'_>) -> Told {
    let answer = client.at(fleet.url(node)).try_request(ask.method.clone(), ask.path, |mut request| {
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        if let Some(tag) = ask.expect {
            request = request.header("if-match", format!("\"{tag:x}\""));
        }
        request
    });
    match answer {
        Ok(answer) if answer.status == 503 => Told::Unknown,
        Ok(answer) => Told::Answer(answer),
        Err(error) if error.is_connect() => Told::NotSent,
        Err(_) => Told::Unknown,
    }
}

/// The number that an entity tag is made of.
pub fn tag(answer: &Answer) -> u64 {
    let text = answer.header("etag").map(|tag| tag.trim_matches('"')).expect("has a tag");
    u64::from_str_radix(text, 16).expect("is a number")
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<M: Model> History<M> {
    pub fn new() -> Self {
        Self { operations: Mutex::default(), number: AtomicU16::new(0) }
    }

    /// Another number each time.
    pub fn number(&self) -> u16 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Does something, and notes what operations it came to: those that were answered, and those that may yet be done. Says
    /// whether there were any.
    pub fn note(&self, act: impl FnOnce() -> (Vec<M::Op>, Vec<M::Op>)) -> bool {
        let began = MOMENT.fetch_add(1, Ordering::SeqCst);
        let (answered, unanswered) = act();
        let ended = MOMENT.fetch_add(1, Ordering::SeqCst);
        let operation = |op, ended| Operation { began, ended, op };
        let any = !answered.is_empty() || !unanswered.is_empty();
        let mut operations = locked(&self.operations);
        operations.extend(answered.into_iter().map(|op| operation(op, Some(ended))));
        operations.extend(unanswered.into_iter().map(|op| operation(op, None)));
        any
    }

    /// That all of it can have been done one after the other. Gives how many operations that were, and how many of them had no
    /// answer.
    pub fn judge(&self, first: M::State) -> (usize, usize) {
        let operations = locked(&self.operations);
        if let Some(wrong) = check::<M>(first, &operations) {
            panic!("{}", show::<M>(&operations, &wrong));
        }
        (operations.len(), operations.iter().filter(|operation| operation.ended.is_none()).count())
    }
}
