//! Devices from which accounts have logged in: the statements.

use uuid::Uuid;

use super::{Row, Tx};
use crate::{
    dn,
    entity::fold,
    error::{Failure, Result},
    kind::AccountKind,
    time::Timestamp,
};

/// A device as it is stored, with the account that logs in from it.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    pub(crate) id: Uuid,
    pub(crate) device: dn::Device,
    pub(crate) on_boarded: Timestamp,
    pub(crate) last_seen: Timestamp,
}

/// What `from_row` reads, in its order.
pub(crate) const COLUMNS: &str = "id, kind, name, device_id, on_boarded, last_seen";

/// Devices with their accounts' names, and the texts that lists look into: the device's id as clients write it, and the
/// distinguished name, folded, escaped as `dn` escapes it.
pub(crate) const NAMED: &str = "(SELECT id, kind, account_id, device_id, on_boarded, last_seen, name, name_key, device,
       hostname, dn, name_key || '\u{1}' || kind || '\u{1}' || device || '\u{1}' || dn AS search
     FROM (SELECT id, kind, account_id, device_id, on_boarded, last_seen, name, name_key, '' AS hostname,
         substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-' || substr(hex, 13, 4) || '-' || substr(hex, 17, 4) || '-'
           || substr(hex, 21, 12) AS device,
         'cn=' || hex || ',cn=' || CASE WHEN name_key LIKE '#%' THEN '\\' ELSE '' END
           || replace(replace(replace(replace(replace(replace(replace(name_key, '\\', '\\\\'), ',', '\\,'), '+', '\\+'),
             '\"', '\\\"'), ';', '\\;'), '<', '\\<'), '>', '\\>') || ',ou=' || kind AS dn
       FROM (SELECT d.id, d.kind, d.account_id, d.device_id, d.on_boarded, d.last_seen, a.name, a.name_key,
           encode(d.device_id, 'hex') AS hex
         FROM devices d JOIN accounts a ON a.id = d.account_id) AS plain) AS written) AS named";

pub(crate) fn from_row(row: &Row<'_>) -> Result<Noted, Failure> {
    let account = dn::Account { kind: AccountKind::from_text(&row.text(1)?)?, name: row.text(2)? };
    Ok(Noted {
        id: row.uuid(0)?,
        device: dn::Device { device_id: row.uuid(3)?, account },
        on_boarded: row.time(4)?,
        last_seen: row.time(5)?,
    })
}

/// The id under which a device is noted, if it is.
pub(crate) async fn find(tx: &mut Tx, device: &dn::Device) -> Result<Option<Uuid>, Failure> {
    let sql = "SELECT d.id FROM devices d JOIN accounts a ON a.id = d.account_id
         WHERE a.kind = $1 AND a.name_key = $2 AND d.device_id = $3";
    let name_key = fold(&device.account.name);
    let values = [device.account.kind.as_str().into(), (&name_key).into(), (&device.device_id).into()];
    tx.first(sql, &values, |row| row.uuid(0)).await
}

/// Forgets a device. Gives the account's id and the device's, or nothing if it was forgotten already.
pub(crate) async fn delete(tx: &mut Tx, id: &Uuid) -> Result<Option<(Uuid, Uuid)>, Failure> {
    let sql = "DELETE FROM devices WHERE id = $1 RETURNING account_id, device_id";
    tx.first(sql, &[id.into()], |row| Ok((row.uuid(0)?, row.uuid(1)?))).await
}

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
