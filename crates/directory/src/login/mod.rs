//! Logging in, authorizing, and changing one's own password. Whatever compares a password goes through the gate.

pub(crate) mod gate;
pub(crate) mod governor;

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Directory, accounts,
    caller::{Authority, Caller, Origin, Privilege, PrivilegeType, Target},
    claims::Circumstances,
    configuration::Configuration,
    entity::{Faults, LINE_PATTERN},
    error::{Error, Result},
    evaluation,
    kind::AccountKind,
    passwords::Password,
    random::Random,
    sessions::{self, Opening, Purpose, Session, Token},
    store::{
        self, BoxFuture,
        accounts::{Credential, Profile},
        attempts::AsOf,
        sessions::Standing,
    },
    time::Timestamp,
};
pub use gate::BLOCK_AT;
use gate::{Entrance, Entry, Knock, Ready, Way};

/// Who wants to log in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginInput {
    /// `local` for people, `service` for machines.
    #[schemars(required, length(min = 1, max = 255), regex(pattern = LINE_PATTERN), example = &"local")]
    pub provider_name: Option<String>,
    /// A UUID that the client made for the device that it runs on.
    #[schemars(required, extend("format" = "uuid"))]
    pub device_id: Option<String>,
    /// The name of the account, in any spelling that differs only in case.
    #[schemars(example = &"admin")]
    pub username: Option<String>,
    /// The account's password.
    pub password: Option<Password>,
}

/// A session that has just been opened or is being used.
#[derive(Debug)]
pub struct Login {
    /// The account's name as it is stored.
    pub name: String,
    /// What the account may do as an administrator.
    pub privileges: Vec<Privilege>,
    /// Whether that includes reading the audit log.
    pub can_access_audit_logs: bool,
    /// What is to be shown after a login.
    pub message_of_the_day: String,
    /// The token to go on with.
    pub token: Token,
    /// When it ends.
    pub expires: Timestamp,
}

impl Login {
    fn new(session: &Session, token: Token, authority: &Authority, message_of_the_day: String) -> Self {
        Self {
            name: session.name.clone(),
            privileges: authority.privileges().to_vec(),
            can_access_audit_logs: !authority.reach(PrivilegeType::View, Target::AuditLog).is_nothing(),
            message_of_the_day,
            token,
            expires: session.expires,
        }
    }
}

fn provider_kind(name: &str) -> Option<AccountKind> {
    [AccountKind::Local, AccountKind::Service].into_iter().find(|kind| kind.as_str() == name)
}

/// Opens a session for whoever knows an account's password, with a token for `purpose`.
pub async fn login(directory: &Directory, input: LoginInput, purpose: Purpose, origin: Origin) -> Result<Login> {
    let mut faults = Faults::default();
    let provider = faults.required("providerName", input.provider_name);
    if input.device_id.is_none() {
        faults.missing("deviceId");
    }
    let device_id = faults.id("deviceId", input.device_id);
    faults.check()?;
    let device_id = device_id.ok_or_else(|| Error::invalid("deviceId", "may not be null"))?;
    let knock = Knock {
        kind: provider_kind(&provider),
        username: input.username.unwrap_or_default(),
        password: input.password.unwrap_or_else(|| Password::new(String::new())),
        origin: origin.clone(),
        act: "login",
    };
    let source = origin.source.map(|address| address.to_string()).unwrap_or_default();
    let circumstances = Circumstances { device_id, source, at: directory.store.now() };
    let wish = Wish { origin, circumstances, purpose };
    // Who gives the password to a console shows that they are still there: that is worth a hash.
    let ready: Option<Ready<Wish, Terms>> = (purpose != Purpose::Console).then_some(known);
    let entrance: Entrance<Terms, (Session, Token, Terms)> = |verified, terms, tx| {
        Box::pin(async move {
            if let Some(policy) = &terms.stopped_by {
                return Ok(Entry::Refused(format!("stopped by the policy {policy}")));
            }
            let (session, token) = sessions::open(tx, verified, &terms.random, &terms.opening).await?;
            Ok(Entry::Open((session, token, terms.clone())))
        })
    };
    let (session, token, terms) = gate::enter(directory, knock, wish, Way { ready, prepare: agree, entrance }).await?;
    directory.metrics.sessions_opened.inc();
    Ok(Login::new(&session, token, &terms.authority, terms.message_of_the_day))
}

