//! What privileges are about, by their targets: the table of objects that each stands for.

use crate::{
    accounts::View as _,
    identity_providers,
    local_users::LocalUser,
    objects::View as _,
    policies::Policy,
    privileges::Target,
    roles::AdministrativeRole,
    scripts::{CriteriaScript, UserScript},
    service_users::ServiceUser,
    store::table::Table,
};

/// The objects of a target that have ids; nothing for targets that are something else, or no concern of ours.
pub(crate) fn table(target: Target) -> Option<&'static Table> {
    Some(match target {
        Target::LocalUser => LocalUser::TABLE,
        Target::ServiceUser => ServiceUser::TABLE,
        Target::IdentityProvider => &identity_providers::TABLE,
        Target::AdministrativeRole => AdministrativeRole::TABLE,
        Target::Policy => Policy::TABLE,
        Target::CriteriaScript => CriteriaScript::TABLE,
        Target::UserClaimScript => UserScript::TABLE,
        _ => return None,
    })
}
