//! What is compared with what is stored, seen where it is compared. Nothing is noted but on a thread that watches.

use std::{cell::RefCell, collections::HashMap};

use tokio::task::Id;

/// A comparison, and the task that made it.
pub(crate) struct Compared {
    pub(crate) task: Option<Id>,
    pub(crate) with: With,
}

/// What a password was compared with.
pub(crate) enum With {
    /// A stored hash.
    Hash { offered: Vec<u8>, stored: String },
    /// What a node remembers, and whether it was that.
    Remembered(bool),
}

#[derive(Default)]
struct Seen {
    compared: Vec<Compared>,
    /// The passwords of hashes.
    passwords: HashMap<String, Vec<u8>>,
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

fn note(with: With) {
    let task = tokio::task::try_id();
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.compared.push(Compared { task, with })));
}

/// A hash is about to be compared.
pub(crate) fn compared_with_hash(offered: &[u8], stored: &str) {
    note(With::Hash { offered: offered.to_owned(), stored: stored.to_owned() });
}

/// What is remembered is being compared.
pub(crate) fn compared_with_remembered(agrees: bool) {
    note(With::Remembered(agrees));
}

/// A password was hashed, to be stored.
pub(crate) fn hashed(password: &[u8], stored: &str) {
    SEEN.with_borrow_mut(|seen| {
        seen.as_mut().map(|seen| seen.passwords.insert(stored.to_owned(), password.to_owned()))
    });
}

/// Watches from now on. What was hashed before stays known.
pub(crate) fn begin() {
    SEEN.with_borrow_mut(|seen| seen.get_or_insert_default().compared.clear());
}

/// What was compared since somebody asked last.
pub(crate) fn take() -> Vec<Compared> {
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| std::mem::take(&mut seen.compared)).unwrap_or_default())
}

/// All passwords that were hashed, for another thread to know.
pub(crate) fn passwords() -> HashMap<String, Vec<u8>> {
    SEEN.with_borrow(|seen| seen.as_ref().map(|seen| seen.passwords.clone()).unwrap_or_default())
}

/// Takes over what another thread has seen.
pub(crate) fn know(passwords: HashMap<String, Vec<u8>>) {
    SEEN.with_borrow_mut(|seen| seen.get_or_insert_default().passwords.extend(passwords));
}

/// Of which password a hash is.
pub(crate) fn password_of(stored: &str) -> Option<Vec<u8>> {
    SEEN.with_borrow(|seen| seen.as_ref().and_then(|seen| seen.passwords.get(stored).cloned()))
}
