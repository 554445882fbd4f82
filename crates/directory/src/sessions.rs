//! Sessions and their tokens: opened by what the gate hands out, checked at every request, ended at once on every node.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Directory, accounts,
    audit::{self, Record},
    caller::{Caller, Missing, PrivilegeType, Target, out_of_scope},
    claims::Circumstances,
    error::{Error, Failure, Result},
    evaluation,
    kind::AccountKind,
    login::gate::Verified,
    origin::Origin,
    random::Random,
    store::{self, BoxFuture, Tx, scope},
    subjects,
};

use crate::store::sessions::{Found, Idle, Standing};
pub use crate::store::sessions::{Live, Purpose, Session};

/// Sessions removed in one transaction when their time is up.
const TIDY_LIMIT: i64 = 1_000;
/// A token: 32 bytes in base64 with its padding.
const TOKEN_LENGTH: usize = 44;

/// A token in the form in which clients get it. Shown once, stored nowhere.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    fn new(random: &Random) -> Self {
        Self(Zeroizing::new(BASE64.encode(Zeroizing::new(random.token()))))
    }

    /// The text to send.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token(…)")
    }
}

/// Of the very text, so that no other spelling of the same bits is the same token.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// What a session is opened with.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) circumstances: Circumstances,
    pub(crate) purpose: Purpose,
    pub(crate) life: Duration,
    /// How long it may go unused; zero for as long as it lasts.
    pub(crate) idle_limit: Duration,
    pub(crate) standing: Standing,
}

/// Opens a session for whom the gate let in, in the transaction in which it did.
pub(crate) async fn open(
    tx: &mut Tx,
    verified: &Verified,
    random: &Random,
    opening: &Opening,
) -> Result<(Session, Token)> {
    let account = verified.account();
    let (now, token) = (tx.now(), Token::new(random));
    let Opening { circumstances, purpose, life, idle_limit, standing } = opening;
    let session = Session {
        id: random.uuid(now),
        account_id: account.id,
        credential_version: account.credential_version,
        device_id: circumstances.device_id,
        // What policies were told of the time is what they are told again when they are asked again.
        opened: circumstances.at,
        expires: now.plus(*life),
        purpose: *purpose,
        kind: account.kind,
        name: account.name.clone(),
        name_key: account.name_key.clone(),
    };
    store::sessions::insert(tx, &session, &circumstances.source, *idle_limit, standing).await?;
    store::sessions::insert_token(tx, &digest(token.expose()), &session.id, *purpose).await?;
    store::devices::note(tx, &random.uuid(now), account.kind, &account.id, &circumstances.device_id).await?;
    Ok((session, token))
}

/// Who a token speaks for, if it is good at this moment for `purpose`. A working token also passes where one for
/// authorization is wanted; one of the console passes nowhere else, and no other passes there.
pub async fn check(directory: &Directory, token: &str, purpose: Purpose, origin: Origin) -> Result<Caller> {
    if token.len() != TOKEN_LENGTH {
        return Err(Error::Unauthorized);
    }
    let found = directory
        .store
        .read(digest(token), |digest, tx| Box::pin(async move { Ok(store::sessions::find(tx, digest).await?) }))
        .await?
        .ok_or(Error::Unauthorized)?;
    let good = match purpose {
        Purpose::Authentication => found.session.purpose != Purpose::Console,
        Purpose::Work | Purpose::Console => found.session.purpose == purpose,
    };
    if !good {
        return Err(Error::Unauthorized);
    }
    note_use(directory, &found).await?;
    let configuration = directory.configuration_at(found.configuration).await?;
    let standing = found.standing;
    if (standing.configuration, standing.profile) == (configuration.version, found.profile) {
        let authority = configuration.authority(&standing.policies);
        return Ok(Caller::new(found.session, standing, authority, origin));
    }
    renew(directory, found.session, origin).await
}

