//! What another name of a tag, or its end, gives to whom.

use super::{Ground, covers, given_by, view_change};
use crate::{
    Directory,
    caller::{Caller, Missing, Target},
    configuration::{Configuration, Rows},
    error::Result,
    store::accounts::Account,
};

/// Decides about a tag that gets another name, or goes: from accounts, which policies see, and from roles. `targets` are
/// those of all that can carry it; `rows` and `as_it_will_be` as in [`view_change`].
pub(crate) async fn tag_name_change(
    directory: &Directory,
    caller: &Caller,
    configuration: &Configuration,
    (name, targets): (Option<&str>, &[Target]),
    rows: Rows,
    as_it_will_be: &(dyn Fn(Account) -> Option<Account> + Send + Sync),
) -> Result<Ground> {
    if !caller.authority().is_everything() {
        match name {
            // Scopes may name the new one before there is such a tag: whatever carries the old one comes under them.
            Some(name) => {
                let (roles, name) = (configuration.all_roles(), [name.to_owned()]);
                for Missing(wanted, on) in targets.iter().flat_map(|target| roles.gained_by_tags(&name, *target)) {
                    caller.authorize_all(wanted, on)?;
                }
            }
            // Whoever had to give it to what they create need not any more.
            None => {
                let supposed = Configuration::build(directory.random.supposed_version(), rows.clone())?;
                covers(caller, &given_by(&supposed, |_| true))?;
            }
        }
    }
    view_change(directory, caller, configuration, rows, as_it_will_be).await
}
