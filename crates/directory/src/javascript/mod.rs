//! The sealed JavaScript engine: policies, criteria and user claim scripts run here, and can do nothing but compute.
//!
//! Each script is the body of a function of `claims`. It meets the language and no more: no input or output, no clock, no
//! randomness, no timers, nothing that outlives its run. What there is of the language is said and frozen in `seal`, `sealed`
//! holds a script to its time, memory and stack, and what all that does not hold is given up here by the clock on the wall:
//! such a script's thread is replaced.

mod pulse;
mod script;
mod sealed;
mod syntax;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use syntax::assert_sealed;
mod worker;

#[cfg(test)]
mod in_place;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    metrics::Metrics,
};

pub use script::SyntaxFault;
pub(crate) use script::{Claims, Evaluation, ScriptFault, Source, Sources};

use pulse::Pulse;
use sealed::Realm;
use worker::Worker;

/// Jobs that may wait for a worker.
const QUEUE_LIMIT: usize = 4_096;
/// How long one may wait for its turn.
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// What an overloaded caller is told to wait, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;
/// A worker that gave no sign of life for this long is stuck where its limits are not asked for. Signs come with every
/// script and every few thousand steps of one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Stuck threads that are replaced. Each may keep a core busy until its script ends.
const MOST_ABANDONED: usize = 4;
/// Room for the engine's own stack, of which a script's calls get a part.
const THREAD_STACK: usize = 2 * 1024 * 1024;

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// What scripts run on: threads of their own. They end with it.
pub(crate) struct Engine {
    pool: Arc<Pool>,
    /// Whether scripts run where they are asked for, and nothing goes on beside them.
    #[cfg(test)]
    is_in_place: bool,
}

struct Pool {
    work: Sender<Job>,
    jobs: Receiver<Job>,
    started: AtomicUsize,
    abandoned: Arc<AtomicUsize>,
    patience: Duration,
    metrics: Metrics,
}

/// What a worker made of a job.
enum Answer<T> {
    Done(T),
    Stuck,
}

impl Engine {
    /// Starts the workers.
    pub(crate) fn start(workers: usize, metrics: Metrics) -> Result<Arc<Self>> {
        Self::patient(workers, metrics, PATIENCE)
    }

    fn patient(workers: usize, metrics: Metrics, patience: Duration) -> Result<Arc<Self>> {
        // An engine that cannot be sealed is found out at the start, not at the first login.
        Realm::new(&[], &[], Arc::default())?;
        let engine = Self::without_workers(metrics, patience);
        for _ in 0..workers.max(1) {
            engine.pool.spawn()?;
        }
        Ok(Arc::new(engine))
    }

    fn without_workers(metrics: Metrics, patience: Duration) -> Self {
        let (work, jobs) = crossbeam_channel::bounded(QUEUE_LIMIT);
        let pool = Pool { work, jobs, started: AtomicUsize::new(0), abandoned: Arc::default(), patience, metrics };
        Self {
            pool: Arc::new(pool),
            #[cfg(test)]
            is_in_place: false,
        }
    }

    /// One that runs scripts where they are asked for.
    #[cfg(test)]
    pub(crate) fn in_place(metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { is_in_place: true, ..Self::without_workers(metrics, PATIENCE) })
    }

    /// Where the text of a script is wrong, if it is.
    pub(crate) async fn check(&self, expression: String) -> Result<Option<SyntaxFault>> {
        #[cfg(test)]
        if self.is_in_place {
            return syntax::check(&expression);
        }
        match self.ask(move |_| syntax::check(&expression)).await? {
            Answer::Done(fault) => fault,
            Answer::Stuck => Ok(Some(syntax::too_slow())),
        }
    }

    /// Runs the named user scripts in order, merging what each returns into `claims.user`, where the next sees it; then
    /// every policy of the sources. A script that fails costs nobody else their result, but where one could not be stopped
    /// none has any.
    pub(crate) async fn evaluate(
        &self,
        sources: Arc<Sources>,
        user_scripts: Vec<Uuid>,
        claims: Claims,
    ) -> Result<Evaluation> {
        #[cfg(test)]
        if self.is_in_place {
            return in_place::evaluate(&sources, &user_scripts, claims);
        }
        let lost = Evaluation {
            user: claims.user.clone(),
            user_scripts: user_scripts.iter().map(|id| worker::lost(*id)).collect(),
            policies: sources.policies.iter().map(|policy| worker::lost(policy.id)).collect(),
        };
        match self.ask(move |worker| worker.evaluate(&sources, &user_scripts, claims)).await? {
            Answer::Done(evaluation) => evaluation,
            Answer::Stuck => Ok(lost),
        }
    }

    /// The job is watched to its end even when whoever asked is gone: a stuck thread has to be noticed.
    async fn ask<T, F>(&self, task: F) -> Result<Answer<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> T + Send + 'static,
    {
        let pool = self.pool.clone();
        tokio::spawn(async move { pool.ask(task).await })
            .await
            .map_err(|_| Error::Internal("the watch over a script has ended".into()))?
    }
}

impl Pool {
    fn spawn(&self) -> Result<()> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let (jobs, abandoned, metrics) = (self.jobs.clone(), self.abandoned.clone(), self.metrics.clone());
        std::thread::Builder::new()
            .name(format!("script-{number}"))
            .stack_size(THREAD_STACK)
            .spawn(move || serve(&jobs, Worker::new(metrics), &abandoned))
            .map(drop)
            .map_err(|cause| Error::Internal(format!("a script worker cannot be started: {cause}")))
    }

    async fn ask<T, F>(&self, task: F) -> Result<Answer<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Worker) -> T + Send + 'static,
    {
        let (begin, begun) = oneshot::channel();
        let (done, mut answer) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            // Nobody waits any more for what has waited too long.
            if begin.send(worker.pulse.clone()).is_ok() {
                drop(done.send(task(worker)));
            }
        });
        let overloaded = || Error::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS };
        let stopped = || Error::Internal("a script worker has stopped".into());
        self.work.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => overloaded(),
            TrySendError::Disconnected(_) => stopped(),
        })?;
        let pulse: Arc<Pulse> = timeout(QUEUE_WAIT, begun).await.map_err(|_| overloaded())?.map_err(|_| stopped())?;
        loop {
            let beats = pulse.beats();
            match timeout(self.patience, &mut answer).await {
                Ok(result) => return Ok(Answer::Done(result.map_err(|_| stopped())?)),
                Err(_) if pulse.beats() != beats => {}
                Err(_) => {
                    self.replace(&pulse);
                    return Ok(Answer::Stuck);
                }
            }
        }
    }

    /// Puts a new thread in the place of a stuck one, which ends with its script. Past a few such it stays as it is, and
    /// may be of use again.
    fn replace(&self, stuck: &Pulse) {
        self.metrics.script_fault("stuck");
        let room = |abandoned| (abandoned < MOST_ABANDONED).then_some(abandoned + 1);
        if self.abandoned.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            tracing::error!("a script cannot be stopped, and too many others are running on");
            return;
        }
        stuck.abandon();
        match self.spawn() {
            Ok(()) => tracing::error!("a script cannot be stopped; its thread is replaced"),
            Err(cause) => tracing::error!(%cause, "a script cannot be stopped, nor its thread replaced"),
        }
    }
}

fn serve(jobs: &Receiver<Job>, mut worker: Worker, abandoned: &AtomicUsize) {
    while let Ok(job) = jobs.recv() {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut worker))).is_err() {
            worker.forget();
        }
        if worker.pulse.is_abandoned() {
            abandoned.fetch_sub(1, Ordering::AcqRel);
            return;
        }
    }
}