/// How often it is noted at most that a session is being used.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Puts off the end of a session that ends when it goes unused.
async fn note_use(directory: &Directory, found: &Found) -> Result<()> {
    let Idle { limit, last_used } = found.idle;
    if limit.is_zero() || directory.store.now() < last_used.plus(NOTED_EVERY.min(limit / 4)) {
        return Ok(());
    }
    let noted = directory
        .store
        .write(found.session.id, |session, tx| {
            Box::pin(async move { Ok(store::sessions::use_now(tx, session).await?) })
        })
        .await;
    // Then it ends the sooner.
    noted.or_else(|error| if error.is_for_now() { Ok(()) } else { Err(error) })
}

/// Finds out anew what a session may do, as the configuration or its account has changed.
pub(crate) async fn renew(directory: &Directory, session: Session, origin: Origin) -> Result<Caller> {
    let configuration = directory.configuration_now().await?;
    let (account, source) = directory
        .store
        .read((session.kind, session.account_id, session.id), |(kind, account, session), tx| {
            Box::pin(async move {
                let account = store::accounts::find(tx, *kind, account).await?.ok_or(Error::Unauthorized)?;
                Ok((account, store::sessions::source(tx, session).await?.ok_or(Error::Unauthorized)?))
            })
        })
        .await?;
    let circumstances = Circumstances { device_id: session.device_id, source, at: session.opened };
    let verdict = evaluation::judge(directory, &configuration, &account, &circumstances, &origin).await?;
    if let Some(policy) = verdict.stopped_by {
        end_stopped(directory, &session, &origin, policy).await?;
        return Err(Error::Unauthorized);
    }
    let kept = directory
        .store
        .write((session.id, verdict.standing.clone()), |(session, standing), tx| {
            Box::pin(async move { Ok(store::sessions::set_standing(tx, session, standing).await?) })
        })
        .await;
    // It is kept only so that it need not be found out again.
    kept.or_else(|error| if error.is_for_now() { Ok(()) } else { Err(error) })?;
    let authority = configuration.authority(&verdict.standing.policies);
    Ok(Caller::new(session, verdict.standing, authority, origin))
}

