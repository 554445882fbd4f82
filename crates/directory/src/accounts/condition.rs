//! How accounts stand with the door: what keeps them out, and for how long.

use std::time::Duration;

use uuid::Uuid;

use super::{View, find};
use crate::{
    Directory,
    caller::{Caller, PrivilegeType},
    error::{Failure, Result},
    kind::AccountKind,
    list::{self, Listing},
    login::gate,
    store::{self, Row, accounts::Account},
    time::Timestamp,
};

/// What keeps an account out, or is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// When the lock ends that too many wrong passwords set.
    pub locked_until: Option<Timestamp>,
    /// Whether so many wrong passwords have come since the last good login that an administrator has to act (NIST SP
    /// 800-63B-4, 3.2.2).
    pub blocked: bool,
    /// Whether it has no password yet.
    pub without_password: bool,
    /// Whether nobody ever logged in to it.
    pub never_used: bool,
}

/// An account, with how it stands with the door.
#[derive(Debug, Clone)]
pub struct Overview<T> {
    /// The account.
    pub object: T,
    /// What its entity tag is made of.
    pub version: i64,
    /// How it stands with the door.
    pub condition: Condition,
}

impl<V: View> From<Account> for Overview<V> {
    /// As if no lock ever ended.
    fn from(account: Account) -> Self {
        let condition = Condition {
            locked_until: account.locked_at(),
            blocked: account.failures_since_reset >= gate::BLOCK_AT,
            without_password: !account.has_password,
            never_used: !account.used,
        };
        Self { version: account.version, condition, object: V::from(account) }
    }
}

/// How long a lock lasts, and the moment that is asked about.
#[derive(Clone, Copy)]
struct Lock {
    lasts: Duration,
    now: Timestamp,
}

impl Lock {
    async fn of(directory: &Directory, kind: AccountKind) -> Result<Self> {
        let configuration = directory.configuration_now().await?;
        let minutes = configuration.provider(kind)?.common.user_lockout_duration_minutes;
        let lasts = Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0));
        Ok(Self { lasts, now: directory.store.now() })
    }

    fn judge<V>(self, seen: &mut Overview<V>) {
        let until = seen.condition.locked_until.map(|start| start.plus(self.lasts));
        seen.condition.locked_until = until.filter(|until| *until > self.now);
    }
}

fn from_row<V: View>(row: &Row<'_>) -> Result<Overview<V>, Failure> {
    store::accounts::from_row(row).map(Overview::from)
}

pub(crate) async fn overview<V: View>(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<Listing<Overview<V>>> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    let lock = Lock::of(directory, V::KIND).await?;
    let listing = Listing::open(directory, V::TABLE, reach, request, from_row).await?;
    Ok(listing.completed_by(move |seen| lock.judge(seen)))
}

pub(crate) async fn some<V: View>(
    directory: &Directory,
    caller: &Caller,
    request: list::Request,
) -> Result<(Vec<Overview<V>>, u64)> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    let lock = Lock::of(directory, V::KIND).await?;
    let (mut rows, matching) = list::some(directory, V::TABLE, reach, request, Vec::new(), from_row).await?;
    rows.iter_mut().for_each(|seen| lock.judge(seen));
    Ok((rows, matching))
}

pub(crate) async fn look_at<V: View>(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Overview<V>> {
    let reach = caller.authorize(PrivilegeType::View, V::KIND.target())?;
    let mut seen = Overview::from(find::<V>(directory, reach, id).await?);
    Lock::of(directory, V::KIND).await?.judge(&mut seen);
    Ok(seen)
}
