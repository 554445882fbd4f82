//! Devices from which accounts have logged in, and ending their sessions: at once, or one device after the other.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Directory,
    audit::{self, Record},
    caller::{Caller, Missing, PrivilegeType, Target, out_of_scope},
    dn,
    entity::{Faults, TEXT_PATTERN, fold},
    error::{Error, Result},
    list::{self, Condition, Field, Listing, Scoped, Table, Values},
    privileges::Reach,
    store::{self, Tx, devices::Noted, list::Select, scope, sessions::Pace},
    time::Timestamp,
};

/// A device from which an account has logged in.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnBoardedDevice {
    /// Names it: `CN=<device id without dashes>,CN=<name of the account>,OU=<provider>`.
    #[schemars(example = &"CN=4c07bc6757ea42ddb702c2d6c45419fc,CN=bobby,OU=local")]
    pub distinguished_name: String,
    /// The UUID that the client made for it.
    pub device_id: Uuid,
    /// The name of the account.
    #[schemars(example = &"bobby")]
    pub username: String,
    /// The name of the account's provider.
    #[schemars(example = &"local")]
    pub provider_name: String,
    /// What kind of device it is. Nobody says so, so it is always `Unknown`.
    #[serde(rename = "device_type")]
    #[schemars(example = &"Unknown")]
    pub device_type: String,
    /// What it is called. Nobody says so, so it is always empty.
    pub hostname: String,
    /// When the account first logged in from it.
    pub on_boarded_at: Timestamp,
    /// When the account last logged in from it.
    pub last_seen_at: Timestamp,
}

impl From<Noted> for OnBoardedDevice {
    fn from(noted: Noted) -> Self {
        let Noted { device, on_boarded, last_seen, .. } = noted;
        Self {
            distinguished_name: device.to_string(),
            device_id: device.device_id,
            username: device.account.name,
            provider_name: device.account.kind.as_str().into(),
            device_type: "Unknown".into(),
            hostname: String::new(),
            on_boarded_at: on_boarded,
            last_seen_at: last_seen,
        }
    }
}

/// Of devices.
static DISTINGUISHED_NAME: Field = Field::text("distinguishedName", "dn");

static TABLE: Table = Table {
    name: "devices",
    from: Some(store::devices::NAMED),
    kind: None,
    columns: store::devices::COLUMNS,
    fields: &[
        std::slice::from_ref(&DISTINGUISHED_NAME),
        &[
            Field::text("username", "name_key"),
            Field::text("providerName", "kind"),
            Field::text("deviceId", "device"),
            Field::text("hostname", "hostname"),
            Field::of("onBoardedAt", "on_boarded", Values::Time),
            Field::of("lastSeenAt", "last_seen", Values::Time),
        ],
    ],
    order: ("lastSeenAt", true),
    scoped: Scoped::ByProvider,
};

const TARGET: Target = Target::RegisteredDevice;
/// How the audit log calls a device.
const OBJECT_KIND: &str = "RegisteredDevice";

fn not_found(device: &dn::Device) -> Error {
    Error::NotFound(format!("there is no device {device}"))
}

/// Devices that match, those seen last first.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<OnBoardedDevice>> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    Listing::open(directory, &TABLE, reach, request, |row| store::devices::from_row(row).map(Into::into)).await
}

/// The devices of one account, as far as the caller may see devices of its provider.
pub async fn of_account(
    directory: &Directory,
    caller: &Caller,
    account: Uuid,
    request: list::Request,
) -> Result<Listing<OnBoardedDevice>> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    let map = |row: &store::Row<'_>| store::devices::from_row(row).map(Into::into);
    Listing::open_among(directory, &TABLE, reach, request, vec![Condition::OfAccount(account)], map).await
}

async fn find(directory: &Directory, reach: Reach, device: &dn::Device) -> Result<Noted> {
    let found = directory
        .store
        .read((device.clone(), reach), |(device, reach), tx| {
            Box::pin(async move {
                let Some(id) = store::devices::find(tx, device).await? else { return Ok(None) };
                Ok(Select::one(&TABLE, id, reach.clone()).read(tx, store::devices::from_row).await?)
            })
        })
        .await?;
    found.ok_or_else(|| not_found(device))
}

/// One device.
pub async fn get(directory: &Directory, caller: &Caller, device: &dn::Device) -> Result<OnBoardedDevice> {
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    Ok(find(directory, reach, device).await?.into())
}

