//! What can be done to an account without a form of all of it. Each is the account, read and written back with one thing
//! changed, as any client of the API would do it.

use portreeve_directory::{
    Directory,
    caller::Caller,
    error::{Error, Result},
    passwords::Password,
    version::Expected,
};
use uuid::Uuid;

use super::kind::{Kind, Parts};

/// How often a change is tried again when somebody else was faster, as every wrong password is.
const TRIES: usize = 5;

/// Something to be done to an account.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Enable,
    Disable,
    /// Ends a lock, and sets the counter of wrong passwords to zero.
    Unlock,
    SetPassword(Password),
    AddTag(String),
    RemoveTag(String),
    Delete,
}

impl Act {
    fn apply(&self, parts: Parts<'_>) {
        let tags = parts.tags.get_or_insert_default();
        match self {
            Self::Enable => *parts.disabled = Some(false),
            Self::Disable => *parts.disabled = Some(true),
            Self::Unlock => {
                *parts.failed_attempts = Some(0.into());
                *parts.lock_start = Some(None);
            }
            Self::SetPassword(password) => *parts.password = Some(password.clone()),
            Self::AddTag(tag) if tags.contains(tag) => {}
            Self::AddTag(tag) => tags.push(tag.clone()),
            Self::RemoveTag(tag) => tags.retain(|own| own != tag),
            Self::Delete => {}
        }
    }
}

/// Does it.
pub(crate) async fn run<K: Kind>(directory: &Directory, caller: &Caller, id: Uuid, act: &Act) -> Result<()> {
    if let Act::Delete = act {
        return K::delete(directory, caller, id, Expected::Any).await;
    }
    write::<K>(directory, caller, id, |account| {
        let mut input = account.input();
        act.apply(K::parts(&mut input));
        Ok(input)
    })
    .await
}

/// Reads the account, and writes what `change` makes of it, unless somebody else changed it in between: then anew.
pub(crate) async fn write<K: Kind>(
    directory: &Directory,
    caller: &Caller,
    id: Uuid,
    change: impl Fn(&K) -> Result<K::Input> + Send + Sync,
) -> Result<()> {
    for _ in 0..TRIES {
        let seen = K::look_at(directory, caller, id).await?;
        let input = change(&seen.object)?;
        match K::replace(directory, caller, id, Expected::OneOf(vec![seen.version]), input).await {
            Err(Error::PreconditionFailed) => {}
            result => return result.map(drop),
        }
    }
    Err(Error::PreconditionFailed)
}
