//! Nobody rises: no change leaves any account with more than the one who makes it has, and none leaves the directory
//! without an account that may do everything. What is decided here, before a change is written, holds in the transaction that
//! writes it: [`Ground`] says what the decision stands on.
//!
//! The rule, in three parts. An administrator can touch an account, role or policy only if they hold whatever it gives,
//! before the change and after it. Whoever changes what policies see (scripts, mappings, names of tags) must hold
//! whatever the policies concerned give. And a tag that brings an object into a scope can be put on it only by someone
//! who may do with the object what the scope is for.

mod administrators;
mod ground;
mod tag_names;

use std::{collections::BTreeSet, sync::Arc};

use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, Missing, PrivilegeType, Target, missing_text, out_of_scope},
    configuration::{Configuration, Policy, Rows, policy_of, privileges_of},
    error::{Error, Result},
    evaluation,
    kind::{AccountKind, ObjectKind},
    privileges::{Authority, Reach},
    store::{self, Tx, accounts::Account, objects::Object, scope, table::Table},
};
use administrators::{find_administrator, is_blacklisted, loses_everything, may_strip};

pub(crate) use ground::{Ground, settle};
pub(crate) use tag_names::tag_name_change;

/// The privilege that a change needs, and the objects with which the caller may make it.
pub(crate) fn edit_reach(caller: &Caller, target: Target, only_tags: bool) -> (Missing, Reach) {
    let edit = caller.reach(PrivilegeType::Edit, target);
    let reach = if only_tags { edit.or(caller.reach(PrivilegeType::Tag, target)) } else { edit };
    (Missing(PrivilegeType::Edit, target), reach)
}

/// Refused if an object, as it is in this transaction, is not in reach.
pub(crate) async fn check_scope(
    tx: &mut Tx,
    table: &'static Table,
    id: &Uuid,
    (needed, reach): &(Missing, Reach),
) -> Result<()> {
    if scope::includes(tx, table, id, reach).await? { Ok(()) } else { Err(out_of_scope(*needed)) }
}

fn covers(caller: &Caller, authority: &Authority) -> Result<()> {
    too_much(caller.authority(), authority).map_or(Ok(()), |reason| Err(Error::Forbidden(reason)))
}

/// Why somebody can touch nothing that gives `authority`; nothing if they can.
fn too_much(held: &Authority, authority: &Authority) -> Option<String> {
    let lacking = held.lacks_of(authority)?;
    Some(format!("this touches what gives more than the caller has: {}", missing_text(lacking)))
}

/// Why somebody can neither change nor delete an object as it is, although it is in their scope; nothing if they can.
pub(crate) async fn out_of_hand(
    directory: &Directory,
    configuration: &Configuration,
    held: &Authority,
    target: Target,
    id: Uuid,
) -> Result<Option<String>> {
    if let Some(kind) = AccountKind::of_target(target) {
        let found = directory
            .store
            .read((kind, id), |(kind, id), tx| Box::pin(async move { Ok(store::accounts::find(tx, *kind, id).await?) }))
            .await?;
        return match found {
            Some(account) => Ok(too_much(held, &*possible(directory, configuration, &account).await?)),
            None => Ok(None),
        };
    }
    let Some(kind) = ObjectKind::of_target(target) else { return Ok(None) };
    let found = configuration.rows.objects.iter().find(|object| (object.kind, object.id) == (kind, id));
    match found {
        Some(object) => Ok(too_much(held, &touched(configuration, kind, Some(object), None)?)),
        None => Ok(None),
    }
}

fn tag_gains(
    configuration: &Configuration,
    caller: &Caller,
    target: Target,
    before: &[String],
    after: &[String],
) -> Vec<(Missing, Reach)> {
    let added: Vec<String> = after.iter().filter(|tag| !before.contains(tag)).cloned().collect();
    if added.is_empty() {
        return Vec::new();
    }
    let gained = configuration.all_roles().gained_by_tags(&added, target);
    gained.into_iter().map(|gained| (gained, caller.reach(gained.0, gained.1))).collect()
}

