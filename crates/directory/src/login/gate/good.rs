//! A good comparison: it is counted, and whoever made it is let in, in one transaction.

use super::{Entrance, Entry, LEASE, Verified, refusal::Refusal};
use crate::{
    audit::{self, Record},
    error::Result,
    random::Random,
    store::{Tx, accounts, attempts},
};

/// What a good comparison brings into its transaction.
#[derive(Clone)]
pub(super) struct Good {
    /// The password's hash by today's costs, if the stored one is of others.
    pub(super) rehashed: Option<String>,
    pub(super) act: &'static str,
    pub(super) ids: Random,
}

/// Counts a good comparison, and lets in. `held` is whether its slot is still taken. Nothing if the account is no longer the
/// one whose password was right, or the entrance refuses.
pub(super) async fn let_in<C, T>(
    tx: &mut Tx,
    held: bool,
    verified: &Verified,
    good: &Good,
    context: &C,
    entrance: Entrance<C, T>,
) -> Result<Option<T>> {
    let account = &verified.account;
    let in_flight = attempts::count_success(tx, &account.id, account.credential_version, i64::from(held)).await?;
    let Some(in_flight) = in_flight else {
        lose(tx, held, verified, good).await?;
        return Ok(None);
    };
    if in_flight > 0 {
        // What died before a good login is no failure after it.
        let dead = attempts::delete_stale(tx, &account.id, tx.now().minus(LEASE)).await?;
        attempts::free_slots(tx, &account.id, dead).await?;
    }
    if let Some(hash) = &good.rehashed {
        accounts::set_password_hash(tx, &account.id, hash).await?;
    }
    let (result, refused) = match entrance(verified, context, tx).await? {
        Entry::Open(result) => (Some(result), None),
        Entry::Refused(reason) => (None, Some(reason)),
    };
    audit::write(tx, &good.ids.uuid(tx.now()), &outcome(verified, good.act, refused.as_deref())).await?;
    Ok(result)
}

/// Refuses a good comparison, as the password was changed, or the account disabled or deleted, while it was being compared.
pub(super) async fn lose(tx: &mut Tx, held: bool, verified: &Verified, good: &Good) -> Result<()> {
    if held {
        attempts::free_slots(tx, &verified.account.id, 1).await?;
    }
    let changed = Refusal::AccountChanged.as_str();
    audit::write(tx, &good.ids.uuid(tx.now()), &outcome(verified, good.act, Some(changed))).await
}

fn outcome<'a>(verified: &'a Verified, act: &'static str, refusal: Option<&'a str>) -> Record<'a> {
    Record {
        actor: &verified.account.name,
        act,
        object_kind: verified.account.kind.object_kind(),
        object_id: Some(verified.account.id),
        object_name: &verified.account.name,
        outcome: if refusal.is_some() { audit::REFUSED } else { audit::DONE },
        reason: refusal.unwrap_or_default(),
        origin: &verified.origin,
        changes: audit::NO_CHANGES,
    }
}
