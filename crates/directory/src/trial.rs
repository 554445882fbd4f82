//! Trying the expression of a policy before it decides anything: whether it is JavaScript, and what it says of an account.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Directory,
    caller::{Caller, PrivilegeType, Target},
    claims, dn,
    entity::Faults,
    error::{Error, Result},
    evaluation::user_scripts,
    explain::{find_actor, includes},
    identity_providers,
    javascript::{Source, Sources},
    scripts,
};

pub use crate::javascript::SyntaxFault;

/// What an expression says of an account, at no login in particular.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Whether it matches, or why it says nothing.
    pub result: Result<bool, String>,
    /// Whether that can be otherwise at another time or from another device.
    pub depends: bool,
    /// What it was told; nothing if the caller may not see that.
    pub claims: Option<Value>,
    /// Scripts of the provider that it was told nothing from, as the caller may not see what they say.
    pub scripts_left_out: usize,
    /// Scripts of the provider that failed, so that what they add was not there.
    pub scripts_failed: usize,
}

/// Those who may write a policy. Whoever can is able to ask the same with a policy that gives no roles.
fn authorize(caller: &Caller) -> Result<()> {
    let create = caller.authorize(PrivilegeType::Create, Target::Policy);
    create.or_else(|refused| caller.authorize(PrivilegeType::Edit, Target::Policy).map_err(|_| refused)).map(drop)
}

/// Where the text of an expression is wrong, if it is. Nothing of it is run. For those who may make or change policies.
pub async fn check_syntax(directory: &Directory, caller: &Caller, expression: String) -> Result<Option<SyntaxFault>> {
    authorize(caller)?;
    match scripts::text_fault(&expression) {
        Some(wrong) => Err(Error::invalid("expression", wrong)),
        None => directory.scripts.check(expression).await,
    }
}

/// Runs an expression on an account as if it were a policy's, in the same engine with the same limits. Nothing is written,
/// and nothing noted of an expression that fails.
///
/// For those who may make or change policies, and may see the account. An expression can tell all that it is told, by what
/// it throws. What the mappings make of an account is part of what `View` on it shows anyway; what the provider's scripts add
/// need not be. So for callers without `GetUserAttributes` on the provider, which the API asks of whoever wants to know what
/// policies are told, the scripts are left out, and the claims are not shown.
pub async fn try_on(
    directory: &Directory,
    caller: &Caller,
    expression: String,
    account: &dn::Account,
) -> Result<Trial> {
    authorize(caller)?;
    let (account, _) = find_actor(directory, caller, account).await?;
    let mut faults = Faults::default();
    let expression = scripts::check_expression(directory, Some(expression), &mut faults).await?;
    faults.check()?;
    let configuration = directory.configuration_now().await?;
    let provider = configuration.provider(account.kind)?;
    let reach = caller.reach(PrivilegeType::GetUserAttributes, Target::IdentityProvider);
    let sees_claims = includes(directory, &identity_providers::TABLE, provider.id, reach).await?;
    let listed = user_scripts(provider);
    let (run, scripts_left_out) = if sees_claims { (listed, 0) } else { (Vec::new(), listed.len()) };
    let sources = Sources {
        version: directory.random.supposed_version(),
        criteria: configuration.sources.criteria.clone(),
        user_scripts: configuration.sources.user_scripts.clone(),
        policies: vec![Source { id: Uuid::nil(), name: String::new(), expression }],
    };
    let told = claims::claims(&account, provider, None);
    let (device, system) = (told.device.clone(), told.system.clone());
    let evaluation = directory.scripts.evaluate(Arc::new(sources), run, told).await?;
    let said = evaluation.policies.into_iter().next();
    let said = said.ok_or_else(|| Error::Internal("an expression that was run has no outcome".into()))?;
    let depends = said.reads_circumstances || evaluation.user_scripts.iter().any(|script| script.reads_circumstances);
    Ok(Trial {
        result: said.result.map_err(|fault| fault.to_string()),
        depends,
        claims: sees_claims.then(|| json!({ "user": evaluation.user, "device": device, "system": system })),
        scripts_left_out,
        scripts_failed: evaluation.user_scripts.iter().filter(|script| script.result.is_err()).count(),
    })
}
