//! Rows become accounts: each is checked by the API's own checks, and written as the API writes it, with its audit record.
//!
//! New accounts are written many in one transaction for a caller who may do everything, of whom nothing else has to be asked.
//! Every other change goes one by one through the rules of an account.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::{
    Row, Transferred,
    plan::{Found, Key, Plan, plan},
};
use crate::{
    Directory,
    accounts::{self, Wanted},
    caller::{Caller, PrivilegeType},
    entity::parse_uuid,
    error::{self, Error, Fault},
    kind::AccountKind,
    local_users::LocalUser,
    privileges::Reach,
    service_users::ServiceUser,
    store::{self, Tx, accounts::Account, scope},
    version::Expected,
};

/// As the audit log calls it.
pub(super) const ACT: &str = "import";
/// Hashes and changes that are under way at once. Enough for every core; few enough that nobody waits long in the queue.
const AT_ONCE: usize = 16;

/// What is done with rows of accounts that are there already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rule {
    /// They are changed where the row says otherwise, rather than refused.
    pub upsert: bool,
    /// Nothing is written, and all is said that would be.
    pub dry_run: bool,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Result {
    /// There is a new account.
    Created,
    /// The account is another now.
    Changed,
    /// The account was so already.
    Unchanged,
    /// Nothing was done, for these reasons.
    Refused(Vec<Fault>),
}

/// A row and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The row's line.
    pub line: u64,
    /// The name that it gives; empty if it gives none.
    pub name: String,
    /// The account, if there is one.
    pub id: Option<Uuid>,
    /// What became of it.
    pub result: Result,
}

/// Takes rows, batch by batch. What has been taken is committed.
pub struct Importer {
    directory: Directory,
    caller: Caller,
    kind: AccountKind,
    rule: Rule,
    /// In a dry run nothing is there that earlier rows would have made: digests of their names and ids.
    seen: HashSet<u64>,
}

impl Importer {
    /// Refused to a caller who may not create, and with `upsert` view and edit, accounts of the kind.
    pub fn new(directory: &Directory, caller: &Caller, kind: AccountKind, rule: Rule) -> error::Result<Self> {
        let (directory, caller) = (directory.clone(), caller.clone());
        let importer = Self { directory, caller, kind, rule, seen: HashSet::new() };
        importer.authorize()?;
        Ok(importer)
    }

    /// Goes on as the caller as they are now: an import is long, and what somebody may do is what they may do now.
    pub fn renew(&mut self, caller: Caller) -> error::Result<()> {
        self.caller = caller;
        self.authorize()
    }

    fn authorize(&self) -> error::Result<()> {
        let (caller, target) = (&self.caller, self.kind.target());
        caller.authorize(PrivilegeType::Create, target)?;
        if self.rule.upsert {
            caller.authorize(PrivilegeType::View, target)?;
            caller.authorize_edit(target)?;
        }
        Ok(())
    }