/// What someone wants who logs in.
struct Wish {
    origin: Origin,
    circumstances: Circumstances,
    purpose: Purpose,
}

/// On what terms someone is let in.
#[derive(Clone)]
struct Terms {
    random: Random,
    opening: Opening,
    stopped_by: Option<String>,
    authority: Arc<Authority>,
    message_of_the_day: String,
}

/// Asks the policies, once the password has been found right.
fn agree<'a>(directory: &'a Directory, credential: &'a Credential, wish: Wish) -> BoxFuture<'a, Result<Terms>> {
    Box::pin(async move {
        let (version, account) = directory
            .store
            .read((credential.kind, credential.id), |(kind, id), tx| {
                Box::pin(async move {
                    let version = store::configuration::version(tx).await?;
                    Ok((version, store::accounts::find(tx, *kind, id).await?))
                })
            })
            .await?;
        let configuration = directory.configuration_at(version).await?;
        // Deleted since its password was compared.
        let account = account.ok_or(Error::LoginRefused)?;
        let verdict = evaluation::judge(directory, &configuration, &account, &wish.circumstances, &wish.origin).await?;
        if verdict.is_lasting && directory.remembered.is_on() {
            configuration.keep_standing(account.id, &verdict.standing);
        }
        terms(directory, &configuration, credential.kind, &wish, verdict.standing, verdict.stopped_by)
    })
}

/// The terms that `agree` found at an earlier login, where no script asks about more than the account and none refuses it.
fn known(directory: &Directory, credential: &Credential, wish: &Wish) -> Option<(Terms, AsOf)> {
    let configuration = directory.configuration.get()?;
    let standing = configuration.standing(&credential.id)?;
    let as_of = AsOf { configuration: standing.configuration, profile: standing.profile };
    Some((terms(directory, &configuration, credential.kind, wish, standing, None).ok()?, as_of))
}

fn terms(
    directory: &Directory,
    configuration: &Configuration,
    kind: AccountKind,
    wish: &Wish,
    standing: Standing,
    stopped_by: Option<String>,
) -> Result<Terms> {
    let settings = &configuration.rows.settings;
    let life = Duration::from_secs(60 * u64::try_from(settings.administration_token_expiration).unwrap_or(0));
    Ok(Terms {
        random: directory.random.clone(),
        stopped_by,
        authority: configuration.authority(&standing.policies),
        message_of_the_day: settings.message_of_the_day.clone(),
        opening: Opening {
            circumstances: wish.circumstances.clone(),
            purpose: wish.purpose,
            life,
            idle_limit: idle_limit(configuration, kind, wish.purpose)?,
            standing,
        },
    })
}

/// How long a session of the console may go unused if the provider does not say (OWASP ASVS 5.0, 7.3.1).
pub const CONSOLE_IDLE_MINUTES: u64 = 30;

/// How long a session may go unused; zero for as long as it lasts. Machines and tools decide that for themselves.
fn idle_limit(configuration: &Configuration, kind: AccountKind, purpose: Purpose) -> Result<Duration> {
    if purpose != Purpose::Console {
        return Ok(Duration::ZERO);
    }
    let people = configuration.provider(kind)?.settings.people.as_ref();
    let minutes = people.and_then(|people| u64::try_from(people.inactivity_timeout_minutes).ok());
    Ok(Duration::from_secs(60 * minutes.filter(|minutes| *minutes > 0).unwrap_or(CONSOLE_IDLE_MINUTES)))
}

/// Exchanges a token for one to work with. Refused if the account has no administrative privilege.
pub async fn authorize(directory: &Directory, caller: &Caller) -> Result<Login> {
    let (session, standing) = caller.session().zip(caller.standing()).ok_or(Error::Unauthorized)?;
    if caller.authority().privileges().is_empty() {
        return Err(Error::Forbidden("the account holds no administrative privilege".into()));
    }
    let token = sessions::issue(directory, session).await?;
    let configuration = directory.configuration_at(standing.configuration).await?;
    let message = configuration.rows.settings.message_of_the_day.clone();
    Ok(Login::new(session, token, caller.authority(), message))
}

