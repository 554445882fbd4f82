//! What this node remembers of passwords that it has lately found right, so that a machine that logs in before all it does
//! need not be hashed each time. In memory alone, for a short while, and only a digest under a key that never leaves it.
//!
//! Remembering opens nothing by itself: [`Recognition::holds`] is asked where a comparison has been given its slot, as the
//! hash would be computed there, so that what can be learned from it is counted like any other comparison.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    kind::AccountKind,
    passwords::Password,
    random::Random,
    store::accounts::Credential,
    time::{Clock, Timestamp},
};

/// Accounts that are remembered at most, in about 200 bytes each; past that the one that was verified longest ago goes.
const MOST: usize = 65_536;
/// Attempts that may be on their way to the store without a turn of the governor, which they need only if they are not
/// recognized. Those that find no room take one.
const LANE: usize = 256;
/// A block of SHA-256, to which HMAC fills up a key (RFC 2104).
const BLOCK: usize = 64;

type Digest = [u8; 32];

/// What is remembered.
pub(crate) struct Remembered {
    key: Zeroizing<[u8; BLOCK]>,
    life: Duration,
    clock: Clock,
    kept: Mutex<Kept>,
    lane: Semaphore,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Uuid, Entry>,
    /// The accounts by the kinds and folded names that they were remembered with.
    names: HashMap<(AccountKind, String), Uuid>,
    /// In the order in which they were made, which is that in which they end.
    order: BTreeMap<u64, Uuid>,
    made: u64,
}

struct Entry {
    name: (AccountKind, String),
    credential: Digest,
    password: Digest,
    until: Timestamp,
    place: u64,
}

/// What may be compared in place of the hash, once it may be compared at all.
pub(super) struct Recognition {
    offered: Digest,
    kept: Digest,
}

impl Recognition {
    /// Whether the password that is offered is the one that was right. Compares in constant time. If not, it is wrong: what
    /// was remembered was remembered of the very hash that is stored.
    pub(super) fn holds(&self) -> bool {
        #[cfg(test)]
        crate::simulation::watch::compared_with_remembered(self.offered == self.kept);
        self.offered.ct_eq(&self.kept).into()
    }
}

impl Remembered {
    /// Remembers each for `life` after its verification; nothing if that is zero.
    pub(crate) fn new(life: Duration, clock: Clock, random: &Random) -> Self {
        let mut key = Zeroizing::new([0; BLOCK]);
        key[..32].copy_from_slice(&*Zeroizing::new(random.token()));
        Self { key, life, clock, kept: Mutex::default(), lane: Semaphore::new(LANE) }
    }

    pub(crate) fn is_on(&self) -> bool {
        !self.life.is_zero()
    }

