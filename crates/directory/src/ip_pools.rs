//! IP Pools: two that are there so that providers can name them, as files written for other products do. Portreeve assigns
//! no addresses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Directory,
    caller::Caller,
    error::{Failure, Result},
    kind::ObjectKind,
    list::{self, Listing, Table},
    objects::{self, View},
    store::{Tx, objects::Object},
    time::Timestamp,
    version::Versioned,
};

/// Addresses from one to another. Portreeve keeps them and assigns none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressRange {
    /// The first address.
    #[schemars(example = &"10.0.0.1")]
    pub first: String,
    /// The last address, which belongs to the range.
    #[schemars(example = &"10.0.0.254")]
    pub last: String,
}

/// A pool of addresses. Portreeve assigns no addresses: the pools are there to be named by Identity Providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpPool {
    /// Identifies the object.
    pub id: Uuid,
    /// The name of the pool.
    #[schemars(example = &"default pool v4")]
    pub name: String,
    /// Whatever should be remembered about it.
    pub notes: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Words by which objects are grouped.
    #[schemars(example = ["builtin"])]
    pub tags: Vec<String>,
    /// Whether its addresses are those of version 6 of the Internet Protocol.
    pub ip_version6: bool,
    /// Its addresses.
    pub ranges: Vec<AddressRange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    ip_version6: bool,
    ranges: Vec<AddressRange>,
}

impl View for IpPool {
    const KIND: ObjectKind = ObjectKind::IpPool;
    const TABLE: &'static Table = &objects::table(ObjectKind::IpPool);

    fn from_object(object: Object) -> Result<Self, Failure> {
        let Object { id, name, notes, created, updated, tags, body, .. } = object;
        let body = serde_json::from_value(serde_json::Value::Object(body));
        let Body { ip_version6, ranges } =
            body.map_err(|wrong| Failure::Broken(format!("the IP Pool {name} {id}: {wrong}")))?;
        Ok(Self { id, name, notes, created, updated, tags, ip_version6, ranges })
    }
}

/// IP Pools that match.
pub async fn list(directory: &Directory, caller: &Caller, request: list::Request) -> Result<Listing<IpPool>> {
    objects::list(directory, caller, request).await
}

/// One IP Pool.
pub async fn get(directory: &Directory, caller: &Caller, id: Uuid) -> Result<Versioned<IpPool>> {
    objects::get(directory, caller, id).await
}

/// The same on every installation, so that nodes that start together agree.
const V4_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0021);
const V6_ID: Uuid = Uuid::from_u128(0x0199_8f00_0000_7000_8000_0000_0000_0022);

const NOTES: &str = "There to be named by Identity Providers. Portreeve assigns no addresses.";

/// Adds the two pools.
pub(crate) async fn install(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    for (id, name, ip_version6, first, last) in [
        (V4_ID, "default pool v4", false, "10.0.0.1", "10.0.0.254"),
        (V6_ID, "default pool v6", true, "fd00::1", "fd00::fffe"),
    ] {
        let body = json!({ "ipVersion6": ip_version6, "ranges": [{ "first": first, "last": last }] });
        let pool = Object {
            id,
            kind: ObjectKind::IpPool,
            name: name.into(),
            notes: NOTES.into(),
            tags: vec!["builtin".into()],
            body: body.as_object().cloned().unwrap_or_default(),
            fault: None,
            created: now,
            updated: now,
            version: now.micros(),
        };
        objects::insert(tx, &pool).await?;
    }
    Ok(())
}