/// Forgets a device and ends its sessions. The next login from it makes it known again.
pub async fn delete(directory: &Directory, caller: &Caller, device: &dn::Device) -> Result<()> {
    let reach = caller.authorize(PrivilegeType::Delete, TARGET)?;
    let noted = find(directory, caller.reach(PrivilegeType::View, TARGET), device).await?;
    let audit_id = directory.random.uuid(directory.store.now());
    let ended = directory
        .store
        .write((noted, caller.clone(), reach, audit_id), |(noted, caller, reach, audit_id), tx| {
            Box::pin(async move {
                if !scope::includes(tx, &TABLE, &noted.id, reach).await? {
                    return Err(out_of_scope(Missing(PrivilegeType::Delete, TARGET)));
                }
                let Some((account, device)) = store::devices::delete(tx, &noted.id).await? else {
                    return Err(not_found(&noted.device));
                };
                // Behind the device: a login from it that was faster has been waited for.
                let ended = store::sessions::delete_of_device(tx, &account, &device).await?;
                let old = OnBoardedDevice::from(noted.clone());
                let changes = audit::changes(Some(&old), None, false);
                record(tx, audit_id, caller, ("delete", &old.distinguished_name, ""), &changes).await?;
                Ok(ended)
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(())
}

/// Whose sessions are to end, and when. All devices, at once, if nothing is said.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevocationInput {
    /// Only of devices whose distinguished name contains this, in upper or lower case; of all if it is empty.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN), example = &",CN=bobby,OU=local")]
    pub distinguished_name_filter: Option<String>,
    /// Only of devices with these distinguished names, unless there are none.
    #[schemars(length(max = 10_000))]
    pub specific_distinguished_names: Option<Vec<String>>,
    /// Only tokens of this type: `Administration`, `AdminClaims`, `Entitlement` or `Claims`, in upper or lower case; of all
    /// if it is empty. Portreeve gives out no tokens of the last two, so that no device is concerned then.
    pub token_type: Option<String>,
    /// Why, for the audit log.
    #[schemars(length(max = 4096), regex(pattern = TEXT_PATTERN))]
    pub revocation_reason: Option<String>,
    /// Minutes after which the first device's sessions end; at once if left out.
    #[schemars(with = "Option<i64>", range(min = 0, max = 525_600))]
    pub delay_minutes: Option<serde_json::Number>,
    /// Devices whose sessions end in a second; no matter how many if left out.
    #[schemars(with = "Option<f64>", extend("exclusiveMinimum" = 0))]
    pub devices_per_second: Option<serde_json::Number>,
}

/// The checked [`RevocationInput`].
#[derive(Debug, Clone)]
struct Revocation {
    filter: String,
    /// None if all are meant.
    devices: Option<Vec<dn::Device>>,
    /// Whether tokens of ours are meant.
    ours: bool,
    reason: String,
    delay: Duration,
    /// From one device to the next.
    gap: Option<Duration>,
}

/// What the audit log says of a revocation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked<'a> {
    distinguished_name_filter: &'a str,
    /// How many were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    specific_distinguished_names: Option<usize>,
    delay_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_between_devices: Option<f64>,
    devices: u64,
    sessions: u64,
}

/// Devices that may be named in one request.
const MOST_DEVICES: usize = 10_000;
const MOST_DELAY_MINUTES: i64 = 525_600;

impl RevocationInput {
    fn check(self) -> Result<Revocation> {
        let mut faults = Faults::default();
        let filter = faults.lines("distinguishedNameFilter", self.distinguished_name_filter);
        let devices = check_devices(self.specific_distinguished_names.unwrap_or_default(), &mut faults);
        let ours = match self.token_type.unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "administration" | "adminclaims" => true,
            "entitlement" | "claims" => false,
            _ => {
                faults.add("tokenType", "must be one of Administration, AdminClaims, Entitlement, Claims, or empty");
                false
            }
        };
        let reason = faults.lines("revocationReason", self.revocation_reason);
        let minutes = faults.integer("delayMinutes", self.delay_minutes, 0..=MOST_DELAY_MINUTES).unwrap_or(0);
        let delay = Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0));
        let per_second = self.devices_per_second.and_then(|number| number.as_f64());
        if per_second.is_some_and(|number| number <= 0.0) {
            faults.add("devicesPerSecond", "must be a number above 0");
        }
        faults.check()?;
        let gap = per_second.map(|number| Duration::try_from_secs_f64(number.recip()).unwrap_or(Duration::MAX));
        Ok(Revocation { filter, devices, ours, reason, delay, gap })
    }
}

