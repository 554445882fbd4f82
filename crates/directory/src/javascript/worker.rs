//! What one thread has: the scripts as it prepared them, and the sealed runtime in which they are compiled.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    pulse::Pulse,
    script::{Claims, Evaluation, Outcome, ScriptFault, Source, Sources, one_line},
    sealed::{Realm, Texts, processor_time},
    syntax::Checker,
};
use crate::{
    error::{Error, Result},
    metrics::Metrics,
};

/// Processor time of all scripts of one evaluation. Those that would begin after it count as out of time.
const TIME: Duration = Duration::from_secs(1);

/// What runs on one thread.
pub(super) struct Worker {
    pub(super) pulse: Arc<Pulse>,
    metrics: Metrics,
    prepared: Option<Prepared>,
    /// Thrown away by a script that ran against a limit, and made anew for the next.
    realm: Option<Realm>,
    revision: u64,
}

/// All scripts of one version: criteria, then user scripts, then policies.
struct Prepared {
    version: i64,
    /// The text to compile, or why there is none.
    wrapped: Vec<Result<String, String>>,
    /// Places and names of the criteria that can be called.
    criteria: Vec<(usize, String)>,
}

/// What a script's outcome is when nobody knows.
pub(super) fn lost<T>(id: Uuid) -> Outcome<T> {
    Outcome { id, result: Err(ScriptFault::OutOfTime), reads_circumstances: true }
}

impl Worker {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { pulse: Arc::default(), metrics, prepared: None, realm: None, revision: 0 }
    }

    /// Drops what a panic may have left half done.
    pub(super) fn forget(&mut self) {
        self.realm = None;
        self.prepared = None;
    }

    #[cfg(test)]
    pub(super) fn has_realm(&self) -> bool {
        self.realm.is_some()
    }

    /// See [`super::Engine::evaluate`].
    pub(super) fn evaluate(&mut self, sources: &Sources, user_scripts: &[Uuid], claims: Claims) -> Result<Evaluation> {
        let began = Instant::now();
        if self.prepared.as_ref().is_none_or(|prepared| prepared.version != sources.version) {
            self.forget();
            self.prepared = Some(Prepared::new(sources, &self.pulse)?);
        }
        let end = processor_time() + TIME;
        let Claims { mut user, device, system } = claims;
        let mut texts = Texts { revision: 0, user: text(&user)?, device: text(&device)?, system: text(&system)? };
        self.renew(&mut texts);
        let first_user_script = sources.criteria.len();
        let first_policy = first_user_script + sources.user_scripts.len();
        let mut ran = Vec::with_capacity(user_scripts.len());
        for id in user_scripts {
            let place = sources.user_scripts.iter().position(|script| script.id == *id);
            // A place where there is nothing is a fault of its own.
            let place = place.map_or(usize::MAX, |place| first_user_script + place);
            let (result, reads_circumstances) = self.attempt(end, |realm| realm.user_script(place, &texts))?;
            let result = match result {
                Ok(added) => {
                    user.extend(added);
                    texts.user = text(&user)?;
                    self.renew(&mut texts);
                    Ok(())
                }
                Err(fault) => Err(fault),
            };
            ran.push(Outcome { id: *id, result, reads_circumstances });
        }
        let mut policies = Vec::with_capacity(sources.policies.len());
        for (place, policy) in sources.policies.iter().enumerate() {
            let (result, reads_circumstances) =
                self.attempt(end, |realm| realm.policy(first_policy + place, &texts))?;
            policies.push(Outcome { id: policy.id, result, reads_circumstances });
        }
        self.realm.take_if(|realm| realm.is_bloated());
        self.metrics.script_evaluation.observe(began.elapsed().as_secs_f64());
        Ok(Evaluation { user, user_scripts: ran, policies })
    }

    /// Gives texts a number that no others had in this thread.
    fn renew(&mut self, texts: &mut Texts) {
        self.revision += 1;
        texts.revision = self.revision;
    }

    /// Runs a script in the runtime, and puts that away if it cannot serve the next.
    fn attempt<T>(
        &mut self,
        end: Duration,
        script: impl FnOnce(&Realm) -> (Result<T, ScriptFault>, bool),
    ) -> Result<(Result<T, ScriptFault>, bool)> {
        self.pulse.beat();
        if processor_time() >= end {
            self.metrics.script_fault(ScriptFault::OutOfTime.kind());
            return Ok((Err(ScriptFault::OutOfTime), true));
        }
        let realm = match self.realm.take() {
            Some(realm) => realm,
            None => self.prepared.as_ref().map_or_else(
                || Err(Error::Internal("the scripts are not prepared".into())),
                |prepared| Realm::new(&prepared.wrapped, &prepared.criteria, self.pulse.clone()),
            )?,
        };
        let (result, reads_circumstances) = script(&realm);
        if let Err(fault) = &result {
            self.metrics.script_fault(fault.kind());
        }
        let is_spent = result.as_ref().is_err_and(ScriptFault::is_exhaustion) || realm.has_jobs();
        self.realm = (!is_spent).then_some(realm);
        Ok((result, reads_circumstances))
    }
}

impl Prepared {
    fn new(sources: &Sources, pulse: &Pulse) -> Result<Self> {
        let mut checker = Checker::new()?;
        let mut criteria: Vec<(usize, String)> = Vec::new();
        for (place, source) in sources.criteria.iter().enumerate() {
            let is_new = criteria.iter().all(|(_, name)| *name != source.name);
            if is_new && checker.is_callable(&source.name) {
                criteria.push((place, source.name.clone()));
            }
        }
        let names: Vec<&str> = criteria.iter().map(|(_, name)| name.as_str()).collect();
        let names = names.join(", ");
        let mut wrap = |source: &Source| match checker.fault(&source.expression) {
            None => {
                Ok(Ok(format!("(function ({names}) {{ return function (claims) {{\n{}\n}}; }})", source.expression)))
            }
            Some(fault) => {
                // What does not fit may have left names behind.
                checker = Checker::new()?;
                Ok(Err(one_line(&fault.to_string())))
            }
        };
        let all = sources.criteria.iter().chain(&sources.user_scripts).chain(&sources.policies);
        let wrapped = all.inspect(|_| pulse.beat()).map(&mut wrap).collect::<Result<_>>()?;
        Ok(Self { version: sources.version, wrapped, criteria })
    }
}

fn text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| Error::Internal(format!("claims have no JSON: {cause}")))
}
