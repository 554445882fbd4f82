//! Every account of a kind, as rows.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::PASSWORD_HASH;
use crate::{
    Directory,
    caller::Caller,
    error::{Error, Result},
    kind::AccountKind,
    list::{self, Listing},
    local_users::{self, LocalUser},
    service_users::{self, ServiceUser},
    store,
};

/// Accounts that are being read.
pub struct Export {
    directory: Directory,
    accounts: Accounts,
    with_hashes: bool,
}

enum Accounts {
    Local(Box<Listing<LocalUser>>),
    Service(Box<Listing<ServiceUser>>),
}

/// Every account that the caller may see, by name. Hashes of passwords are for the operator alone.
pub async fn export(directory: &Directory, caller: &Caller, kind: AccountKind, with_hashes: bool) -> Result<Export> {
    if with_hashes && caller.session().is_some() {
        return Err(Error::Forbidden("hashes of passwords are exported at the command line only".into()));
    }
    let request = list::Request::default();
    let accounts = match kind {
        AccountKind::Local => Accounts::Local(Box::new(local_users::list(directory, caller, request).await?)),
        AccountKind::Service => Accounts::Service(Box::new(service_users::list(directory, caller, request).await?)),
    };
    Ok(Export { directory: directory.clone(), accounts, with_hashes })
}

impl Export {
    /// How many accounts there are.
    pub fn count(&self) -> u64 {
        match &self.accounts {
            Accounts::Local(listing) => listing.matching(),
            Accounts::Service(listing) => listing.matching(),
        }
    }

    /// The next rows; none when there are no more.
    pub async fn next_rows(&mut self) -> Result<Vec<Map<String, Value>>> {
        let rows = match &mut self.accounts {
            Accounts::Local(listing) => rows(&listing.next_rows().await?),
            Accounts::Service(listing) => rows(&listing.next_rows().await?),
        }?;
        if self.with_hashes { self.add_hashes(rows).await } else { Ok(rows) }
    }

    async fn add_hashes(&self, mut rows: Vec<Map<String, Value>>) -> Result<Vec<Map<String, Value>>> {
        let id = |row: &Map<String, Value>| row.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let ids: Vec<Uuid> = rows.iter().filter_map(id).collect();
        let read = self
            .directory
            .store
            .scan(ids, |ids, tx| Box::pin(async move { Ok(store::accounts::password_hashes(tx, ids).await?) }));
        let mut hashes = read.await?;
        for row in &mut rows {
            if let Some(hash) = id(row).and_then(|id| hashes.remove(&id)).filter(|hash| !hash.is_empty()) {
                row.insert(PASSWORD_HASH.into(), hash.into());
            }
        }
        Ok(rows)
    }
}

fn rows<T: Serialize>(accounts: &[T]) -> Result<Vec<Map<String, Value>>> {
    let row = |account: &T| match serde_json::to_value(account) {
        Ok(Value::Object(row)) => Ok(row),
        _ => Err(Error::Internal("an account is no JSON object".into())),
    };
    accounts.iter().map(row).collect()
}
