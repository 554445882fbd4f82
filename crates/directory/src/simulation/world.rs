//! A world: one database, a few nodes, and the time, all of which follow from a seed.

use std::{
    cell::OnceCell,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::Number;
use uuid::Uuid;

use super::{
    steps::{Chance, Steps, Weather},
    watch,
};
use crate::{
    Directory, Options,
    caller::Caller,
    error::Result,
    global_settings::{self, GlobalSettingsInput},
    identity_providers::{self, IdentityProviderInput},
    javascript::Engine,
    local_users::{self, LocalUserInput},
    login::governor::Governor,
    metrics::Metrics,
    origin::Origin,
    passwords::{Password, hasher::Hasher},
    policies::{self, PolicyInput},
    random::Random,
    roles::{self, AdministrativeRoleInput, PrivilegeInput, ScopeInput},
    service_users::{self, ServiceUserInput},
    store::{
        Location, Store, accounts,
        simulated::{Database, Simulated},
    },
    time::{Clock, Timestamp},
    version::Expected,
};

/// When every world begins: 2026-11-22T00:00:00Z.
const DAWN: Timestamp = Timestamp::from_micros(1_795_305_600_000_000);
/// How long what all worlds begin with takes to be made at most.
const CREATION: Duration = Duration::from_secs(3_600);

/// Local Users, with the tag of each. The last has no password.
pub(super) const PEOPLE: [(&str, &str); 4] = [("ada", "staff"), ("bob", "stopped"), ("cleo", ""), ("nemo", "")];
/// A Service User.
pub(super) const MACHINE: &str = "loom";
/// The policy that gives a role to whoever has the tag `staff`, and the one that stops whoever has `stopped`.
pub(super) const POLICIES: [(&str, &str, &str); 2] = [("Staff", "Admin", "staff"), ("Stopped", "Stop", "stopped")];
/// What the first policy gives.
pub(super) const ROLE: &str = "Helper";
pub(super) const ROLE_ID: Uuid = Uuid::from_u128(0x5ee1_c8d2_0000_7000_8000_0000_0000_0001);

/// How a world is: which faults, how many nodes.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) weather: Weather,
    /// Several nodes, as on PostgreSQL; else one, as on SQLite, which counts what was under way when it starts again.
    pub(super) is_shared: bool,
    pub(super) nodes: usize,
    pub(super) remember: Duration,
    pub(super) hash_workers: usize,
}

pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) plan: Plan,
    pub(super) database: Arc<Database>,
    nodes: Mutex<Vec<Option<Node>>>,
}

/// A node that is up.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) directory: Directory,
    pub(super) steps: Steps,
    /// By how much its own clock is off, in microseconds.
    offset: Arc<AtomicI64>,
}

impl Node {
    /// Sets its own clock: off by so many microseconds.
    pub(super) fn set_clock(&self, off: i64) {
        self.offset.store(off, Ordering::Relaxed);
    }
}

pub(super) fn password(text: &str) -> Password {
    Password::new(text.into())
}

pub(super) fn first_password(name: &str) -> String {
    format!("first password of {name}")
}

/// From where every request of a simulation comes: its id says which it is.
pub(super) fn origin(request_id: String) -> Origin {
    Origin { source: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), request_id }
}