    /// Takes rows and says of each, in their order, what became of it. An error is one of the store; what earlier batches
    /// did stands.
    pub async fn take(&mut self, rows: Vec<Row>) -> error::Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(rows.len());
        for rows in distinct(rows) {
            outcomes.extend(match self.kind {
                AccountKind::Local => self.take_distinct::<LocalUser>(rows).await?,
                AccountKind::Service => self.take_distinct::<ServiceUser>(rows).await?,
            });
        }
        Ok(outcomes)
    }

    async fn take_distinct<V: Transferred>(&mut self, rows: Vec<Row>) -> error::Result<Vec<Outcome>> {
        let found = self.find::<V>(&rows).await?;
        let min_length = accounts::min_password_length(&self.directory, V::KIND).await?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut plans = Vec::with_capacity(rows.len());
        for (row, found) in rows.into_iter().zip(found) {
            let (line, name) = (row.line, Key::of(&row).name);
            let planned = plan::<V>(&self.directory, &self.caller, self.rule.upsert, min_length, row, found)?;
            let id = match &planned {
                Plan::New { account, .. } => Some(account.id),
                Plan::Change { before, .. } => Some(before.id),
                Plan::Same(id) => Some(*id),
                Plan::Refuse(_) => None,
            };
            outcomes.push(Outcome { line, name, id, result: Result::Unchanged });
            plans.push(planned);
        }
        if self.rule.dry_run {
            for (outcome, plan) in outcomes.iter_mut().zip(plans) {
                outcome.result = self.suppose(plan);
            }
        } else {
            self.carry_out::<V>(plans, &mut outcomes).await?;
        }
        for outcome in outcomes.iter_mut().filter(|outcome| matches!(outcome.result, Result::Refused(_))) {
            outcome.id = None;
        }
        Ok(outcomes)
    }

    /// What is there already of each row's id and name.
    async fn find<V: Transferred>(&self, rows: &[Row]) -> error::Result<Vec<Found>> {
        let keys: Vec<Key> = rows.iter().map(Key::of).collect();
        let reach = self.caller.reach(PrivilegeType::View, V::KIND.target());
        self.directory
            .store
            .scan((keys, reach), |(keys, reach), tx| {
                Box::pin(async move {
                    let mut all = Vec::with_capacity(keys.len());
                    for key in keys {
                        all.push(find::<V>(tx, key, reach).await?);
                    }
                    Ok(all)
                })
            })
            .await
    }

    /// What would become of a row if it were not the first of its name or id.
    fn suppose(&mut self, plan: Plan) -> Result {
        match plan {
            Plan::Refuse(faults) => Result::Refused(faults),
            Plan::Same(_) => Result::Unchanged,
            Plan::Change { .. } => Result::Changed,
            Plan::New { account, .. } => {
                let new =
                    [self.seen.insert(digest(&account.id)), self.seen.insert(digest(&account.profile.name_key()))];
                match (new == [true, true], self.rule.upsert) {
                    (true, _) => Result::Created,
                    (false, true) => Result::Changed,
                    (false, false) => {
                        let message = "is that of an earlier row of this file";
                        Result::Refused(vec![Fault { field: "name".into(), message: message.into() }])
                    }
                }
            }
        }
    }

    async fn carry_out<V: Transferred>(&self, plans: Vec<Plan>, outcomes: &mut [Outcome]) -> error::Result<()> {
        let hashed = stream::iter(plans.into_iter().map(|plan| self.with_hash(plan))).buffered(AT_ONCE);
        let (mut new, mut changes) = (Vec::new(), Vec::new());
        for (at, plan) in hashed.collect::<Vec<_>>().await.into_iter().enumerate() {
            match plan? {
                Plan::New { account, hash, .. } => new.push((at, account, hash)),
                Plan::Change { before, wanted, .. } => changes.push((at, before.id, wanted)),
                Plan::Refuse(faults) => outcomes[at].result = Result::Refused(faults),
                Plan::Same(_) => {}
            }
        }
        // One after the other, not both at once: on PostgreSQL a batch may wait for a change, and then nobody goes on.
        for (at, made) in self.create::<V>(new).await? {
            outcomes[at].result = refused_or(made, Result::Created)?;
        }
        let changed = changes.into_iter().map(|(at, id, wanted)| self.change::<V>(at, id, wanted));
        for (at, made) in stream::iter(changed).buffered(AT_ONCE).collect::<Vec<_>>().await {
            outcomes[at].result = refused_or(made, Result::Changed)?;
        }
        Ok(())
    }

    /// With the hash of a password that is in clear.
    async fn with_hash(&self, mut plan: Plan) -> error::Result<Plan> {
        let (password, profile, hash) = match &mut plan {
            Plan::New { account, password, hash } => (password, &account.profile, hash),
            Plan::Change { wanted: Wanted { profile, hash, .. }, password, .. } => (password, &*profile, hash),
            _ => return Ok(plan),
        };
        if let Some(password) = password.take() {
            *hash = accounts::hash(&self.directory, &self.caller, self.kind, profile, Some(password)).await?;
        }
        Ok(plan)
    }

    async fn create<V: Transferred>(&self, new: Vec<New>) -> error::Result<Vec<(usize, error::Result<()>)>> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        if !self.caller.authority().is_everything() {
            let one = |(at, account, hash)| async move {
                let made = accounts::settle_new::<V>(&self.directory, &self.caller, account, hash, ACT).await;
                (at, made.map(drop))
            };
            return Ok(stream::iter(new.into_iter().map(one)).buffered(AT_ONCE).collect().await);
        }
        let reach = self.caller.authorize(PrivilegeType::Create, V::KIND.target())?;
        let now = self.directory.store.now();
        let ids: Vec<Uuid> = new.iter().map(|_| self.directory.random.uuid(now)).collect();
        self.directory
            .store
            .write((new, ids, self.caller.clone(), reach), |(new, ids, caller, reach), tx| {
                Box::pin(async move {
                    let mut made = Vec::with_capacity(new.len());
                    for ((at, account, hash), id) in new.iter().zip(ids) {
                        let one = accounts::create_in::<V>(tx, account, hash.as_deref(), caller, reach, id, ACT);
                        match one.await.map(drop) {
                            // Found out by a statement that does nothing then: the others stand.
                            Err(taken @ Error::Conflict(_)) => made.push((*at, Err(taken))),
                            Err(other) => return Err(other),
                            Ok(()) => made.push((*at, Ok(()))),
                        }
                    }
                    Ok(made)
                })
            })
            .await
    }

    async fn change<V: Transferred>(&self, at: usize, id: Uuid, wanted: Wanted) -> (usize, error::Result<()>) {
        let (directory, caller) = (&self.directory, &self.caller);
        let changed = accounts::settle_replaced::<V>(directory, caller, id, Expected::Any, wanted).await;
        (at, changed.map(drop))
    }
}

