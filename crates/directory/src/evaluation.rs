//! Which policies an account falls under. Asked at a login, and again for a live session when the configuration or the
//! account has changed since.

use uuid::Uuid;

use crate::{
    Directory,
    audit::{self, Record},
    claims::{self, Circumstances},
    configuration::{Configuration, Policy},
    error::Result,
    javascript::{Evaluation, ScriptFault},
    kind::ObjectKind,
    origin::Origin,
    store::{self, accounts::Account, identity_providers::Provider, objects::ScriptError, sessions::Standing},
};

/// What the policies say of an account.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// What it falls under, and of which versions that is true.
    pub(crate) standing: Standing,
    /// The name of the policy that refuses it, if one does.
    pub(crate) stopped_by: Option<String>,
    /// What it may fall under at some login, from some device: the policies that match and those that cannot be told.
    pub(crate) possible: Vec<Uuid>,
    /// Whether it lets the account in, and would at any other login as long as neither the configuration nor the profile
    /// changes: every script came to its end, and none asked about the login.
    pub(crate) is_lasting: bool,
}

impl Verdict {
    pub(crate) fn new(configuration: &Configuration, account: &Account, evaluation: &Evaluation) -> Self {
        let told_all = evaluation.user_scripts.iter().all(|outcome| !outcome.reads_circumstances);
        let (mut policies, mut possible, mut stopped_by) = (Vec::new(), Vec::new(), None);
        for outcome in &evaluation.policies {
            let Some(policy) = configuration.policy(&outcome.id) else { continue };
            let matches = outcome.result == Ok(true);
            if matches && policy.stops() && stopped_by.is_none() {
                stopped_by = Some(policy.name.clone());
            }
            if matches && policy.gives() {
                policies.push(policy.id);
            }
            if policy.gives() && (matches || outcome.reads_circumstances || !told_all) {
                possible.push(policy.id);
            }
        }
        let is_lasting = stopped_by.is_none()
            && told_all
            && evaluation.user_scripts.iter().all(|outcome| outcome.result.is_ok())
            && evaluation.policies.iter().all(|outcome| outcome.result.is_ok() && !outcome.reads_circumstances);
        let (configuration, profile) = (configuration.version, account.profile_version);
        Self { standing: Standing { policies, configuration, profile }, stopped_by, possible, is_lasting }
    }
}

/// Runs the scripts that an account's claims and policies are made of. Nothing is noted of scripts that fail.
pub(crate) async fn run(
    directory: &Directory,
    configuration: &Configuration,
    account: &Account,
    circumstances: Option<&Circumstances>,
) -> Result<Evaluation> {
    let provider = configuration.provider(account.kind)?;
    let claims = claims::claims(account, provider, circumstances);
    directory.scripts.evaluate(configuration.sources.clone(), user_scripts(provider), claims).await
}

/// The scripts that add claims to those of a provider's accounts, in their order.
pub(crate) fn user_scripts(provider: &Provider) -> Vec<Uuid> {
    provider.settings.user_scripts.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect()
}

/// Says what an account falls under when it logs in like this. Scripts that fail match nobody, and that is noted.
pub(crate) async fn judge(
    directory: &Directory,
    configuration: &Configuration,
    account: &Account,
    circumstances: &Circumstances,
    origin: &Origin,
) -> Result<Verdict> {
    let evaluation = run(directory, configuration, account, Some(circumstances)).await?;
    let failed = evaluation.policies.iter().filter_map(|outcome| Some((outcome.id, outcome.result.as_ref().err()?)));
    for (id, fault) in failed {
        note(directory, configuration, ObjectKind::Policy, id, fault, origin).await?;
    }
    let failed =
        evaluation.user_scripts.iter().filter_map(|outcome| Some((outcome.id, outcome.result.as_ref().err()?)));
    for (id, fault) in failed {
        note(directory, configuration, ObjectKind::UserScript, id, fault, origin).await?;
    }
    Ok(Verdict::new(configuration, account, &evaluation))
}

/// Says what an account may fall under, whatever it logs in from, with a configuration that may only be thought of.
pub(crate) async fn suppose(
    directory: &Directory,
    configuration: &Configuration,
    account: &Account,
) -> Result<Verdict> {
    let evaluation = run(directory, configuration, account, None).await?;
    Ok(Verdict::new(configuration, account, &evaluation))
}

/// Notes at an object, and in the audit log, that its script fails: once, until it is changed.
async fn note(
    directory: &Directory,
    configuration: &Configuration,
    kind: ObjectKind,
    id: Uuid,
    fault: &ScriptFault,
    origin: &Origin,
) -> Result<()> {
    let found = configuration.rows.objects.iter().find(|object| object.kind == kind && object.id == id);
    let Some(object) = found.filter(|object| object.fault.is_none()) else { return Ok(()) };
    if !directory.noted_faults.is_new((id, object.updated.micros())) {
        return Ok(());
    }
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (object.clone(), fault.to_string(), origin.clone(), audit_id);
    directory
        .store
        .write(context, |(object, message, origin, audit_id), tx| {
            Box::pin(async move {
                let fault = ScriptError { at: tx.now(), message: message.clone() };
                if !store::objects::set_fault(tx, object, &fault).await? {
                    return Ok(());
                }
                let record = Record {
                    actor: audit::NOBODY,
                    act: "run script",
                    object_kind: object.kind.as_str(),
                    object_id: Some(object.id),
                    object_name: &object.name,
                    outcome: audit::FAILED,
                    reason: message,
                    origin,
                    changes: audit::NO_CHANGES,
                };
                audit::write(tx, audit_id, &record).await
            })
        })
        .await
}

/// Scripts of which this node has noted that they fail.
#[derive(Default)]
pub(crate) struct NotedFaults(std::sync::Mutex<std::collections::HashSet<(Uuid, i64)>>);

impl NotedFaults {
    /// As many as there are scripts, and those that there were before they were changed.
    const MOST: usize = 10_000;

    fn is_new(&self, script: (Uuid, i64)) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if noted.len() >= Self::MOST {
            noted.clear();
        }
        noted.insert(script)
    }
}

/// Whether a policy would give its holders everything.
pub(crate) fn gives_everything(configuration: &Configuration, policy: &Policy) -> bool {
    policy.gives() && configuration.united(&policy.roles).is_everything()
}
