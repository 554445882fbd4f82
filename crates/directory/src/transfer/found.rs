//! What is there already of the accounts that rows are about.

use std::{
    collections::{HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use uuid::Uuid;

use super::{PASSWORD_HASH, Row, Transferred};
use crate::{
    Directory,
    caller::{Caller, PrivilegeType},
    entity::{fold, parse_uuid},
    error,
    privileges::Reach,
    store::{
        Tx,
        accounts::{self, Account},
        scope,
    },
};

/// By what a row is found.
pub(super) struct Key {
    id: Option<String>,
    pub(super) name: String,
    name_key: String,
    has_hash: bool,
}

impl Key {
    fn of(row: &Row) -> Self {
        let text = |field: &str| row.fields.as_ref().ok()?.get(field)?.as_str();
        let name = text("name").unwrap_or_default().to_owned();
        // No name has one, and PostgreSQL takes no text that does.
        let name_key = if name.contains('\0') { String::new() } else { fold(&name) };
        let id = text("id").map(str::to_ascii_lowercase);
        Self { id, name, name_key, has_hash: text(PASSWORD_HASH).is_some() }
    }

    fn uuid(&self) -> Option<Uuid> {
        self.id.as_deref().and_then(parse_uuid)
    }

    fn digests(&self) -> impl Iterator<Item = u64> {
        let id = self.id.as_deref().map(|id| self.uuid().map_or_else(|| digest(&id), |id| digest(&id)));
        id.into_iter().chain((!self.name_key.is_empty()).then(|| digest(&self.name_key)))
    }
}

/// What is there.
#[derive(Default)]
pub(super) struct Found {
    pub(super) by_id: Option<Account>,
    pub(super) by_name: Option<Account>,
    /// Whether the caller may see it.
    pub(super) in_reach: bool,
    /// Its stored hash, if that was asked for.
    pub(super) hash: Option<String>,
}

impl Found {
    fn account(&self) -> Option<&Account> {
        self.by_id.as_ref().or(self.by_name.as_ref())
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = u64> {
        let both = self.by_id.iter().chain(&self.by_name);
        both.flat_map(|account| [digest(&account.id), digest(&account.profile.name_key())])
    }
}

/// Rows that give no name or id twice.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<(Row, Key)>,
    /// Digests of their names and ids.
    pub(super) touched: HashSet<u64>,
}

impl Batch {
    fn push(&mut self, row: Row, key: Key) {
        self.touched.extend(key.digests());
        self.rows.push((row, key));
    }

    /// Cut before the first row that is about an account that an earlier one is about, by whatever name or id: what that
    /// makes of it is to be found first. The rows, what was found of them, and those behind.
    pub(super) fn until_touched_again(mut self, mut found: Vec<Found>) -> (Self, Vec<Found>, Self) {
        let (mut touched, mut behind) = (HashSet::new(), Self::default());
        let again = self.rows.iter().zip(&found).position(|((_, key), found)| {
            let digests: HashSet<u64> = key.digests().chain(found.digests()).collect();
            let again = !touched.is_disjoint(&digests);
            touched.extend(digests);
            again
        });
        if let Some(at) = again {
            found.truncate(at);
            self.rows.split_off(at).into_iter().for_each(|(row, key)| behind.push(row, key));
        }
        (self, found, behind)
    }
}

/// Cut wherever a name or id comes again, so that rows of one piece have nothing to do with each other.
pub(super) fn distinct(rows: Vec<Row>) -> VecDeque<Batch> {
    let (mut batches, mut batch) = (VecDeque::new(), Batch::default());
    for row in rows {
        let key = Key::of(&row);
        if key.digests().any(|digest| batch.touched.contains(&digest)) {
            batches.push_back(std::mem::take(&mut batch));
        }
        batch.push(row, key);
    }
    if !batch.rows.is_empty() {
        batches.push_back(batch);
    }
    batches
}

pub(super) fn digest(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// What is there already of each row's id and name.
pub(super) async fn find<V: Transferred>(
    directory: &Directory,
    caller: &Caller,
    batch: Batch,
) -> error::Result<(Batch, Vec<Found>)> {
    let keys: Vec<(Option<Uuid>, String, bool)> =
        batch.rows.iter().map(|(_, key)| (key.uuid(), key.name_key.clone(), key.has_hash)).collect();
    let reach = caller.reach(PrivilegeType::View, V::KIND.target());
    let found = directory.store.scan((keys, reach), |(keys, reach), tx| Box::pin(find_all::<V>(tx, keys, reach)));
    Ok((batch, found.await?))
}

async fn find_all<V: Transferred>(
    tx: &mut Tx,
    keys: &[(Option<Uuid>, String, bool)],
    reach: &Reach,
) -> error::Result<Vec<Found>> {
    let ids: Vec<Uuid> = keys.iter().filter_map(|(id, ..)| *id).collect();
    let names: Vec<&str> =
        keys.iter().map(|(_, name_key, _)| name_key.as_str()).filter(|key| !key.is_empty()).collect();
    let mut by_id = accounts::find_by_ids(tx, V::KIND, &ids).await?;
    let mut by_name = accounts::find_by_names(tx, V::KIND, &names).await?;
    let mut all = Vec::with_capacity(keys.len());
    for (id, name_key, _) in keys {
        let by_id = id.and_then(|id| by_id.remove(&id));
        let mut found = Found { by_id, by_name: by_name.remove(name_key), ..Found::default() };
        if let Some(account) = found.account() {
            found.in_reach = scope::includes(tx, V::TABLE, &account.id, reach).await?;
        }
        all.push(found);
    }
    let with_hash =
        |(key, found): (&(Option<Uuid>, String, bool), &Found)| found.account().filter(|_| key.2).map(|of| of.id);
    let hashed: Vec<Uuid> = keys.iter().zip(&all).filter_map(with_hash).collect();
    let mut hashes = accounts::password_hashes(tx, &hashed).await?;
    for found in &mut all {
        found.hash = found.account().and_then(|account| hashes.remove(&account.id));
    }
    Ok(all)
}
