//! The first half of an attempt: a turn, and a slot that is counted before anything is compared.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Entrance, Knock, LEASE, Verified, Way,
    good::{self, Good},
    refusal::Refusal,
    remembered::Recognition,
};
use crate::{
    Directory,
    entity::fold,
    error::Result,
    kind::AccountKind,
    login::governor::{Flow, Permit},
    store::{
        Tx,
        accounts::{self, Credential},
        attempts::{self, AsOf, Limits},
    },
    time::Timestamp,
};

/// Consecutive failures over any span that block a password until an administrator acts (NIST SP 800-63B-4, 3.2.2).
pub const BLOCK_AT: i64 = 100;
/// A login that did not get its turn by then is told to come back.
const DEADLINE: Duration = Duration::from_secs(25);
/// The pause before asking again for a slot that attempts elsewhere hold.
const SLOT_PAUSE: Duration = Duration::from_millis(8);

/// An attempt that has been let in, and what it is counted on.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) id: Uuid,
    pub(super) counted_on: CountedOn,
    /// Whether it was compared with what is remembered, and is another password than that. It has then to be counted,
    /// whatever becomes of it.
    pub(super) is_wrong: bool,
    /// When it asked for its slot: its lease began no sooner.
    pub(super) asked: Instant,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum CountedOn {
    Account,
    /// There is nothing to compare with: the same work is done on a stand-in.
    Decoy(Uuid, Refusal),
}

/// What came of asking to be let in as far as the hash.
pub(super) enum Begun<T> {
    Attempt(Permit, Attempt, Option<Credential>),
    /// A slot, and no turn to hash: that is still to be waited for until the deadline.
    Waiting(Attempt, Option<Credential>, Flow, Instant),
    /// The password was recognized, and all that a good login does is done. Nothing if the entrance refused.
    Over(Option<T>),
}

enum Taken<T> {
    Attempt(Attempt),
    /// See [`Begun::Over`].
    Over(Option<T>),
    /// All the slots are held by attempts under way, or the account has just been changed.
    NotNow,
}

async fn find(directory: &Directory, knock: &Knock, name_key: &str) -> Result<Option<Credential>> {
    let Some(kind) = knock.kind else { return Ok(None) };
    // No name has one, and PostgreSQL takes no text that does.
    if knock.username.contains('\0') {
        return Ok(None);
    }
    directory
        .store
        .read((kind, name_key.to_owned()), |(kind, name_key), tx| {
            Box::pin(async move { Ok(accounts::credential(tx, *kind, name_key).await?) })
        })
        .await
}

/// What it takes to let in whoever is recognized, in the transaction in which the slot is taken.
struct Shortcut<C, T> {
    recognition: Recognition,
    context: C,
    as_of: AsOf,
    verified: Verified,
    good: Good,
    entrance: Entrance<C, T>,
}

impl<C, T> Shortcut<C, T> {
    fn find<W>(
        directory: &Directory,
        knock: &Knock,
        credential: Option<&Credential>,
        wish: &W,
        way: &Way<W, C, T>,
    ) -> Option<Self> {
        let ready = way.ready?;
        let recognition = directory.remembered.recognition(credential, &knock.password)?;
        let account = credential?;
        let (context, as_of) = ready(directory, account, wish)?;
        let verified = Verified { account: account.clone(), origin: knock.origin.clone() };
        let good = Good { rehashed: None, act: knock.act, ids: directory.random.clone() };
        Some(Self { recognition, context, as_of, verified, good, entrance: way.entrance })
    }
}

/// Waits for a turn and takes a slot. Surplus attempts wait for those under way: they are not refused.
///
/// Whose account is remembered is let in without a turn if the password is recognized, as nothing is hashed then; if it is
/// not, the attempt waits for its turn with its slot taken, so that nothing is compared that is not counted.
pub(super) async fn take<W, C, T>(
    directory: &Directory,
    knock: &Knock,
    wish: &W,
    way: &Way<W, C, T>,
) -> Result<Begun<T>>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let deadline = Instant::now() + DEADLINE;
    let name_key = fold(&knock.username);
    let flow = Flow::new(knock.origin.source, format!("{}/{name_key}", knock.kind.map_or("", AccountKind::as_str)));
    // Who would be sent away anyway is not looked for in the database, but for those who may be let in without a turn.
    if let Err(full) = directory.governor.check_room(&flow)
        && !knock.kind.is_some_and(|kind| directory.remembered.may_know(kind, &name_key))
    {
        return Err(full);
    }
    let (mut ticket, mut may_hurry) = (None, true);
    loop {
        let credential = find(directory, knock, &name_key).await?;
        if std::mem::take(&mut may_hurry)
            && let Some(shortcut) = Shortcut::find(directory, knock, credential.as_ref(), wish, way)
            && let Some(room) = directory.remembered.room()
        {
            let taken = take_slot(directory, knock, credential.as_ref(), Some(shortcut), false).await?;
            drop(room);
            match taken {
                Taken::Over(entered) => return Ok(Begun::Over(entered)),
                Taken::Attempt(attempt) => return Ok(Begun::Waiting(attempt, credential, flow, deadline)),
                Taken::NotNow => continue,
            }
        }
        // One that others are ahead of asks by itself; else as many as there are slots.
        let slots = credential.as_ref().map_or(i64::MAX, |account| account.threshold - account.failed_attempts);
        let lanes = if ticket.is_some() { 1 } else { usize::try_from(slots).unwrap_or(1).max(1) };
        let permit = directory.governor.admit(&flow, lanes, ticket, deadline).await?;
        // Others of the same account may have been ahead: then it may be recognized by now.
        let shortcut = Shortcut::find(directory, knock, credential.as_ref(), wish, way);
        match take_slot(directory, knock, credential.as_ref(), shortcut, true).await? {
            Taken::Over(entered) => return Ok(Begun::Over(entered)),
            Taken::Attempt(attempt) => return Ok(Begun::Attempt(permit, attempt, credential)),
            Taken::NotNow => {
                ticket = Some(permit.ticket());
                drop(permit);
                tokio::time::sleep(SLOT_PAUSE).await;
            }
        }
    }
}

