//! Why an account may do something, or why not: the policies, roles and scopes that decide it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, Missing, PrivilegeType, Target, missing_text, out_of_scope_text},
    configuration::{Configuration, PolicyType},
    dn,
    entity::Faults,
    error::{Error, Result},
    evaluation,
    privileges::{Authority, Privilege, Reach, scope_kind},
    rise,
    store::{self, accounts::Account, list::Select, scope, table::Table},
    subjects,
};

/// What is asked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct ExplainInput {
    /// Who would do it, as a distinguished name.
    #[schemars(required, example = &"CN=bobby,OU=local")]
    pub actor: Option<String>,
    /// What would be done.
    #[serde(rename = "type")]
    #[schemars(required, with = "Option<PrivilegeType>")]
    pub privilege_type: Option<String>,
    /// With what.
    #[schemars(required, with = "Option<Target>")]
    pub target: Option<String>,
    /// With which object. Left out, the answer says whether there can be any.
    #[schemars(extend("format" = "uuid"))]
    pub id: Option<String>,
}

/// What a policy has to say of the one who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PolicyAnswer {
    /// The policy's id.
    pub id: Uuid,
    /// The policy's name.
    pub name: String,
    /// What it does.
    #[serde(rename = "type")]
    pub policy_type: PolicyType,
    /// Whether it matches the account.
    pub matches: bool,
    /// Whether that can be another time or from another device otherwise.
    pub depends: bool,
    /// What went wrong with its expression; absent if nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A privilege that bears on the question.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PrivilegeAnswer {
    /// The policy that gives the role, by name.
    pub policy: String,
    /// The role that holds the privilege, by name.
    pub role: String,
    /// The privilege.
    pub privilege: Privilege,
    /// Whether its scope includes the object. Without an object: whether it can include any.
    pub includes: bool,
}

/// Why, or why not.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// Whether the actor may do it.
    pub allowed: bool,
    /// Why not, in the words of the refusal; empty if it is allowed.
    pub message: String,
    /// Who was asked about.
    pub actor: String,
    /// All policies that have a say, whether they match or not.
    pub policies: Vec<PolicyAnswer>,
    /// The names of the roles that the actor has.
    pub roles: Vec<String>,
    /// What of them bears on the question.
    pub privileges: Vec<PrivilegeAnswer>,
}

/// A privilege that an account holds, and from where.
#[derive(Debug)]
pub struct Given {
    /// The policy that gives the role, by id and name.
    pub policy: (Uuid, String),
    /// The role that holds the privilege, by id and name.
    pub role: (Uuid, String),
    /// The privilege.
    pub privilege: Privilege,
}

/// All that an account may do, and why.
#[derive(Debug)]
pub struct Rights {
    /// Why it cannot log in, so that it may do nothing; nothing if it can.
    pub barred: Option<String>,
    /// All policies that have a say, whether they match or not.
    pub policies: Vec<PolicyAnswer>,
    /// Every privilege of every role of every policy that matches.
    pub given: Vec<Given>,
}

/// The question, as it is understood.
struct Question {
    actor: dn::Account,
    wanted: Missing,
    id: Option<Uuid>,
}

impl ExplainInput {
    fn check(self) -> Result<Question> {
        let mut faults = Faults::default();
        let actor = match self.actor.as_deref().map(dn::Account::parse) {
            None => {
                faults.missing("actor");
                None
            }
            Some(parsed) => parsed.map_err(|wrong| faults.add("actor", wrong)).ok(),
        };
        let privilege_type = faults.word("type", self.privilege_type.as_ref(), "type of privilege");
        let target = faults.word("target", self.target.as_ref(), "target of privileges");
        let id = faults.id("id", self.id);
        if let (Some(privilege_type), Some(target)) = (privilege_type, target) {
            if scope_kind(privilege_type, target).is_none() {
                faults.add("type", format!("there is no privilege {privilege_type} on {target}"));
            } else if id.is_some() && subjects::table(target).is_none() {
                faults.add("id", format!("there are no objects of {target} to be named by an id"));
            }
        }
        faults.check()?;
        match (actor, privilege_type, target) {
            (Some(actor), Some(privilege_type), Some(target)) => {
                Ok(Question { actor, wanted: Missing(privilege_type, target), id })
            }
            _ => Err(Error::Internal("a question without a fault is not whole".into())),
        }
    }
}