    /// What time it is, for [`Self::remember`].
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Room for an attempt without a turn, if there is any.
    pub(super) fn room(&self) -> Option<SemaphorePermit<'_>> {
        self.lane.try_acquire().ok()
    }

    /// Whether a password may be remembered of an account with this folded name. One that has been renamed since is not found.
    pub(super) fn may_know(&self, kind: AccountKind, name_key: &str) -> bool {
        self.is_on() && self.kept().names.contains_key(&(kind, name_key.to_owned()))
    }

    /// What there is to compare with, if the account has lately logged in with the hash that is stored now. The digest is
    /// computed whether anything is remembered or not, and of no account too, so that the time does not tell.
    pub(super) fn recognition(&self, account: Option<&Credential>, password: &Password) -> Option<Recognition> {
        if !self.is_on() {
            return None;
        }
        let (id, version, hash) = account
            .map_or((Uuid::nil(), 0, ""), |account| (account.id, account.credential_version, &*account.password_hash));
        let credential = self.credential(&id, version, hash);
        let offered = self.password(&credential, password);
        let now = self.clock.now();
        let mut kept = self.kept();
        kept.drop_old(now);
        let entry = kept.entries.get(&id).filter(|entry| entry.credential == credential && entry.until > now)?;
        Some(Recognition { offered, kept: entry.password })
    }

    /// Remembers a password that was right at `verified`, for the hash that is stored with it from now on.
    pub(super) fn remember(&self, account: &Credential, hash: &str, password: &Password, verified: Timestamp) {
        let until = verified.plus(self.life);
        let now = self.clock.now();
        if !self.is_on() || until <= now {
            return;
        }
        let credential = self.credential(&account.id, account.credential_version, hash);
        let password = self.password(&credential, password);
        let mut kept = self.kept();
        kept.drop_old(now);
        kept.forget(&account.id);
        if kept.entries.len() >= MOST
            && let Some((_, &oldest)) = kept.order.first_key_value()
        {
            kept.forget(&oldest);
        }
        kept.made += 1;
        let place = kept.made;
        let name = (account.kind, account.name_key.clone());
        kept.order.insert(place, account.id);
        kept.names.insert(name.clone(), account.id);
        kept.entries.insert(account.id, Entry { name, credential, password, until, place });
    }

    /// Forgets an account: whatever else than an open door came of what was remembered, it is not tried twice.
    pub(super) fn forget(&self, account: &Uuid) {
        self.kept().forget(account);
    }

    /// Removes what has run out, when nobody logs in who would.
    pub(crate) fn tidy(&self) {
        self.kept().drop_old(self.clock.now());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of an account's credential as it is stored: of another version, or another hash, it is another.
    fn credential(&self, id: &Uuid, version: i64, hash: &str) -> Digest {
        self.digest(&[b"credential", id.as_bytes(), &version.to_be_bytes(), hash.as_bytes()])
    }

    fn password(&self, credential: &Digest, password: &Password) -> Digest {
        self.digest(&[b"password", credential, &password.normalized()])
    }

    /// HMAC-SHA-256 of parts, each behind its length, so that no two lists of parts are one text.
    fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut mac = Hmac::<Sha256>::new(&(*self.key).into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl Kept {
    fn forget(&mut self, account: &Uuid) {
        let Some(entry) = self.entries.remove(account) else { return };
        self.order.remove(&entry.place);
        // Another may have the name by now.
        if self.names.get(&entry.name) == Some(account) {
            self.names.remove(&entry.name);
        }
    }

    /// Removes those whose time is up, which are the first but for moments.
    fn drop_old(&mut self, now: Timestamp) {
        while let Some((_, &id)) = self.order.first_key_value() {
            if self.entries.get(&id).is_some_and(|entry| entry.until > now) {
                return;
            }
            self.forget(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn remembered() -> Remembered {
        Remembered::new(MINUTE, Clock::from_fn(|| Timestamp::from_micros(0)), &Random::system())
    }

    fn account(number: u128) -> Credential {
        Credential {
            id: Uuid::from_u128(number),
            kind: AccountKind::Service,
            name: "loom".into(),
            name_key: "loom".into(),
            email: String::new(),
            password_hash: "a hash".into(),
            credential_version: 7,
            failed_attempts: 0,
            threshold: 5,
            lock_duration: MINUTE,
        }
    }

    fn password(text: &str) -> Password {
        Password::new(text.into())
    }

    fn remember(remembered: &Remembered, account: &Credential, text: &str) {
        remembered.remember(account, &account.password_hash, &password(text), remembered.now());
    }

    fn holds(remembered: &Remembered, account: &Credential, text: &str) -> Option<bool> {
        remembered.recognition(Some(account), &password(text)).map(|recognition| recognition.holds())
    }

    #[test]
    fn what_is_remembered_is_of_one_account_version_hash_and_password() {
        let (remembered, loom) = (remembered(), account(1));
        assert_eq!(holds(&remembered, &loom, "caf\u{e9} au lait"), None);
        remember(&remembered, &loom, "caf\u{e9} au lait");
        assert_eq!(holds(&remembered, &loom, "caf\u{e9} au lait"), Some(true));
        assert_eq!(holds(&remembered, &loom, "cafe\u{301} au lait"), Some(true), "in another normal form");
        for wrong in ["", "caf\u{e9} au lai", "caf\u{e9} au lait ", "cafe au lait"] {
            assert_eq!(holds(&remembered, &loom, wrong), Some(false), "{wrong:?}");
        }
        for other in [
            account(2),
            Credential { credential_version: 8, ..account(1) },
            Credential { password_hash: "a hash of another".into(), ..account(1) },
        ] {
            assert_eq!(holds(&remembered, &other, "caf\u{e9} au lait"), None, "{other:?}");
        }
        assert!(remembered.recognition(None, &password("caf\u{e9} au lait")).is_none());
        remembered.forget(&loom.id);
        assert_eq!(holds(&remembered, &loom, "caf\u{e9} au lait"), None);
    }

    #[test]
    fn who_may_be_known_is_told_by_the_name() {
        let (remembered, loom, mill) = (remembered(), account(1), account(2));
        let may_know = || remembered.may_know(AccountKind::Service, "loom");
        assert!(!may_know());
        remember(&remembered, &loom, "p");
        assert!(may_know() && !remembered.may_know(AccountKind::Local, "loom"));
        assert!(!remembered.may_know(AccountKind::Service, "mill"));
        // Another has the name by now: with the one that had it, it is not forgotten.
        remember(&remembered, &mill, "p");
        remembered.forget(&loom.id);
        assert!(may_know());
        remembered.forget(&mill.id);
        assert!(!may_know() && remembered.kept().names.is_empty());
    }

    #[test]
    fn every_node_has_a_key_of_its_own_and_parts_do_not_run_together() {
        let (one, other) = (remembered(), remembered());
        let of = |remembered: &Remembered, parts: &[&[u8]]| remembered.digest(parts);
        assert_eq!(of(&one, &[b"ab", b"c"]), of(&one, &[b"ab", b"c"]));
        assert_ne!(of(&one, &[b"ab", b"c"]), of(&one, &[b"a", b"bc"]));
        assert_ne!(of(&one, &[b"ab", b"c"]), of(&other, &[b"ab", b"c"]));
        assert_ne!(one.credential(&Uuid::from_u128(1), 7, "h"), one.credential(&Uuid::from_u128(2), 7, "h"));
    }

    #[test]
    fn there_is_a_most_that_is_remembered_and_the_oldest_go_first() {
        let remembered = remembered();
        let most = u128::try_from(MOST).expect("fits");
        for number in 1..=most {
            remember(&remembered, &account(number), "p");
        }
        // Remembered anew, the first is the youngest.
        remember(&remembered, &account(1), "p");
        remember(&remembered, &account(most + 1), "p");
        let known = |number| holds(&remembered, &account(number), "p").is_some();
        assert_eq!([1, 2, 3, most, most + 1].map(known), [true, false, true, true, true]);
        let kept = remembered.kept();
        assert_eq!((kept.entries.len(), kept.order.len()), (MOST, MOST));
        assert_eq!(kept.names.len(), 1, "as all had one name");
    }

    #[test]
    fn what_has_run_out_is_removed_whether_anybody_asks_or_not() {
        static NOW: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
        let later = |seconds: i64| NOW.store(seconds * 1_000_000, std::sync::atomic::Ordering::SeqCst);
        let clock = Clock::from_fn(|| Timestamp::from_micros(NOW.load(std::sync::atomic::Ordering::SeqCst)));
        let remembered = Remembered::new(MINUTE, clock, &Random::system());
        let before = remembered.now();
        later(30);
        // Of a verification that was a while ago, only the rest is left; of one that was too long ago, nothing.
        remembered.remember(&account(1), "a hash", &password("p"), before);
        remember(&remembered, &account(2), "p");
        later(59);
        assert_eq!([1, 2].map(|number| holds(&remembered, &account(number), "p")), [Some(true); 2]);
        later(60);
        assert_eq!([1, 2].map(|number| holds(&remembered, &account(number), "p")), [None, Some(true)]);
        remembered.remember(&account(3), "a hash", &password("p"), before);
        assert_eq!(remembered.kept().entries.len(), 1);
        later(90);
        remembered.tidy();
        let kept = remembered.kept();
        assert_eq!((kept.entries.len(), kept.order.len()), (0, 0));
    }
}
