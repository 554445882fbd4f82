//! What the directory counts. The binary registers these and serves them on the metrics listener.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// Labels of the login counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoginLabels {
    /// `ok`; `refused`, whatever the reason; or `unavailable`, when it was not tried or the store failed.
    pub outcome: &'static str,
}

/// Labels of the store's histogram.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StoreLabels {
    /// `read`, or `write` with its commit.
    pub act: &'static str,
}

/// Labels of the counter of lists of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ListLabels {
    /// `memory`, or `database`.
    pub by: &'static str,
}

/// Labels of the counter of script faults.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ScriptLabels {
    /// `threw`; `type`, when it returned the wrong one; `time`, `memory` or `stack`, when it ran against that limit; or
    /// `stuck`, when it could not be stopped.
    pub kind: &'static str,
}

/// Everything the directory counts.
#[derive(Clone)]
pub struct Metrics {
    /// Logins by outcome.
    pub logins: Family<LoginLabels, Counter>,
    /// Comparisons of a password with a stored hash. A decoy's work is not one.
    pub password_verifications: Counter,
    /// Logins whose password was recognized in place of being compared with its hash.
    pub remembered_logins: Counter,
    /// Locks set by the gate.
    pub lockouts: Counter,
    /// Sessions opened.
    pub sessions_opened: Counter,
    /// Sessions ended by logout, a new password, disabling, deletion or age.
    pub sessions_ended: Counter,
    /// Hashes waiting for a worker.
    pub hash_queue_depth: Gauge,
    /// How long a hash waited for a worker.
    pub hash_wait: Histogram,
    /// How long a store closure took, its commit included.
    pub store_latency: Family<StoreLabels, Histogram, fn() -> Histogram>,
    /// How many writes one commit carried.
    pub commit_batch_size: Histogram,
    /// Pages of lists of accounts, by what found the rows.
    pub account_pages: Family<ListLabels, Counter>,
    /// Scripts that gave no result, by the kind of fault.
    pub script_faults: Family<ScriptLabels, Counter>,
    /// How long all scripts of one login took.
    pub script_evaluation: Histogram,
}

fn latency() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 2.5, 16))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            logins: Family::default(),
            password_verifications: Counter::default(),
            remembered_logins: Counter::default(),
            lockouts: Counter::default(),
            sessions_opened: Counter::default(),
            sessions_ended: Counter::default(),
            hash_queue_depth: Gauge::default(),
            hash_wait: latency(),
            store_latency: Family::new_with_constructor(latency),
            commit_batch_size: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            account_pages: Family::default(),
            script_faults: Family::default(),
            script_evaluation: latency(),
        }
    }
}

impl Metrics {
    /// Adds them to a registry, which should carry the prefix `portreeve`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("logins", "Logins by outcome", self.logins.clone());
        registry.register(
            "password_verifications",
            "Comparisons of a password with a stored hash",
            self.password_verifications.clone(),
        );
        registry.register(
            "remembered_logins",
            "Logins whose password was remembered and not hashed",
            self.remembered_logins.clone(),
        );
        registry.register("lockouts", "Locks set after too many wrong passwords", self.lockouts.clone());
        registry.register("sessions_opened", "Sessions opened", self.sessions_opened.clone());
        registry.register("sessions_ended", "Sessions ended", self.sessions_ended.clone());
        registry.register("hash_queue_depth", "Hashes waiting for a worker", self.hash_queue_depth.clone());
        registry.register_with_unit("hash_wait", "Wait of a hash for a worker", Unit::Seconds, self.hash_wait.clone());
        registry.register_with_unit(
            "store_latency",
            "Time of a store closure with its commit",
            Unit::Seconds,
            self.store_latency.clone(),
        );
        registry.register("commit_batch_size", "Writes carried by one commit", self.commit_batch_size.clone());
        registry.register("account_pages", "Pages of lists of accounts", self.account_pages.clone());
        registry.register("script_faults", "Scripts that gave no result", self.script_faults.clone());
        registry.register_with_unit(
            "script_evaluation",
            "Time of all scripts of one login",
            Unit::Seconds,
            self.script_evaluation.clone(),
        );
    }

    pub(crate) fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&LoginLabels { outcome }).inc();
    }

    pub(crate) fn account_page(&self, by: &'static str) {
        self.account_pages.get_or_create(&ListLabels { by }).inc();
    }

    pub(crate) fn script_fault(&self, kind: &'static str) {
        self.script_faults.get_or_create(&ScriptLabels { kind }).inc();
    }
}
