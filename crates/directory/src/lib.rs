//! What the directory is: accounts, the login gate, sessions and the store. It knows nothing of HTTP.
//!
//! Rules are functions over [`Directory`], one module a resource; each asks its [`caller::Caller`] first. Rules call
//! `store`, never the other way round. What compares a password is `login::gate`, and nothing else.

pub mod accounts;
pub mod attributes;
pub mod audit;
pub mod backup;
pub mod blacklist;
pub mod caller;
pub(crate) mod claims;
pub mod configuration;
pub mod dn;
pub mod entity;
pub mod error;
pub(crate) mod evaluation;
pub mod explain;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod global_settings;
pub mod identity_providers;
pub mod ip_pools;
pub(crate) mod javascript;
pub mod json;
pub mod kind;
pub mod limits;
pub mod list;
pub mod local_users;
pub mod login;
pub mod metrics;
pub mod objects;
pub mod on_boarded_devices;
pub(crate) mod origin;
pub mod own_account;
pub mod passwords;
pub mod policies;
pub mod privileges;
pub mod random;
pub(crate) mod references;
pub mod relocation;
pub(crate) mod rise;
pub mod roles;
pub mod roll;
pub mod scripts;
pub mod service_users;
pub mod sessions;
pub mod store;
pub(crate) mod subjects;
pub mod tags;
pub mod time;
pub mod transfer;
pub mod trial;
pub mod version;

use std::{ops::Deref, sync::Arc, time::Duration};

use caller::{ADMINISTRATOR, Caller};
use error::Result;
use javascript::Engine;
use local_users::LocalUserInput;
use login::{
    gate::Remembered,
    governor::{Flow, Governor},
};
use metrics::Metrics;
use passwords::Password;
use random::Random;
use store::{Location, Store, Use};
use time::{Clock, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

/// How long a new password waits for its hash before the client is told to come back.
const HASH_DEADLINE: Duration = Duration::from_secs(25);

/// How long a password is recognized if nothing else is said.
pub const REMEMBER_LOGINS: Duration = Duration::from_secs(60);

/// What a directory is opened with.
pub struct Options {
    /// Where the data lives.
    pub location: Location,
    /// How many passwords are hashed at once; each takes 19 MiB.
    pub hash_workers: usize,
    /// How long a password that was found right is recognized without its hash; zero for never.
    pub remember_logins: Duration,
    /// The node's clock.
    pub clock: Clock,
    /// The source of randomness.
    pub random: Random,
    /// What of the accounts is kept in memory for lists.
    pub rolls: roll::Limits,
    /// What the data is mostly opened for.
    pub usage: Use,
}

impl Options {
    /// The machine's own clock and randomness, and a hash worker for each core.
    pub fn new(location: Location) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            location,
            hash_workers: cores,
            remember_logins: REMEMBER_LOGINS,
            clock: Clock::system(),
            random: Random::system(),
            rolls: roll::Limits::default(),
            usage: Use::default(),
        }
    }
}

/// The directory. Cheap to clone: all clones are the same one.
#[derive(Clone)]
pub struct Directory(Arc<Parts>);

/// What the rules work with.
pub struct Parts {
    pub(crate) store: Store,
    pub(crate) governor: Arc<Governor>,
    pub(crate) remembered: Remembered,
    pub(crate) random: Random,
    pub(crate) scripts: Arc<Engine>,
    pub(crate) configuration: configuration::Cache,
    pub(crate) noted_faults: evaluation::NotedFaults,
    pub(crate) rolls: roll::Rolls,
    /// What is counted.
    pub metrics: Metrics,
}

impl Deref for Directory {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Directory {
    /// Opens the data, bringing its tables to this program's version.
    pub async fn open(options: Options) -> Result<Self> {
        passwords::hasher::fast_is_right();
        let metrics = Metrics::default();
        let governor = Governor::start(options.hash_workers, metrics.clone())?;
        let scripts = Engine::start(options.hash_workers, metrics.clone())?;
        let store = Store::open(&options.location, options.usage, options.clock.clone(), metrics.clone()).await?;
        Self::on(store, governor, scripts, metrics, options).await
    }

