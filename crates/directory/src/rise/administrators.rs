//! The directory is never left without an account that can log in and may do everything.

use uuid::Uuid;

use super::is_listed;
use crate::{
    Directory,
    caller::Caller,
    configuration::{Configuration, Policy, Rows, policy_of, privileges_of},
    error::{Error, Result},
    evaluation,
    kind::ObjectKind,
    privileges::Authority,
    store::{self, accounts::Account, objects::Object},
};

/// Accounts that are looked through for one that may do everything, if none is known.
const LOOKED_THROUGH: usize = 10_000;

/// Whether a change may take from someone the right to do everything.
pub(super) fn may_strip(
    configuration: &Configuration,
    kind: ObjectKind,
    before: Option<&Object>,
    after: Option<&Object>,
) -> Result<bool> {
    Ok(match kind {
        ObjectKind::Role => {
            before.map(privileges_of).transpose()?.is_some_and(|held| Authority::new(held).is_everything())
        }
        ObjectKind::Policy => {
            let gives = |policy: &Policy| evaluation::gives_everything(configuration, policy);
            before.map(policy_of).transpose()?.is_some_and(|policy| gives(&policy))
                || after.map(policy_of).transpose()?.is_some_and(|policy| policy.stops())
        }
        ObjectKind::CriteriaScript => true,
        ObjectKind::UserScript => before.is_some_and(|script| is_listed(configuration, script.id)),
        ObjectKind::IpPool => false,
    })
}

/// Whether an account may do everything at every login, as the configuration is.
async fn is_administrator(directory: &Directory, configuration: &Configuration, account: &Account) -> Result<bool> {
    if account.profile.disabled {
        return Ok(false);
    }
    let verdict = evaluation::suppose(directory, configuration, account).await?;
    let authority = configuration.authority(&verdict.standing.policies);
    Ok(verdict.stopped_by.is_none() && authority.is_everything())
}

pub(super) async fn loses_everything(
    directory: &Directory,
    configuration: &Configuration,
    before: &Account,
    after: Option<&Account>,
) -> Result<bool> {
    if !is_administrator(directory, configuration, before).await? || is_blacklisted(directory, before).await? {
        return Ok(false);
    }
    match after {
        // It may be given a name that is refused.
        Some(after) => {
            Ok(!is_administrator(directory, configuration, after).await? || is_blacklisted(directory, after).await?)
        }
        None => Ok(true),
    }
}

/// Whether an account of that name may not log in.
pub(super) async fn is_blacklisted(directory: &Directory, account: &Account) -> Result<bool> {
    directory
        .store
        .read((account.kind, account.profile.name_key()), |(kind, name_key), tx| {
            Box::pin(async move { Ok(store::blacklist::find(tx, *kind, name_key).await?.is_some()) })
        })
        .await
}

/// An account that can log in and may do everything once `rows` are the configuration and every account is as it will be.
pub(super) async fn find_administrator(
    directory: &Directory,
    caller: &Caller,
    rows: Rows,
    as_it_will_be: &(dyn Fn(Account) -> Option<Account> + Send + Sync),
) -> Result<(Uuid, i64)> {
    let supposed = Configuration::build(directory.random.supposed_version(), rows)?;
    let known = caller.session().map(|session| (session.kind, session.account_id));
    let mut page = directory
        .store
        .read(known, |known, tx| {
            Box::pin(async move {
                match known {
                    Some((kind, id)) => Ok(store::accounts::active(tx, *kind, id).await?.into_iter().collect()),
                    None => Ok(Vec::new()),
                }
            })
        })
        .await?;
    let mut behind = Uuid::nil();
    let mut looked_through = 0;
    loop {
        looked_through += page.len();
        for account in page {
            let profile = account.profile_version;
            let Some(account) = as_it_will_be(account) else { continue };
            if is_administrator(directory, &supposed, &account).await? {
                return Ok((account.id, profile));
            }
        }
        if looked_through > LOOKED_THROUGH {
            break;
        }
        page = directory
            .store
            .scan(behind, |behind, tx| Box::pin(async move { Ok(store::accounts::all_active(tx, behind).await?) }))
            .await?;
        match page.last() {
            Some(last) => behind = last.id,
            None => break,
        }
    }
    let reason =
        "this would leave no account that can log in and may do everything (All on All); give that to another first";
    Err(Error::Conflict(reason.into()))
}
