//! What is done in a world, and by which rule.

use std::time::Duration;

use serde_json::Number;
use uuid::Uuid;

use super::world::{MACHINE, Node, PEOPLE, ROLE_ID, origin, password, person, policy, policy_id, provider, role};
use crate::{
    Directory,
    blacklist::{self, BlacklistedUserInput},
    caller::{Caller, PrivilegeType, Target},
    dn,
    error::{Error, Result},
    identity_providers,
    local_users::{self, LocalUserInput},
    login::{self, LoginInput, PasswordChangeInput},
    policies, roles,
    sessions::{self, Purpose},
    time::Timestamp,
    version::Expected,
};

/// Something that somebody asks of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Login {
        name: String,
        password: String,
        console: bool,
    },
    Check(Held),
    Authorize(Held),
    Logout(Held),
    EndAll(Held),
    ChangePassword {
        held: Held,
        old: String,
        new: String,
    },
    /// An administrator's, as are all that follow.
    Edit {
        name: String,
        id: Uuid,
        edit: Edit,
    },
    Reset {
        name: String,
        enable: bool,
    },
    Delete {
        id: Uuid,
    },
    Create {
        name: String,
        password: String,
    },
    Bar {
        name: String,
    },
    Unbar {
        name: String,
    },
    Limits {
        threshold: u8,
        minutes: u8,
    },
    SetPolicy {
        name: &'static str,
        disabled: bool,
    },
    SetRole {
        gives: bool,
    },
    /// A node's own.
    Tidy,
}

/// A token, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) token: String,
    pub(super) name: String,
    pub(super) console: bool,
}

/// What is made of an account. All that is not named is as it always is: it is enabled, and keeps password and counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    Disable,
    Enable,
    Password(String),
    Unlock,
    Failures(u8),
    Lock(Timestamp),
}

/// What came of an act that was done.
#[derive(Debug)]
pub(super) enum Done {
    Session {
        token: String,
        expires: Timestamp,
    },
    /// Whoever holds the token may see Local Users.
    Known {
        is_helper: bool,
    },
    Made,
}

impl Act {
    /// Whose password it brings to the gate, and which.
    pub(super) fn knock(&self) -> Option<(&str, &str)> {
        match self {
            Self::Login { name, password, .. } => Some((name, password)),
            Self::ChangePassword { held, old, .. } => Some((&held.name, old)),
            _ => None,
        }
    }

    /// The token that it shows.
    pub(super) fn held(&self) -> Option<&Held> {
        match self {
            Self::Check(held)
            | Self::Authorize(held)
            | Self::Logout(held)
            | Self::EndAll(held)
            | Self::ChangePassword { held, .. } => Some(held),
            _ => None,
        }
    }
}

/// Does it on a node.
pub(super) async fn perform(node: &Node, act: Act, request_id: String) -> Result<Done> {
    let directory = &node.directory;
    if let Some(held) = act.held() {
        let purpose = if held.console { Purpose::Console } else { Purpose::Work };
        let caller = sessions::check(directory, &held.token, purpose, origin(request_id)).await?;
        return perform_as(directory, &caller, act).await;
    }
    match act {
        Act::Login { name, password, console } => log_in(directory, &name, &password, console, request_id).await,
        Act::Tidy => directory.tidy().await.map(|()| Done::Made),
        other => administer(directory, &Caller::operator(request_id), other).await.map(|()| Done::Made),
    }
}

async fn log_in(directory: &Directory, name: &str, text: &str, console: bool, request_id: String) -> Result<Done> {
    let input = LoginInput {
        provider_name: Some(if name == MACHINE { "service" } else { "local" }.into()),
        device_id: Some("4c07bc67-57ea-42dd-b702-c2d6c45419fc".into()),
        username: Some(name.into()),
        password: Some(password(text)),
    };
    let purpose = if console { Purpose::Console } else { Purpose::Work };
    let login = login::login(directory, input, purpose, origin(request_id)).await?;
    Ok(Done::Session { token: login.token.expose().to_owned(), expires: login.expires })
}

/// What the holder of a token does.
async fn perform_as(directory: &Directory, caller: &Caller, act: Act) -> Result<Done> {
    match act {
        Act::Logout(_) => sessions::end(directory, caller).await?,
        Act::EndAll(_) => sessions::end_everywhere(directory, caller).await?,
        Act::Authorize(_) => {
            let login = login::authorize(directory, caller).await?;
            return Ok(Done::Session { token: login.token.expose().to_owned(), expires: login.expires });
        }
        Act::ChangePassword { old, new, .. } => {
            let (old, new) = (password(&old), password(&new));
            let input = PasswordChangeInput { old_password: Some(old), password: Some(new) };
            login::change_password(directory, caller, input).await?;
        }
        _ => {
            let reach = caller.authority().reach(PrivilegeType::View, Target::LocalUser);
            return Ok(Done::Known { is_helper: !reach.is_nothing() });
        }
    }
    Ok(Done::Made)
}

fn tag(name: &str) -> &'static str {
    PEOPLE.iter().find(|(known, _)| *known == name).map_or("", |(_, tag)| tag)
}

fn edited(name: &str, edit: Edit) -> LocalUserInput {
    let input = person(name, tag(name));
    match edit {
        Edit::Enable => input,
        Edit::Disable => LocalUserInput { disabled: Some(true), ..input },
        Edit::Password(text) => LocalUserInput { password: Some(password(&text)), ..input },
        Edit::Unlock => {
            LocalUserInput { failed_login_attempts: Some(Number::from(0)), lock_start: Some(None), ..input }
        }
        Edit::Failures(count) => LocalUserInput { failed_login_attempts: Some(Number::from(count)), ..input },
        Edit::Lock(start) => LocalUserInput { lock_start: Some(Some(start.to_string())), ..input },
    }
}

fn named(name: &str) -> String {
    format!("CN={name},OU=local")
}

async fn administer(directory: &Directory, caller: &Caller, act: Act) -> Result<()> {
    let any = Expected::Any;
    match act {
        Act::Edit { name, id, edit } => {
            local_users::replace(directory, caller, id, any, edited(&name, edit)).await.map(drop)
        }
        Act::Reset { name, enable } => login::reset_password(directory, caller, &name, enable).await.map(drop),
        Act::Delete { id } => local_users::delete(directory, caller, id, any).await,
        Act::Create { name, password: text } => {
            let input = LocalUserInput { password: Some(password(&text)), ..person(&name, tag(&name)) };
            local_users::create(directory, caller, input).await.map(drop)
        }
        Act::Bar { name } => {
            let input = BlacklistedUserInput { user_distinguished_name: Some(named(&name)), reason: None };
            blacklist::create(directory, caller, input).await.map(drop)
        }
        Act::Unbar { name } => {
            let account = dn::Account::parse(&named(&name)).map_err(|wrong| Error::Internal(wrong.to_string()))?;
            blacklist::delete(directory, caller, &account, any).await
        }
        Act::Limits { threshold, minutes } => {
            let provider = provider(threshold, minutes);
            identity_providers::replace(directory, caller, identity_providers::LOCAL_ID, any, provider).await.map(drop)
        }
        Act::SetPolicy { name, disabled } => {
            policies::replace(directory, caller, policy_id(name), any, policy(name, disabled)).await.map(drop)
        }
        Act::SetRole { gives } => roles::replace(directory, caller, ROLE_ID, any, role(gives)).await.map(drop),
        other => Err(Error::Internal(format!("{other:?} is no administrator's"))),
    }
}

/// Longer than any act takes that comes to an end.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