/// Says why an account may do something, or why not. The caller must be able to see all policies and roles, and the actor
/// and object in question.
pub async fn explain(directory: &Directory, caller: &Caller, input: ExplainInput) -> Result<Explanation> {
    authorize(caller)?;
    let question = input.check()?;
    let account = find_actor(directory, caller, &question.actor).await?;
    let Missing(_, target) = question.wanted;
    if let (Some(id), Some(table)) = (question.id, subjects::table(target)) {
        let seen = caller.reach(PrivilegeType::View, target);
        if !includes(directory, table, id, seen).await? {
            return Err(Error::NotFound(format!("there is no {target} with the id {id}")));
        }
    }
    let configuration = directory.configuration_now().await?;
    let found = Found::of(directory, &configuration, &account).await?;
    let authority = configuration.authority(&found.matching);
    let refused = match found.barred {
        Some(reason) => Some(reason),
        None => refusal(directory, &configuration, &authority, question.wanted, question.id).await?,
    };
    let (roles, privileges) = bearing(directory, &configuration, &found.matching, &question).await?;
    Ok(Explanation {
        allowed: refused.is_none(),
        message: refused.unwrap_or_default(),
        actor: question.actor.to_string(),
        policies: found.policies,
        roles,
        privileges,
    })
}

/// Says all that an account may do, and why. The caller must be able to see all policies and roles, and the account.
pub async fn rights(directory: &Directory, caller: &Caller, actor: &dn::Account) -> Result<Rights> {
    authorize(caller)?;
    let account = find_actor(directory, caller, actor).await?;
    let configuration = directory.configuration_now().await?;
    let found = Found::of(directory, &configuration, &account).await?;
    let mut given = Vec::new();
    for policy in found.matching.iter().filter_map(|id| configuration.policy(id)) {
        for (id, role) in policy.roles.iter().filter_map(|id| configuration.roles.get_key_value(id)) {
            given.extend(role.authority.privileges().iter().map(|privilege| Given {
                policy: (policy.id, policy.name.clone()),
                role: (*id, role.name.clone()),
                privilege: privilege.clone(),
            }));
        }
    }
    Ok(Rights { barred: found.barred, policies: found.policies, given })
}

fn authorize(caller: &Caller) -> Result<()> {
    caller.authorize_all(PrivilegeType::View, Target::Policy)?;
    caller.authorize_all(PrivilegeType::View, Target::AdministrativeRole)
}

/// What the policies say of an account.
struct Found {
    barred: Option<String>,
    policies: Vec<PolicyAnswer>,
    /// Those that match and give something.
    matching: Vec<Uuid>,
}

impl Found {
    async fn of(
        directory: &Directory,
        configuration: &Configuration,
        (account, can_log_in): &(Account, bool),
    ) -> Result<Self> {
        let evaluation = evaluation::run(directory, configuration, account, None).await?;
        let verdict = evaluation::Verdict::new(configuration, account, &evaluation);
        let barred = if *can_log_in {
            verdict.stopped_by.map(|policy| format!("the actor cannot log in: stopped by the policy {policy}"))
        } else {
            Some("the actor cannot log in: it is disabled, blacklisted or has no password".to_owned())
        };
        let policies = evaluation.policies.iter().filter_map(|outcome| {
            let policy = configuration.policy(&outcome.id)?;
            Some(PolicyAnswer {
                id: policy.id,
                name: policy.name.clone(),
                policy_type: policy.policy_type,
                matches: outcome.result == Ok(true),
                depends: outcome.reads_circumstances,
                error: outcome.result.as_ref().err().map(ToString::to_string),
            })
        });
        Ok(Self { barred, policies: policies.collect(), matching: verdict.standing.policies })
    }
}

