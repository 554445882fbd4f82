//! Devices from which accounts have logged in: the statements.

use uuid::Uuid;

use super::Tx;
use crate::{
    error::{Failure, Result},
    kind::AccountKind,
};

/// Notes that an account has logged in from a device.
pub(crate) async fn note(
    tx: &mut Tx,
    id: &Uuid,
    kind: AccountKind,
    account: &Uuid,
    device: &Uuid,
) -> Result<(), Failure> {
    let now = tx.now();
    let sql = "INSERT INTO devices (id, kind, account_id, device_id, on_boarded, last_seen)
         VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (account_id, device_id) DO UPDATE SET last_seen = excluded.last_seen";
    tx.execute(sql, &[id.into(), kind.as_str().into(), account.into(), device.into(), now.into()]).await.map(drop)
}