    /// A directory on an open store.
    async fn on(
        store: Store,
        governor: Arc<Governor>,
        scripts: Arc<Engine>,
        metrics: Metrics,
        options: Options,
    ) -> Result<Self> {
        let directory = Self(Arc::new(Parts {
            store,
            governor,
            remembered: Remembered::new(options.remember_logins, options.clock, &options.random),
            random: options.random,
            scripts,
            configuration: configuration::Cache::default(),
            noted_faults: evaluation::NotedFaults::default(),
            rolls: roll::Rolls::new(options.rolls),
            metrics,
        }));
        directory.install().await?;
        Ok(directory)
    }

    /// Adds what every installation begins with, where it is missing.
    async fn install(&self) -> Result<()> {
        let collective_id = self.random.uuid(self.store.now()).to_string();
        self.store
            .write(collective_id, |collective_id, tx| {
                Box::pin(async move {
                    store::relocation::marks::identify(tx, collective_id).await?;
                    identity_providers::install(tx).await?;
                    if !store::facts::insert(tx, "authority installed", "1").await? {
                        return Ok(());
                    }
                    policies::install(tx).await?;
                    ip_pools::install(tx).await?;
                    store::tags::appear_all(tx).await?;
                    let mut settings = store::configuration::settings(tx).await?;
                    settings.collective_id.clone_from(collective_id);
                    Ok(store::configuration::set_settings(tx, &settings).await?)
                })
            })
            .await
    }

    /// Makes the account `admin` if this is the first start, with the password given or a new one, and then says which.
    pub async fn install_administrator(&self, caller: &Caller, password: Option<String>) -> Result<Option<String>> {
        let first = self
            .store
            .read((), |(), tx| Box::pin(async move { Ok(store::facts::find(tx, "installed").await?.is_none()) }))
            .await?;
        if !first {
            return Ok(None);
        }
        let chosen = password.clone().unwrap_or_else(|| self.random.password());
        let input = LocalUserInput {
            name: Some(ADMINISTRATOR.into()),
            first_name: Some("Portreeve".into()),
            last_name: Some("Administrator".into()),
            password: Some(Password::new(chosen.clone())),
            ..LocalUserInput::default()
        };
        let made = match local_users::create(self, caller, input).await {
            Ok(_) => true,
            // Another node was faster.
            Err(error::Error::Conflict(_)) => false,
            Err(error) => return Err(error),
        };
        self.store
            .write((), |(), tx| Box::pin(async move { Ok(store::facts::insert(tx, "installed", "1").await?) }))
            .await?;
        Ok((made && password.is_none()).then_some(chosen))
    }

    /// Counts what was under way when the only node of this data last stopped. Nothing where nodes share the data: they
    /// find each other's dead attempts by their age.
    pub async fn recover(&self) -> Result<()> {
        if self.store.is_shared() { Ok(()) } else { login::gate::recover(self).await }
    }

    /// Removes what has run out: sessions, remembered passwords, notes of attempts whose node is gone, and what lists need no
    /// more. To be called every minute or so.
    pub async fn tidy(&self) -> Result<()> {
        self.remembered.tidy();
        while sessions::tidy(self).await? > 0 {}
        roll::tidy(self).await?;
        self.store.write((), |(), tx| Box::pin(login::gate::tidy(tx))).await
    }

    /// Leaves the data as a stopped server should. To be called last.
    pub fn close(&self) -> Result<()> {
        Ok(self.store.checkpoint()?)
    }

    /// What time it is, as the store has it.
    pub fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// What a browser, which makes no name of its own, is to be known by: 122 random bits.
    pub fn new_device(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random.number().to_le_bytes()).into_uuid()
    }

    /// A password that nobody chose.
    pub fn new_password(&self) -> String {
        self.random.password()
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<()> {
        self.store.ping().await
    }

    /// The hash of a new password.
    pub(crate) async fn hash_password(&self, flow: &Flow, password: Password) -> Result<String> {
        let permit = self.governor.admit(flow, usize::MAX, None, Instant::now() + HASH_DEADLINE).await?;
        let salt = self.random.salt();
        permit.run(move |hasher| hasher.hash(&password, &salt)).await?
    }
}

#[cfg(test)]
mod simulation;
