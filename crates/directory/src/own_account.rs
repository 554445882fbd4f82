//! What everybody may know of their own account, whatever privileges they hold.

use crate::{
    Directory,
    caller::Caller,
    error::{Error, Result},
    kind::AccountKind,
    store,
    time::Timestamp,
};

/// The caller's own account. Tags and notes are what administrators say of it among themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// Whether it is a person's or a machine's.
    pub kind: AccountKind,
    /// The name to log in with.
    pub name: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address; may be empty.
    pub email: String,
    /// Phone number; may be empty.
    pub phone: String,
    /// When it was made.
    pub created: Timestamp,
}

/// The caller's own account.
pub async fn get(directory: &Directory, caller: &Caller) -> Result<OwnAccount> {
    let session = caller.session().ok_or(Error::Unauthorized)?;
    let account = directory
        .store
        .read((session.kind, session.account_id), |(kind, id), tx| {
            Box::pin(async move { Ok(store::accounts::find(tx, *kind, id).await?) })
        })
        .await?
        .ok_or(Error::Unauthorized)?;
    let (kind, created, profile) = (account.kind, account.created, account.profile);
    Ok(OwnAccount {
        kind,
        name: profile.name,
        first_name: profile.first_name,
        last_name: profile.last_name,
        email: profile.email,
        phone: profile.phone,
        created,
    })
}
