//! Sessions and their tokens: opened by what the gate hands out, checked at every request, ended at once on every node.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Directory,
    audit::{self, Record},
    caller::Caller,
    error::{Error, Failure, Result},
    login::gate::Verified,
    origin::Origin,
    random::Random,
    store::{self, Tx},
};

pub use crate::store::sessions::{Purpose, Session};

/// How long a session lasts.
pub(crate) const LIFE: Duration = Duration::from_secs(12 * 60 * 60);
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

/// Opens a session for whom the gate let in, in the transaction in which it did.
pub(crate) async fn open(
    tx: &mut Tx,
    verified: &Verified,
    random: &Random,
    device_id: Uuid,
    purpose: Purpose,
) -> Result<(Session, Token)> {
    let account = verified.account();
    let (now, token) = (tx.now(), Token::new(random));
    let session = Session {
        id: random.uuid(now),
        account_id: account.id,
        credential_version: account.credential_version,
        device_id,
        expires: now.plus(LIFE),
        purpose,
        kind: account.kind,
        name: account.name.clone(),
        name_key: account.name_key.clone(),
    };
    let source = verified.origin().source.map(|address| address.to_string()).unwrap_or_default();
    store::sessions::insert(tx, &session, &source, now).await?;
    store::sessions::insert_token(tx, &digest(token.expose()), &session.id, purpose).await?;
    Ok((session, token))
}

/// Who a token speaks for, if it is good at this moment for `purpose`. A working token also passes where one for
/// authorization is wanted.
pub async fn check(directory: &Directory, token: &str, purpose: Purpose, origin: Origin) -> Result<Caller> {
    if token.len() != TOKEN_LENGTH {
        return Err(Error::Unauthorized);
    }
    let session = directory
        .store
        .read(digest(token), |digest, tx| Box::pin(async move { Ok(store::sessions::find(tx, digest).await?) }))
        .await?
        .ok_or(Error::Unauthorized)?;
    if purpose == Purpose::Work && session.purpose != Purpose::Work {
        return Err(Error::Unauthorized);
    }
    Ok(Caller::new(session, origin))
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
                let record = Record {
                    actor: &session.name,
                    act: "logout",
                    object_kind: session.kind.target(),
                    object_id: Some(session.account_id),
                    object_name: &session.name,
                    outcome: audit::DONE,
                    reason: "",
                    origin,
                    changes: audit::NO_CHANGES,
                };
                audit::write(tx, audit_id, &record).await?;
                Ok(ended)
            })
        })
        .await?;
    directory.metrics.sessions_ended.inc_by(u64::from(ended));
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