/// Where a row stands in its batch, the account to be made of it, and the hash of its password.
type New = (usize, Account, Option<String>);

async fn find<V: Transferred>(tx: &mut Tx, key: &Key, reach: &Reach) -> error::Result<Found> {
    let mut found = Found::default();
    if let Some(id) = key.id.as_deref().and_then(parse_uuid) {
        found.by_id = store::accounts::find(tx, V::KIND, &id).await?;
    }
    if !key.name_key.is_empty() {
        found.by_name = store::accounts::find_by_name(tx, V::KIND, &key.name_key).await?;
    }
    if let Some(account) = found.by_id.as_ref().or(found.by_name.as_ref()) {
        found.in_reach = scope::includes(tx, V::TABLE, &account.id, reach).await?;
        if key.has_hash {
            found.hash = store::accounts::password_hash(tx, &account.id).await?;
        }
    }
    Ok(found)
}

/// What the store could not do stops the import; what a rule does not allow concerns a row.
fn refused_or(made: error::Result<()>, otherwise: Result) -> error::Result<Result> {
    let fault = |message: String| Result::Refused(vec![Fault { field: String::new(), message }]);
    match made {
        Ok(()) => Ok(otherwise),
        Err(Error::Invalid(faults)) => Ok(Result::Refused(faults)),
        Err(Error::Conflict(message) | Error::Forbidden(message) | Error::NotFound(message)) => Ok(fault(message)),
        Err(other) => Err(other),
    }
}

/// Cut wherever a name or id comes again, so that rows of one piece have nothing to do with each other.
fn distinct(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let (mut pieces, mut piece, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for row in rows {
        let key = Key::of(&row);
        let digests = [key.id.map(|id| digest(&id)), (!key.name_key.is_empty()).then(|| digest(&key.name_key))];
        if digests.iter().flatten().any(|digest| seen.contains(digest)) {
            pieces.push(std::mem::take(&mut piece));
            seen.clear();
        }
        seen.extend(digests.into_iter().flatten());
        piece.push(row);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn digest(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