fn check_devices(names: Vec<String>, faults: &mut Faults) -> Option<Vec<dn::Device>> {
    const FIELD: &str = "specificDistinguishedNames";
    if names.is_empty() {
        return None;
    }
    if names.len() > MOST_DEVICES {
        faults.add(FIELD, format!("may have at most {MOST_DEVICES} entries"));
        return None;
    }
    let mut devices = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match dn::Device::parse(name) {
            Ok(device) => devices.push(device),
            Err(wrong) => faults.add(&format!("{FIELD}[{index}]"), wrong),
        }
    }
    Some(devices)
}

/// Ends the sessions of devices, and gives the devices that this concerns: those that the caller may see and delete. What
/// is to end later ends by itself: the sessions are only given less time.
pub async fn revoke(
    directory: &Directory,
    caller: &Caller,
    input: RevocationInput,
) -> Result<Listing<OnBoardedDevice>> {
    let deletable = caller.authorize(PrivilegeType::Delete, TARGET)?;
    let visible = caller.authorize(PrivilegeType::View, TARGET)?;
    let revocation = input.check()?;
    let mut conditions = Vec::new();
    if deletable != visible {
        conditions.push(Condition::Within(deletable));
    }
    if !revocation.filter.is_empty() {
        conditions.push(Condition::Contains(Some(&DISTINGUISHED_NAME), fold(&revocation.filter)));
    }
    if !revocation.ours {
        conditions.push(Condition::AnyOf(Vec::new()));
    }
    if let Some(devices) = revocation.devices.clone() {
        conditions.push(Condition::AnyOf(ids_of(directory, devices).await?));
    }
    let select = Select { conditions: conditions.clone(), ..Select::all(&TABLE, visible.clone()) };
    let audit_id = directory.random.uuid(directory.store.now());
    let ended = directory
        .store
        .write((select, revocation, caller.clone(), audit_id), |(select, revocation, caller, audit_id), tx| {
            Box::pin(revoke_in(tx, select, revocation, caller, audit_id))
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    let map = |row: &store::Row<'_>| store::devices::from_row(row).map(Into::into);
    Listing::open_among(directory, &TABLE, visible, list::Request::default(), conditions, map).await
}

/// The ids under which devices are noted, as far as they are.
async fn ids_of(directory: &Directory, devices: Vec<dn::Device>) -> Result<Vec<Uuid>> {
    directory
        .store
        .scan(devices, |devices, tx| {
            Box::pin(async move {
                let mut ids = Vec::new();
                for device in devices {
                    ids.extend(store::devices::find(tx, device).await?);
                }
                Ok(ids)
            })
        })
        .await
}

/// Says how many sessions ended here and now.
async fn revoke_in(
    tx: &mut Tx,
    select: &Select,
    revocation: &Revocation,
    caller: &Caller,
    audit_id: &Uuid,
) -> Result<u64> {
    let devices = select.count(tx, true).await?;
    let now = revocation.delay.is_zero() && revocation.gap.is_none();
    let sessions = if now {
        store::sessions::delete_of_devices(tx, select).await?
    } else {
        let nanos = revocation.gap.unwrap_or_default().as_nanos();
        let pace = Pace { first: tx.now().plus(revocation.delay), gap: i64::try_from(nanos).unwrap_or(i64::MAX) };
        store::sessions::end_in_turn(tx, select, pace).await?
    };
    let revoked = Revoked {
        distinguished_name_filter: &revocation.filter,
        specific_distinguished_names: revocation.devices.as_ref().map(Vec::len),
        delay_seconds: revocation.delay.as_secs(),
        seconds_between_devices: revocation.gap.map(|gap| gap.as_secs_f64()),
        devices,
        sessions,
    };
    let changes = audit::changes(None, Some(&revoked), false);
    record(tx, audit_id, caller, ("revoke tokens", "", &revocation.reason), &changes).await?;
    Ok(if now { sessions } else { 0 })
}

async fn record(
    tx: &mut Tx,
    audit_id: &Uuid,
    caller: &Caller,
    (act, name, reason): (&str, &str, &str),
    changes: &str,
) -> Result<()> {
    audit::write(tx, audit_id, &Record { reason, ..audit::done(caller, act, (OBJECT_KIND, None, name), changes) }).await
}
