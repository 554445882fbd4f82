//! Privileges: what may be done with which objects. `authority` says what several of them come to.

mod authority;
mod map;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use authority::{Authority, Missing, Reach};
pub use map::{ScopeKind, TargetEntry, all_pairs, scope_kind, type_target_map};

/// What a privilege allows to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the words are those of the wire and say what they mean")]
pub enum PrivilegeType {
    All,
    View,
    Create,
    Edit,
    Tag,
    Delete,
    Revoke,
    Export,
    Upgrade,
    RenewCertificate,
    DownloadLogs,
    Test,
    GetUserAttributes,
    Backup,
    CheckStatus,
    Reevaluate,
    Reboot,
    AssignFunction,
}

/// What a privilege is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the words are those of the wire and say what they mean")]
pub enum Target {
    All,
    AdministrativeRole,
    AdminMessage,
    AllocatedIp,
    Appliance,
    ApplianceCustomization,
    AuditLog,
    AutoUpdate,
    Blacklist,
    CaCertificate,
    ClientProfile,
    Condition,
    CriteriaScript,
    DeviceClaimScript,
    DiscoveredApp,
    Entitlement,
    EntitlementScript,
    FailedAuthentication,
    Fido2Device,
    File,
    GlobalSetting,
    IdentityProvider,
    IpPool,
    License,
    LocalUser,
    MfaProvider,
    OtpSeed,
    Policy,
    RegisteredDevice,
    RingfenceRule,
    RiskModel,
    Secret,
    ServiceUser,
    SessionInfo,
    Site,
    TokenRecord,
    TrustedCertificate,
    UserClaimScript,
    UserLicense,
    Ztp,
}

/// What an appliance can be made to do. Portreeve keeps the word and has no appliances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the words are those of the wire and say what they mean")]
pub enum Function {
    Controller,
    Gateway,
    LogServer,
    LogForwarder,
    Connector,
    Portal,
    #[serde(rename = "Metrics Aggregator")]
    MetricsAggregator,
}

impl fmt::Display for PrivilegeType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// Which objects of its target a privilege covers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// All of them.
    pub all: bool,
    /// Those with these ids; for targets that are scoped by Identity Provider, those of these providers.
    pub ids: Vec<Uuid>,
    /// Those that carry one of these tags; for targets that are scoped by Identity Provider, those of providers that do.
    pub tags: Vec<String>,
}

/// The right to do something with some objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Privilege {
    /// What may be done.
    #[serde(rename = "type")]
    pub privilege_type: PrivilegeType,
    /// With what.
    pub target: Target,
    /// With which of them. Absent of type `AssignFunction` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Tags that what its holder creates is given. Of type `Create` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_tags: Option<Vec<String>>,
    /// The functions that may be assigned. Of type `AssignFunction` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<Function>>,
}

impl Privilege {
    /// The right to do everything with everything.
    pub fn everything() -> Self {
        Self {
            privilege_type: PrivilegeType::All,
            target: Target::All,
            scope: Some(Scope { all: true, ..Scope::default() }),
            default_tags: None,
            functions: None,
        }
    }
}
