//! What a decision stands on, and deciding anew when that has moved.

use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, Missing, out_of_scope},
    configuration::Configuration,
    error::{Error, Failure, Result},
    kind::AccountKind,
    privileges::Reach,
    sessions,
    store::{self, BoxFuture, Tx, scope, table::Table},
};

/// How often a decision is made anew because what it stands on has changed.
const ATTEMPTS: usize = 8;

/// What a decision stands on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ground {
    /// The version of the configuration, to be held.
    pub(super) version: Option<i64>,
    /// The version of the configuration, to be asked for once the rows of the change are held.
    pub(super) seen: Option<i64>,
    /// Accounts, each with the version of its profile.
    pub(super) accounts: Vec<(Uuid, i64)>,
    /// An account that may do everything when the change is made.
    pub(super) witness: Option<(Uuid, i64)>,
    /// A name, with its provider, that is not blacklisted. The version of the configuration is held with it.
    pub(super) unlisted: Option<(AccountKind, String)>,
    /// What a new tag gives to others over the object, and with which objects the caller may do it.
    pub(super) tag_gains: Vec<(Missing, Reach)>,
}

impl Ground {
    /// Holds it as it is until the transaction ends.
    pub(crate) async fn hold(&self, tx: &mut Tx) -> Result<()> {
        if let Some(version) = self.version
            && !store::configuration::hold(tx, version).await?
        {
            return Err(Failure::Moved.into());
        }
        for (id, profile) in &self.accounts {
            if store::accounts::profile_version(tx, id).await? != Some(*profile) {
                return Err(Failure::Moved.into());
            }
        }
        if let Some((kind, name_key)) = &self.unlisted
            && store::blacklist::find(tx, *kind, name_key).await?.is_some()
        {
            return Err(Failure::Moved.into());
        }
        match &self.witness {
            Some((id, profile)) if !store::accounts::hold_active(tx, id, *profile).await? => Err(Failure::Moved.into()),
            _ => Ok(()),
        }
    }

    /// Both of two. Refused if they are about different states of the configuration.
    pub(crate) fn and(mut self, other: Self) -> Result<Self> {
        if let (Some(one), Some(two)) = (self.version, other.version)
            && one != two
        {
            return Err(Failure::Moved.into());
        }
        self.version = self.version.or(other.version);
        self.seen = self.seen.or(other.seen);
        self.accounts.extend(other.accounts);
        self.witness = self.witness.or(other.witness);
        self.unlisted = self.unlisted.or(other.unlisted);
        self.tag_gains.extend(other.tag_gains);
        Ok(self)
    }

    /// To be asked once the rows of the change are held: whoever changed the configuration while they were waited for
    /// may have counted on them.
    pub(crate) async fn confirm(&self, tx: &mut Tx) -> Result<()> {
        match self.seen {
            Some(seen) if store::configuration::version(tx).await? != seen => Err(Failure::Moved.into()),
            _ => Ok(()),
        }
    }

    /// That the caller is who they are, and the configuration what it is.
    pub(super) fn stand(&mut self, configuration: &Configuration, caller: &Caller) -> Result<()> {
        self.version = Some(configuration.version);
        if let (Some(session), Some(standing)) = (caller.session(), caller.standing()) {
            if standing.configuration != configuration.version {
                return Err(Failure::Moved.into());
            }
            self.accounts.push((session.account_id, standing.profile));
        }
        Ok(())
    }

    /// Refused if a new tag would give others, over this object, what the caller may not do with it.
    pub(crate) async fn check_tags(&self, tx: &mut Tx, table: &'static Table, id: &Uuid) -> Result<()> {
        for (gained, reach) in &self.tag_gains {
            if !scope::includes(tx, table, id, reach).await? {
                return Err(out_of_scope(*gained));
            }
        }
        Ok(())
    }
}

/// A change that is decided about and then made.
pub(crate) type Change<C, T> = for<'a> fn(&'a Directory, Caller, &'a C) -> BoxFuture<'a, Result<T>>;

/// Makes a change, deciding about it anew as long as what the decision stood on changes.
pub(crate) async fn settle<C: Send + Sync, T>(
    directory: &Directory,
    caller: &Caller,
    context: C,
    change: Change<C, T>,
) -> Result<T> {
    let mut caller = caller.clone();
    for _ in 0..ATTEMPTS {
        match change(directory, caller.clone(), &context).await {
            Err(Error::Store(Failure::Moved)) => {}
            settled => return settled,
        }
        if let Some(session) = caller.session() {
            caller = sessions::renew(directory, session.clone(), caller.origin().clone()).await?;
        }
    }
    Err(Failure::Moved.into())
}