/// Decides about a change of a role, policy or script.
pub(crate) async fn object_change(
    directory: &Directory,
    caller: &Caller,
    before: Option<&Object>,
    after: Option<&Object>,
) -> Result<Ground> {
    let Some(kind) = before.or(after).map(|object| object.kind) else { return Ok(Ground::default()) };
    let configuration = directory.configuration_now().await?;
    let mut ground = Ground::default();
    if !caller.authority().is_everything() {
        ground.stand(&configuration, caller)?;
        covers(caller, &touched(&configuration, kind, before, after)?)?;
        if let (Some(before), Some(after)) = (before, after) {
            ground.tag_gains = tag_gains(&configuration, caller, kind.target(), &before.tags, &after.tags);
        }
    }
    if may_strip(&configuration, kind, before, after)? {
        let mut rows = configuration.rows.clone();
        let id = before.or(after).map(|object| object.id);
        rows.objects.retain(|object| (object.kind, Some(object.id)) != (kind, id));
        rows.objects.extend(after.cloned());
        ground.version = Some(configuration.version);
        ground.witness = Some(find_administrator(directory, caller, rows, &|account| Some(account)).await?);
    }
    Ok(ground)
}

/// What a change of an object has to do with, before and after.
fn touched(
    configuration: &Configuration,
    kind: ObjectKind,
    before: Option<&Object>,
    after: Option<&Object>,
) -> Result<Authority> {
    let both = [before, after].into_iter().flatten();
    match kind {
        ObjectKind::Role => {
            let privileges = both.map(privileges_of).collect::<Result<Vec<_>, _>>()?;
            Ok(Authority::new(privileges.into_iter().flatten()))
        }
        ObjectKind::Policy => {
            let policies = both.map(policy_of).collect::<Result<Vec<_>, _>>()?;
            // Whom such a policy no longer refuses has again whatever the others give.
            if before.map(policy_of).transpose()?.is_some_and(|policy| policy.stops()) {
                return Ok(given_by(configuration, |_| true));
            }
            Ok(configuration.united(policies.iter().flat_map(|policy| &policy.roles)))
        }
        ObjectKind::CriteriaScript => {
            let names = calling(configuration, both.map(|object| object.name.clone()).collect());
            Ok(given_by(configuration, |policy| mentions(&policy.expression, &names)))
        }
        ObjectKind::UserScript => {
            let listed = both.clone().any(|object| is_listed(configuration, object.id));
            Ok(given_by(configuration, |_| listed))
        }
        ObjectKind::IpPool => Ok(Authority::default()),
    }
}

/// Whether a provider runs the script.
fn is_listed(configuration: &Configuration, script: Uuid) -> bool {
    let script = script.to_string();
    configuration
        .rows
        .providers
        .iter()
        .any(|provider| provider.settings.user_scripts.iter().any(|listed| listed.eq_ignore_ascii_case(&script)))
}

/// The names of criteria scripts, and of those that call them.
fn calling(configuration: &Configuration, mut names: BTreeSet<String>) -> BTreeSet<String> {
    loop {
        let known = names.len();
        for script in &configuration.sources.criteria {
            if mentions(&script.expression, &names) {
                names.insert(script.name.clone());
            }
        }
        if names.len() == known {
            return names;
        }
    }
}

/// Whether a script can call one of the others. A name can be written with escapes, so a text with escapes may.
fn mentions(expression: &str, names: &BTreeSet<String>) -> bool {
    expression.contains("\\u") || names.iter().any(|name| expression.contains(name.as_str()))
}

/// What the policies concerned give together. If one of them refuses people, then all that anyone is given.
pub(crate) fn given_by(configuration: &Configuration, concerned: impl Fn(&Policy) -> bool) -> Authority {
    let stops = configuration.policies.iter().any(|policy| policy.stops() && concerned(policy));
    let giving = configuration.policies.iter().filter(|policy| policy.gives() && (stops || concerned(policy)));
    configuration.united(giving.flat_map(|policy| &policy.roles))
}

/// Decides about a change of what all policies see: mappings, scripts of providers, names of tags. `rows` is what there
/// is to be, `as_it_will_be` what becomes of an account.
pub(crate) async fn view_change(
    directory: &Directory,
    caller: &Caller,
    configuration: &Configuration,
    rows: Rows,
    as_it_will_be: &(dyn Fn(Account) -> Option<Account> + Send + Sync),
) -> Result<Ground> {
    let mut ground = Ground::default();
    if !caller.authority().is_everything() {
        ground.stand(configuration, caller)?;
        covers(caller, &given_by(configuration, |_| true))?;
    }
    ground.version = Some(configuration.version);
    ground.witness = Some(find_administrator(directory, caller, rows, as_it_will_be).await?);
    Ok(ground)
}