impl World {
    /// A new one, in which nothing has happened yet.
    pub(super) fn new(chance: Chance, plan: Plan) -> Result<Arc<Self>> {
        thread_local! {
            static DATABASE: OnceCell<Arc<Database>> = const { OnceCell::new() };
        }
        watch::begin();
        let database = DATABASE.with(|made| made.get_or_init(|| create().expect("a database in memory")).clone());
        database.restart(plan.is_shared, DAWN.plus(CREATION))?;
        let nodes = Mutex::new(vec![None; plan.nodes]);
        Ok(Arc::new(Self { chance, plan, database, nodes }))
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Option<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a node, unless it is up.
    pub(super) async fn start(&self, number: usize) -> Result<()> {
        if self.nodes()[number].is_some() {
            return Ok(());
        }
        let offset = Arc::new(AtomicI64::new(0));
        let steps = Steps::new(self.chance.clone(), self.plan.weather);
        let directory = open(&self.database, &self.chance, steps.clone(), offset.clone(), &self.plan).await?;
        directory.recover().await?;
        self.nodes()[number] = Some(Node { directory, steps, offset });
        Ok(())
    }

    /// Ends a node at whatever it is at. False if it was down already.
    pub(super) fn crash(&self, number: usize) -> bool {
        let Some(node) = self.nodes()[number].take() else { return false };
        node.steps.crash();
        true
    }

    /// A node that is up, by chance.
    pub(super) fn some_node(&self) -> Option<(usize, Node)> {
        let up: Vec<_> =
            self.nodes().iter().enumerate().filter_map(|(number, node)| Some((number, node.clone()?))).collect();
        let place = if up.is_empty() { 0 } else { self.chance.draw(|d| d.usize(..up.len())) };
        up.into_iter().nth(place)
    }

    /// A node, if it is up.
    pub(super) fn node(&self, number: usize) -> Option<Node> {
        self.nodes()[number].clone()
    }
}

async fn open(
    database: &Arc<Database>,
    chance: &Chance,
    steps: Steps,
    offset: Arc<AtomicI64>,
    plan: &Plan,
) -> Result<Directory> {
    let metrics = Metrics::default();
    let bytes = Mutex::new(fastrand::Rng::with_seed(chance.draw(|d| d.u64(..))));
    let random = move |into: &mut [u8]| bytes.lock().unwrap_or_else(PoisonError::into_inner).fill(into);
    let time = database.clone();
    let clock = move || Timestamp::from_micros(time.now().micros() + offset.load(Ordering::Relaxed));
    let options = Options {
        hash_workers: plan.hash_workers,
        remember_logins: plan.remember,
        clock: Clock::from_fn(clock),
        random: Random::from_fn(random),
        // Nobody asks for it: the store is there already.
        ..Options::new(Location::Folder(PathBuf::new()))
    };
    let store = Store::simulated(Simulated { database: database.clone(), steps: steps.clone() }, metrics.clone());
    let governor = Governor::simulated(plan.hash_workers, steps, metrics.clone());
    Directory::on(store, governor, Engine::in_place(metrics.clone()), metrics, options).await
}

/// What all worlds of a thread begin with.
fn create() -> Result<Arc<Database>> {
    // Not the runtime of whoever asks, whose time this would take.
    let work = || {
        watch::begin();
        (super::runtime().block_on(populated()), watch::passwords())
    };
    let (database, passwords) = std::thread::spawn(work).join().expect("what all worlds begin with");
    watch::know(passwords);
    let database = database?;
    database.keep()?;
    Ok(database)
}

async fn populated() -> Result<Arc<Database>> {
    let (database, chance) = (Database::new(DAWN)?, Chance::new(0));
    populate(&database, &chance).await?;
    Ok(database)
}

async fn populate(database: &Arc<Database>, chance: &Chance) -> Result<()> {
    let (weather, offset) = (Weather::default(), Arc::default());
    let plan = Plan { weather, is_shared: false, nodes: 1, remember: Duration::ZERO, hash_workers: 1 };
    let steps = Steps::new(chance.clone(), weather);
    let simulated = Simulated { database: database.clone(), steps: steps.clone() };
    Store::simulated(simulated, Metrics::default()).migrate().await?;
    let directory = open(database, chance, steps, offset, &plan).await?;
    let caller = Caller::operator("creation".into());
    // Short enough to run out.
    let settings = GlobalSettingsInput {
        administration_token_expiration: Some(Number::from(25)),
        ..GlobalSettingsInput::default()
    };
    global_settings::replace(&directory, &caller, settings).await?;
    identity_providers::replace(&directory, &caller, identity_providers::LOCAL_ID, Expected::Any, provider(5, 1))
        .await?;
    for (name, tag) in PEOPLE {
        let input =
            LocalUserInput { password: (name != "nemo").then(|| password(&first_password(name))), ..person(name, tag) };
        local_users::create(&directory, &caller, input).await?;
    }
    let machine = ServiceUserInput {
        name: Some(MACHINE.into()),
        password: Some(password(&first_password(MACHINE))),
        ..ServiceUserInput::default()
    };
    service_users::create(&directory, &caller, machine).await?;
    roles::create(&directory, &caller, role(true)).await?;
    for (name, _, _) in POLICIES {
        policies::create(&directory, &caller, policy(name, name == "Stopped")).await?;
    }
    age_hash(&directory).await
}

/// A Local User as it is to be.
pub(super) fn person(name: &str, tag: &str) -> LocalUserInput {
    LocalUserInput {
        name: Some(name.into()),
        first_name: Some("Bobby".into()),
        last_name: Some("Tables".into()),
        tags: Some(Some(tag).filter(|tag| !tag.is_empty()).map(str::to_owned).into_iter().collect()),
        ..LocalUserInput::default()
    }
}

/// The role as it is to be.
pub(super) fn role(gives: bool) -> AdministrativeRoleInput {
    let view = PrivilegeInput {
        privilege_type: Some("View".into()),
        target: Some("LocalUser".into()),
        scope: Some(ScopeInput { all: Some(true), ..ScopeInput::default() }),
        ..PrivilegeInput::default()
    };
    AdministrativeRoleInput {
        id: Some(ROLE_ID.to_string()),
        name: Some(ROLE.into()),
        privileges: Some(if gives { vec![view] } else { Vec::new() }),
        ..AdministrativeRoleInput::default()
    }
}

/// The provider of people as it is to be. A session of the console ends when it is not used for ten minutes.
pub(super) fn provider(threshold: u8, minutes: u8) -> IdentityProviderInput {
    IdentityProviderInput {
        name: Some("local".into()),
        tags: Some(vec!["builtin".into()]),
        user_lockout_threshold: Some(Number::from(threshold)),
        user_lockout_duration_minutes: Some(Number::from(minutes)),
        inactivity_timeout_minutes: Some(Number::from(10)),
        ..IdentityProviderInput::default()
    }
}

/// The id of a policy.
pub(super) fn policy_id(name: &str) -> Uuid {
    let place = POLICIES.iter().position(|(known, _, _)| *known == name).expect("is one of them");
    Uuid::from_u128(ROLE_ID.as_u128() + 1 + place as u128)
}

/// A policy as it is to be.
pub(super) fn policy(name: &str, disabled: bool) -> PolicyInput {
    let known = POLICIES.iter().find(|(known, _, _)| *known == name);
    let (_, policy_type, tag) = known.expect("is one of them");
    PolicyInput {
        id: Some(policy_id(name).to_string()),
        administrative_roles: Some(vec![ROLE_ID.to_string()]),
        name: Some(name.into()),
        policy_type: Some((*policy_type).into()),
        expression: Some(format!("return claims.user.tags.indexOf(\"{tag}\") >= 0;")),
        disabled: Some(disabled),
        ..PolicyInput::default()
    }
}

/// Gives one account a hash of another cost, which its next login replaces.
async fn age_hash(directory: &Directory) -> Result<()> {
    let old = Hasher::cheap(16).hash(&password(&first_password("cleo")), &[7; 16])?;
    directory
        .store
        .write(old, |old, tx| {
            Box::pin(async move {
                let found = accounts::find_named(tx, crate::kind::AccountKind::Local, "cleo").await?;
                let (id, _) = found.expect("was made");
                Ok(accounts::set_password_hash(tx, &id, old).await?)
            })
        })
        .await
}
