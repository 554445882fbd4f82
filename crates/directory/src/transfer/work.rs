//! Plans carried out, a batch at a time.
//!
//! New accounts are written many in one transaction for a caller who may do everything, of whom nothing else has to be asked.
//! Every other change goes one by one through the rules of an account.

use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::{
    Transferred,
    outcome::{Outcome, Result},
    plan::{ACT, Plan},
};
use crate::{
    Directory,
    accounts::{self, Wanted},
    caller::{Caller, PrivilegeType},
    error::{self, Error, Fault},
    store::{accounts::Account, new_accounts},
    version::Expected,
};

/// Hashes and changes that are under way at once. Enough for every core; few enough that nobody waits long in the queue.
const AT_ONCE: usize = 16;

/// Who does it, and where.
pub(super) struct Work {
    directory: Directory,
    caller: Caller,
}

/// Where a row stands in its batch, the account to be made of it, and the hash of its password.
type New = (usize, Account, Option<String>);

impl Work {
    pub(super) fn new(directory: &Directory, caller: &Caller) -> Self {
        Self { directory: directory.clone(), caller: caller.clone() }
    }

    /// Does what is planned, and says in the rows' outcomes what became of them.
    pub(super) async fn carry_out<V: Transferred>(
        self,
        plans: Vec<Plan>,
        mut outcomes: Vec<Outcome>,
    ) -> error::Result<Vec<Outcome>> {
        let hashed = stream::iter(plans.into_iter().map(|plan| self.with_hash::<V>(plan))).buffered(AT_ONCE);
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
        Ok(outcomes.into_iter().map(Outcome::without_id_if_refused).collect())
    }

    /// With the hash of a password that is in clear.
    async fn with_hash<V: Transferred>(&self, mut plan: Plan) -> error::Result<Plan> {
        let (password, profile, hash) = match &mut plan {
            Plan::New { account, password, hash } => (password, &account.profile, hash),
            Plan::Change { wanted: Wanted { profile, hash, .. }, password, .. } => (password, &*profile, hash),
            _ => return Ok(plan),
        };
        if let Some(password) = password.take() {
            *hash = accounts::hash(&self.directory, &self.caller, V::KIND, profile, Some(password)).await?;
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
        let mut ids: Vec<Uuid> = new.iter().map(|_| self.directory.random.uuid(now)).collect();
        // Records in the order of the rows, and at the end of their index.
        ids.sort_unstable();
        let (mut places, mut accounts) = (Vec::with_capacity(new.len()), Vec::with_capacity(new.len()));
        for (at, account, hash) in new {
            places.push(at);
            accounts.push(new_accounts::New::of(account, hash)?);
        }
        let made = self.directory.store.write((accounts, ids, self.caller.clone(), reach), |context, tx| {
            let (accounts, ids, caller, reach) = context;
            Box::pin(async move {
                let made = accounts::create_in::<V>(tx, accounts, caller, reach, ids, ACT).await?;
                Ok(made.into_iter().map(|made| made.map(drop)).collect::<Vec<_>>())
            })
        });
        Ok(places.into_iter().zip(made.await?).collect())
    }

    async fn change<V: Transferred>(&self, at: usize, id: Uuid, wanted: Wanted) -> (usize, error::Result<()>) {
        let (directory, caller) = (&self.directory, &self.caller);
        let changed = accounts::settle_replaced::<V>(directory, caller, id, Expected::Any, wanted).await;
        (at, changed.map(drop))
    }
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
