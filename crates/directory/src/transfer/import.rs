//! Rows become accounts: each is checked by the API's own checks, and written as the API writes it, with its audit record.
//!
//! Rows are planned while those before them are written.

use std::collections::{HashSet, VecDeque};

use tokio::task::JoinHandle;

use super::{
    Row, Transferred,
    found::{Batch, digest, distinct, find},
    outcome::{Outcome, Result},
    plan::{Plan, plan},
    work::Work,
};
use crate::{
    Directory, accounts,
    caller::{Caller, PrivilegeType},
    error::{self, Error, Fault},
    kind::AccountKind,
    local_users::LocalUser,
    service_users::ServiceUser,
};

/// What is done with rows of accounts that are there already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rule {
    /// They are changed where the row says otherwise, rather than refused.
    pub upsert: bool,
    /// Nothing is written, and all is said that would be.
    pub dry_run: bool,
}

/// Takes rows, batch by batch. What has been taken is committed.
pub struct Importer {
    directory: Directory,
    caller: Caller,
    kind: AccountKind,
    rule: Rule,
    /// In a dry run nothing is there that earlier rows would have made: digests of their names and ids.
    seen: HashSet<u64>,
    under_way: Option<UnderWay>,
    done: Vec<Outcome>,
}

/// Rows that are being written.
struct UnderWay {
    /// Digests of all names and ids that they have to do with.
    touched: HashSet<u64>,
    outcomes: JoinHandle<error::Result<Vec<Outcome>>>,
}

/// Rows of which it is known what is to become of them.
struct Planned {
    plans: Vec<Plan>,
    outcomes: Vec<Outcome>,
    touched: HashSet<u64>,
}

impl Importer {
    /// Refused to a caller who may not create, and with `upsert` view and edit, accounts of the kind.
    pub fn new(directory: &Directory, caller: &Caller, kind: AccountKind, rule: Rule) -> error::Result<Self> {
        let (directory, caller) = (directory.clone(), caller.clone());
        let (seen, done) = (HashSet::new(), Vec::new());
        let importer = Self { directory, caller, kind, rule, seen, under_way: None, done };
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
        self.push(rows).await?;
        self.finish().await?;
        Ok(self.done())
    }

    /// Takes rows, the last of which are still being written when this returns: the next are planned meanwhile. What became
    /// of them is among what is [`done`](Self::done) later. An error is one of the store, about these rows or those before
    /// them; none behind are written then, and those before them may be asked for with [`finish`](Self::finish).
    pub async fn push(&mut self, rows: Vec<Row>) -> error::Result<()> {
        match self.kind {
            AccountKind::Local => self.push_all::<LocalUser>(rows).await,
            AccountKind::Service => self.push_all::<ServiceUser>(rows).await,
        }
    }

    /// Waits until all rows that were taken are written. May be given up and asked for again.
    pub async fn finish(&mut self) -> error::Result<()> {
        let Some(UnderWay { outcomes, .. }) = &mut self.under_way else { return Ok(()) };
        let outcomes = outcomes.await;
        self.under_way = None;
        self.done.extend(outcomes.map_err(|cause| Error::Internal(cause.to_string()))??);
        Ok(())
    }

    /// Whether rows are being written.
    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// What became of rows, in their order, as far as it is known and was not given before.
    pub fn done(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.done)
    }

    async fn push_all<V: Transferred>(&mut self, rows: Vec<Row>) -> error::Result<()> {
        let mut batches = distinct(rows);
        while let Some(batch) = batches.pop_front() {
            // What the rows before make of an account is what these find.
            if self.under_way.as_ref().is_some_and(|before| !before.touched.is_disjoint(&batch.touched)) {
                self.finish().await?;
            }
            let Planned { plans, outcomes, touched } = self.plan::<V>(batch, &mut batches).await?;
            self.finish().await?;
            if self.rule.dry_run {
                self.suppose(plans, outcomes);
            } else {
                let work = Work::new(&self.directory, &self.caller);
                let outcomes = tokio::spawn(work.carry_out::<V>(plans, outcomes));
                self.under_way = Some(UnderWay { touched, outcomes });
            }
        }
        Ok(())
    }

    /// Decides what is to become of rows. Those behind one that is about the account of an earlier one go before `rest`.
    async fn plan<V: Transferred>(&self, batch: Batch, rest: &mut VecDeque<Batch>) -> error::Result<Planned> {
        let (batch, found) = find::<V>(&self.directory, &self.caller, batch).await?;
        let (Batch { rows, mut touched }, found, behind) = batch.until_touched_again(found);
        if !behind.rows.is_empty() {
            rest.push_front(behind);
        }
        let min_length = accounts::min_password_length(&self.directory, V::KIND).await?;
        let (mut plans, mut outcomes) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for ((row, key), found) in rows.into_iter().zip(found) {
            let (line, name) = (row.line, key.name);
            touched.extend(found.digests());
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
        Ok(Planned { plans, outcomes, touched })
    }

    /// What would become of rows.
    fn suppose(&mut self, plans: Vec<Plan>, outcomes: Vec<Outcome>) {
        for (plan, mut outcome) in plans.into_iter().zip(outcomes) {
            outcome.result = self.suppose_one(plan);
            self.done.push(outcome.without_id_if_refused());
        }
    }

    /// What would become of a row if it were not the first of its name or id.
    fn suppose_one(&mut self, plan: Plan) -> Result {
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
}