/// Ends a session whose account a policy refuses by now.
async fn end_stopped(directory: &Directory, session: &Session, origin: &Origin, policy: String) -> Result<()> {
    let audit_id = directory.random.uuid(directory.store.now());
    let ended = directory
        .store
        .write((session.clone(), origin.clone(), policy, audit_id), |(session, origin, policy, audit_id), tx| {
            Box::pin(async move {
                let ended = store::sessions::delete(tx, &session.id).await?;
                let reason = format!("stopped by the policy {policy}");
                let record =
                    Record { outcome: audit::REFUSED, reason: &reason, ..of_session(session, "end session", origin) };
                audit::write(tx, audit_id, &record).await?;
                Ok(ended)
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(u64::from(ended));
    Ok(())
}

fn of_session<'a>(session: &'a Session, act: &'a str, origin: &'a Origin) -> Record<'a> {
    Record {
        actor: &session.name,
        act,
        object_kind: session.kind.object_kind(),
        object_id: Some(session.account_id),
        object_name: &session.name,
        outcome: audit::DONE,
        reason: "",
        origin,
        changes: audit::NO_CHANGES,
    }
}

/// A working token for the caller's session.
pub(crate) async fn issue(directory: &Directory, session: &Session) -> Result<Token> {
    let token = Token::new(&directory.random);
    let context = (digest(token.expose()), session.id);
    let issued = directory
        .store
        .write(context, |(digest, session), tx| {
            Box::pin(async move { Ok(store::sessions::insert_token(tx, digest, session, Purpose::Work).await?) })
        })
        .await;
    match issued {
        Ok(()) => Ok(token),
        // The session ended while it was being used.
        Err(Error::Store(Failure::Orphan(_))) => Err(Error::Unauthorized),
        Err(error) => Err(error),
    }
}

/// Ends the caller's session with all its tokens.
pub async fn end(directory: &Directory, caller: &Caller) -> Result<()> {
    let Some(session) = caller.session() else { return Ok(()) };
    let audit_id = directory.random.uuid(directory.store.now());
    let ended = directory
        .store
        .write((session.clone(), caller.origin().clone(), audit_id), |(session, origin, audit_id), tx| {
            Box::pin(async move {
                let ended = store::sessions::delete(tx, &session.id).await?;
                let record = of_session(session, "logout", origin);
                audit::write(tx, audit_id, &record).await?;
                Ok(ended)
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(u64::from(ended));
    Ok(())
}

/// The sessions of the caller's own account, the newest first.
pub async fn own(directory: &Directory, caller: &Caller) -> Result<Vec<Live>> {
    let account = caller.session().ok_or(Error::Unauthorized)?.account_id;
    directory
        .store
        .read(account, |account, tx| Box::pin(async move { Ok(store::sessions::live(tx, account).await?) }))
        .await
}

/// The sessions of any account, the newest first, for whoever may see the account and sessions of its provider.
pub async fn of_account(directory: &Directory, caller: &Caller, kind: AccountKind, id: Uuid) -> Result<Vec<Live>> {
    const TARGET: Target = Target::SessionInfo;
    let reach = caller.authorize(PrivilegeType::View, TARGET)?;
    let seen = caller.authorize(PrivilegeType::View, kind.target())?;
    directory
        .store
        .read((reach, seen, kind, id), |(reach, seen, kind, id), tx| {
            Box::pin(async move {
                let table = subjects::table(kind.target());
                let table = table.ok_or_else(|| Error::Internal("accounts without a table".into()))?;
                if !scope::includes(tx, table, id, seen).await? {
                    return Err(Error::NotFound(format!("there is no {} with the id {id}", kind.noun())));
                }
                if !scope::includes_provider(tx, *kind, reach).await? {
                    return Err(out_of_scope(Missing(PrivilegeType::View, TARGET)));
                }
                Ok(store::sessions::live(tx, id).await?)
            })
        })
        .await
}

/// Ends one of the caller's own sessions.
pub async fn end_own(directory: &Directory, caller: &Caller, session: Uuid) -> Result<()> {
    end_of_caller(directory, caller, "end session", move |own, tx| {
        Box::pin(async move {
            let ended = store::sessions::delete_own(tx, &own.account_id, &session).await?;
            if ended { Ok(1) } else { Err(Error::NotFound(format!("there is no session {session} of yours"))) }
        })
    })
    .await
}

/// Ends all sessions of the caller's own account, this one too.
pub async fn end_everywhere(directory: &Directory, caller: &Caller) -> Result<()> {
    end_of_caller(directory, caller, "end all sessions", |own, tx| {
        Box::pin(async move { Ok(accounts::end_sessions(tx, &own.account_id).await?) })
    })
    .await
}

async fn end_of_caller(
    directory: &Directory,
    caller: &Caller,
    act: &'static str,
    end: impl for<'a> Fn(&'a Session, &'a mut Tx) -> BoxFuture<'a, Result<u64>> + Send + Sync + 'static,
) -> Result<()> {
    let session = caller.session().ok_or(Error::Unauthorized)?;
    let audit_id = directory.random.uuid(directory.store.now());
    let context = (session.clone(), caller.origin().clone(), audit_id, end);
    let ended = directory
        .store
        .write(context, move |(session, origin, audit_id, end), tx| {
            Box::pin(async move {
                let ended = end(session, tx).await?;
                audit::write(tx, audit_id, &of_session(session, act, origin)).await?;
                Ok(ended)
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(ended);
    Ok(())
}

/// Removes sessions whose time is up. Says how many; there may be more.
pub(crate) async fn tidy(directory: &Directory) -> Result<u64> {
    let removed = directory
        .store
        .write((), |(), tx| Box::pin(async move { Ok(store::sessions::delete_expired(tx, TIDY_LIMIT).await?) }))
        .await?;
    directory.metrics.sessions_ended.inc_by(removed);
    Ok(removed)
}