/// What is to be shown after a login.
pub async fn message_of_the_day(directory: &Directory) -> Result<String> {
    Ok(directory.configuration_now().await?.rows.settings.message_of_the_day.clone())
}

/// A new password for the caller's own account.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordChangeInput {
    /// The password that the account has now.
    #[schemars(required)]
    pub old_password: Option<Password>,
    /// The password that it is to have.
    #[schemars(required)]
    pub password: Option<Password>,
}

/// Changes the caller's own password, which ends all its sessions. The old one is checked by the gate, as at a login.
pub async fn change_password(directory: &Directory, caller: &Caller, input: PasswordChangeInput) -> Result<()> {
    let session = caller.session().ok_or(Error::Unauthorized)?;
    let account = directory
        .store
        .read((session.kind, session.name_key.clone()), |(kind, key), tx| {
            Box::pin(async move { Ok(store::accounts::credential(tx, *kind, key).await?) })
        })
        .await?
        .ok_or(Error::Unauthorized)?;
    let profile = Profile { name: account.name, email: account.email, ..Profile::default() };
    let (old, new) = (input.old_password, input.password);
    let mut faults = Faults::default();
    for (field, password) in [("oldPassword", &old), ("password", &new)] {
        if password.is_none() {
            faults.missing(field);
        }
    }
    accounts::check_password(directory, session.kind, &profile, new.as_ref(), &mut faults).await?;
    faults.check()?;
    let (Some(old), Some(new)) = (old, new) else { return Err(Error::Internal("a password is missing".into())) };
    let knock = Knock {
        kind: Some(session.kind),
        username: session.name_key.clone(),
        password: old,
        origin: caller.origin().clone(),
        act: "change password",
    };
    let flow = governor::Flow::new(caller.origin().source, format!("{}/{}", session.kind.as_str(), session.name_key));
    let hash = directory.hash_password(&flow, new).await?;
    let as_it_is = |_: &Directory, _: &Credential, hash| -> BoxFuture<'_, _> { Box::pin(async move { Ok(hash) }) };
    let entrance: Entrance<String, u64> = |verified, hash, tx| {
        Box::pin(async move {
            let id = verified.account().id;
            store::accounts::set_password_hash(tx, &id, hash).await?;
            store::accounts::clear_failures(tx, &id, tx.now()).await?;
            Ok(Entry::Open(accounts::end_sessions(tx, &id).await?))
        })
    };
    let way = Way { ready: None, prepare: as_it_is, entrance };
    let ended = gate::enter(directory, knock, hash, way).await.map_err(|refused| match refused {
        Error::LoginRefused => Error::Forbidden("the old password was not accepted".into()),
        other => other,
    })?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(())
}

/// Gives a Local User a new random password, unlocks it, and says the password. For an operator who holds the data.
pub async fn reset_password(directory: &Directory, caller: &Caller, name: &str, enable: bool) -> Result<String> {
    caller.authorize_all(PrivilegeType::Edit, Target::LocalUser)?;
    let password = directory.random.password();
    let name_key = crate::entity::fold(name);
    let flow = governor::Flow::new(None, format!("local/{name_key}"));
    let hash = directory.hash_password(&flow, Password::new(password.clone())).await?;
    let ids: (Random, String) = (directory.random.clone(), name.to_owned());
    directory
        .store
        .write((ids, name_key, hash, caller.clone(), enable), |((random, name), name_key, hash, caller, enable), tx| {
            Box::pin(async move {
                let found = store::accounts::find_named(tx, AccountKind::Local, name_key).await?;
                let (id, name) =
                    found.ok_or_else(|| Error::NotFound(format!("there is no Local User named {name}")))?;
                store::accounts::set_password_hash(tx, &id, hash).await?;
                store::accounts::clear_failures(tx, &id, tx.now()).await?;
                if *enable {
                    store::accounts::set_enabled(tx, &id).await?;
                }
                accounts::end_sessions(tx, &id).await?;
                let audit_id = random.uuid(tx.now());
                let subject = (AccountKind::Local, id, name.as_str());
                accounts::record(tx, &audit_id, caller, "reset password", subject, crate::audit::NO_CHANGES).await
            })
        })
        .await?;
    Ok(password)
}