/// Decides about new tags of an object that nothing else depends on.
pub(crate) async fn tag_change(
    directory: &Directory,
    caller: &Caller,
    target: Target,
    before: &[String],
    after: &[String],
) -> Result<Ground> {
    let mut ground = Ground::default();
    if !caller.authority().is_everything() && before != after {
        let configuration = directory.configuration_now().await?;
        ground.stand(&configuration, caller)?;
        ground.tag_gains = tag_gains(&configuration, caller, target, before, after);
    }
    Ok(ground)
}

/// Decides about a change of an account: a new one, one that is changed, one that goes.
pub(crate) async fn account_change(
    directory: &Directory,
    caller: &Caller,
    before: Option<&Account>,
    after: Option<&Account>,
) -> Result<Ground> {
    let mut ground = Ground::default();
    let mightier = caller.authority().is_everything();
    if mightier && !before.is_some_and(|before| after.is_none_or(|after| may_weaken(before, after))) {
        return Ok(ground);
    }
    let configuration = directory.configuration_now().await?;
    ground.seen = Some(configuration.version);
    if !mightier {
        ground.stand(&configuration, caller)?;
        for account in [before, after].into_iter().flatten() {
            covers(caller, &*possible(directory, &configuration, account).await?)?;
        }
        if let (Some(before), Some(after)) = (before, after) {
            let tags = (&before.profile.tags, &after.profile.tags);
            ground.tag_gains = tag_gains(&configuration, caller, before.kind.target(), tags.0, tags.1);
        }
    }
    if let Some(before) = before {
        ground.accounts.push((before.id, before.profile_version));
        if loses_everything(directory, &configuration, before, after).await? {
            let others = |account: Account| (account.id != before.id).then_some(account);
            ground.version = Some(configuration.version);
            let rows = configuration.rows.clone();
            ground.witness = Some(find_administrator(directory, caller, rows, &others).await?);
        } else if let Some(after) = after.filter(|after| after.profile.name_key() != before.profile.name_key())
            && !is_blacklisted(directory, after).await?
        {
            ground.version = Some(configuration.version);
            ground.unlisted = Some((after.kind, after.profile.name_key()));
        }
    }
    Ok(ground)
}

fn may_weaken(before: &Account, after: &Account) -> bool {
    let seen = |account: &Account| {
        let mut profile = account.profile.clone();
        profile.notes.clear();
        profile
    };
    seen(before) != seen(after)
}

/// All that an account may have at some login.
pub(crate) async fn possible(
    directory: &Directory,
    configuration: &Configuration,
    account: &Account,
) -> Result<Arc<Authority>> {
    let verdict = evaluation::suppose(directory, configuration, account).await?;
    Ok(configuration.authority(&verdict.possible))
}

/// Decides whether an account, if there is one, may be refused from now on.
pub(crate) async fn account_barred(
    directory: &Directory,
    caller: &Caller,
    account: Option<&Account>,
) -> Result<Ground> {
    let configuration = directory.configuration_now().await?;
    // Held in any case: whoever needs the account as the one that may still do everything holds it too, and so comes
    // before this, and is found out, or behind, and finds the account refused.
    let mut ground = Ground { version: Some(configuration.version), ..Ground::default() };
    let Some(account) = account else { return Ok(ground) };
    ground.accounts.push((account.id, account.profile_version));
    if loses_everything(directory, &configuration, account, None).await? {
        let others = |other: Account| (other.id != account.id).then_some(other);
        let rows = configuration.rows.clone();
        ground.witness = Some(find_administrator(directory, caller, rows, &others).await?);
    }
    Ok(ground)
}

/// Decides whether an account that was refused may come in again.
pub(crate) async fn account_unbarred(directory: &Directory, caller: &Caller, account: &Account) -> Result<Ground> {
    let mut ground = Ground::default();
    if !caller.authority().is_everything() {
        let configuration = directory.configuration_now().await?;
        ground.stand(&configuration, caller)?;
        ground.accounts.push((account.id, account.profile_version));
        covers(caller, &*possible(directory, &configuration, account).await?)?;
    }
    Ok(ground)
}