async fn take_slot<C, T>(
    directory: &Directory,
    knock: &Knock,
    credential: Option<&Credential>,
    shortcut: Option<Shortcut<C, T>>,
    has_turn: bool,
) -> Result<Taken<T>>
where
    C: Send + Sync + 'static,
    T: Send + 'static,
{
    let id = directory.random.uuid(directory.store.now());
    let decoy = accounts::decoy(directory.random.number());
    let refusal = match (knock.kind, credential) {
        (None, _) => Some(Refusal::UnknownProvider),
        (_, Some(account)) if account.password_hash.is_empty() => Some(Refusal::NoPassword),
        _ => None,
    };
    let remembered = shortcut.as_ref().map(|shortcut| shortcut.verified.account.id);
    // Before the store is asked: whoever is kept from going on once it has answered is late all the same.
    let asked = Instant::now();
    let asked = Asked { id, decoy, credential: credential.cloned(), refusal, shortcut, has_turn, asked };
    let taken = directory.store.write(asked, |asked, tx| Box::pin(take_in(tx, asked))).await?;
    match (&taken, remembered) {
        (Taken::Over(Some(_)), _) => {
            directory.metrics.remembered_logins.inc();
        }
        (Taken::Over(None) | Taken::Attempt(_), Some(account)) => {
            directory.remembered.forget(&account);
        }
        _ => {}
    }
    Ok(taken)
}

/// What somebody brings who asks for a slot.
struct Asked<C, T> {
    id: Uuid,
    decoy: Uuid,
    credential: Option<Credential>,
    /// Why nothing can be compared, where that is known already.
    refusal: Option<Refusal>,
    shortcut: Option<Shortcut<C, T>>,
    /// Whether the hash can be computed at once.
    has_turn: bool,
    asked: Instant,
}

async fn take_in<C, T>(tx: &mut Tx, asked: &Asked<C, T>) -> Result<Taken<T>> {
    let Asked { id, decoy, credential, refusal, shortcut, has_turn, asked } = asked;
    let mut refusal = *refusal;
    // Asked for even where there is no account: every attempt costs the same statements.
    let account_id = credential.as_ref().map_or(*decoy, |account| account.id);
    let standing = attempts::standing(tx, &account_id).await?;
    if let (None, Some(account)) = (refusal, credential) {
        let cutoff = tx.now().minus(account.lock_duration);
        let Some(now) = standing else { return Ok(Taken::NotNow) };
        refusal = match now {
            now if now.disabled => Some(Refusal::Disabled),
            now if now.blacklisted => Some(Refusal::Blacklisted),
            now if now.credential_version != account.credential_version => return Ok(Taken::NotNow),
            now if now.failures_since_reset >= BLOCK_AT => Some(Refusal::Blocked),
            now if now.lock_start > cutoff => Some(Refusal::Locked),
            _ => None,
        };
        if refusal.is_none() {
            let shortcut = shortcut.as_ref().filter(|shortcut| shortcut.as_of == now.as_of);
            // What cannot be recognized has to be hashed, and holds no slot while it waits for its turn.
            if shortcut.is_none() && !has_turn {
                return Ok(Taken::NotNow);
            }
            return compare(tx, id, account, cutoff, shortcut, *asked).await;
        }
    }
    attempts::take_slot(tx, decoy, accounts::DECOY_VERSION, &Limits::NONE).await?;
    attempts::insert(tx, id, decoy).await?;
    let refusal = refusal.unwrap_or(Refusal::UnknownAccount);
    let counted_on = CountedOn::Decoy(*decoy, refusal);
    Ok(Taken::Attempt(Attempt { id: *id, counted_on, is_wrong: false, asked: *asked }))
}

/// Compares what is remembered, once the comparison is counted, or leaves the slot to the one who computes the hash.
async fn compare<C, T>(
    tx: &mut Tx,
    id: &Uuid,
    account: &Credential,
    lock_cutoff: Timestamp,
    shortcut: Option<&Shortcut<C, T>>,
    asked: Instant,
) -> Result<Taken<T>> {
    let limits = Limits { threshold: account.threshold, block_at: BLOCK_AT, lock_cutoff };
    if !attempts::take_slot(tx, &account.id, account.credential_version, &limits).await? {
        count_the_dead(tx, account).await?;
        return Ok(Taken::NotNow);
    }
    if let Some(Shortcut { verified, good, context, entrance, .. }) =
        shortcut.filter(|shortcut| shortcut.recognition.holds())
    {
        return Ok(Taken::Over(good::let_in(tx, true, verified, good, context, *entrance).await?));
    }
    attempts::insert(tx, id, &account.id).await?;
    Ok(Taken::Attempt(Attempt { id: *id, counted_on: CountedOn::Account, is_wrong: shortcut.is_some(), asked }))
}

/// Attempts whose lease has run out belonged to a node that is gone: whatever they were, they count as failures.
async fn count_the_dead(tx: &mut Tx, account: &Credential) -> Result<()> {
    let dead = attempts::delete_stale(tx, &account.id, tx.now().minus(LEASE)).await?;
    if dead > 0 {
        attempts::count_failures(tx, &account.id, dead, account.threshold).await?;
    }
    Ok(())
}