/// The account of that name, if the caller may see it, and whether it can log in.
pub(crate) async fn find_actor(directory: &Directory, caller: &Caller, actor: &dn::Account) -> Result<(Account, bool)> {
    let not_found = || Error::NotFound(format!("there is no account {actor}"));
    let seen = caller.reach(PrivilegeType::View, actor.kind.target());
    let table = subjects::table(actor.kind.target()).ok_or_else(not_found)?;
    let name_key = crate::entity::fold(&actor.name);
    let found = directory
        .store
        .read((actor.kind, name_key, table, seen), |(kind, name_key, table, seen), tx| {
            Box::pin(async move {
                let Some((id, _)) = store::accounts::find_named(tx, *kind, name_key).await? else { return Ok(None) };
                if !scope::includes(tx, table, &id, seen).await? {
                    return Ok(None);
                }
                let Some(account) = store::accounts::find(tx, *kind, &id).await? else { return Ok(None) };
                let active = store::accounts::is_active(tx, &id, account.profile_version).await?;
                Ok(Some((account, active)))
            })
        })
        .await?;
    found.ok_or_else(not_found)
}

/// Whether there is such an object, in reach.
pub(crate) async fn includes(directory: &Directory, table: &'static Table, id: Uuid, reach: Reach) -> Result<bool> {
    directory
        .store
        .read(Select::one(table, id, reach), |select, tx| {
            Box::pin(async move { Ok(select.count(tx, true).await? > 0) })
        })
        .await
}

/// Why this authority does not suffice, in the order in which a request would find out.
async fn refusal(
    directory: &Directory,
    configuration: &Configuration,
    authority: &Authority,
    wanted: Missing,
    id: Option<Uuid>,
) -> Result<Option<String>> {
    let Missing(privilege_type, target) = wanted;
    if authority.reach(privilege_type, target).is_nothing() {
        return Ok(Some(missing_text(wanted)));
    }
    let (Some(id), Some(table)) = (id, subjects::table(target)) else { return Ok(None) };
    for needed in [PrivilegeType::View, privilege_type] {
        if !includes(directory, table, id, authority.reach(needed, target)).await? {
            return Ok(Some(out_of_scope_text(Missing(needed, target))));
        }
    }
    if !matches!(privilege_type, PrivilegeType::Edit | PrivilegeType::Tag | PrivilegeType::Delete) {
        return Ok(None);
    }
    rise::out_of_hand(directory, configuration, authority, target, id).await
}

/// The roles that the policies give, and what of them bears on the question.
async fn bearing(
    directory: &Directory,
    configuration: &Configuration,
    policies: &[Uuid],
    question: &Question,
) -> Result<(Vec<String>, Vec<PrivilegeAnswer>)> {
    let Missing(privilege_type, target) = question.wanted;
    let (mut roles, mut privileges): (Vec<String>, _) = (Vec::new(), Vec::new());
    for policy in policies.iter().filter_map(|id| configuration.policy(id)) {
        for role in policy.roles.iter().filter_map(|id| configuration.roles.get(id)) {
            if !roles.contains(&role.name) {
                roles.push(role.name.clone());
            }
            for privilege in role.authority.privileges() {
                let reach = Authority::new([privilege.clone()]).reach(privilege_type, target);
                let named = matches!(privilege.privilege_type, PrivilegeType::All)
                    || privilege.privilege_type == privilege_type;
                if !named || (privilege.target != target && privilege.target != Target::All) {
                    continue;
                }
                let includes = match (question.id, subjects::table(target)) {
                    (Some(id), Some(table)) => includes(directory, table, id, reach).await?,
                    _ => !reach.is_nothing(),
                };
                let (policy, role, privilege) = (policy.name.clone(), role.name.clone(), privilege.clone());
                privileges.push(PrivilegeAnswer { policy, role, privilege, includes });
            }
        }
    }
    Ok((roles, privileges))
}
