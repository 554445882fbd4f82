//! What both databases must do alike, tried on SQLite and, with `TEST_DATABASE_URL`, on PostgreSQL.

use uuid::Uuid;

use super::{Location, Store, Tx, Use, accounts, changes, facts, new_accounts};
use crate::{
    error::{Error, Failure, Result},
    kind::AccountKind,
    metrics::Metrics,
    time::Clock,
};

/// A store, and a name that no other test and no earlier run uses in it.
async fn store(test: &str) -> (Store, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let location = match std::env::var("TEST_DATABASE_URL") {
        Ok(url) => Location::Postgres { url, connections: 4 },
        Err(_) => Location::Folder(folder.path().to_owned()),
    };
    let store = Store::open(&location, Use::Requests, Clock::system(), Metrics::default()).await.expect("opens");
    (store, format!("{test}-{}", Clock::system().now().micros()), folder)
}

async fn value(store: &Store, name: &str) -> Option<String> {
    store
        .read(name.to_owned(), |name, tx| Box::pin(async move { Ok(facts::find(tx, name).await?) }))
        .await
        .expect("reads")
}

async fn insert(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO facts (name, value) VALUES ($1, $2)";
    Ok(tx.execute(sql, &[name.into(), value.into()]).await.map(drop)?)
}

#[tokio::test]
async fn a_write_that_fails_after_its_statement_leaves_nothing() {
    let (store, name, _folder) = store("fails").await;
    let failed: Result<()> = store
        .write(name.clone(), |name, tx| {
            Box::pin(async move {
                insert(tx, name, "1").await?;
                Err(Error::NotFound("changed its mind".into()))
            })
        })
        .await;
    assert!(matches!(failed, Err(Error::NotFound(_))), "{failed:?}");
    assert_eq!(value(&store, &name).await, None);
}

#[tokio::test]
async fn a_write_that_panics_leaves_nothing_and_others_go_on() {
    let (store, name, _folder) = store("panics").await;
    let store = std::sync::Arc::new(store);
    let (own, text) = (store.clone(), name.clone());
    let panicked = tokio::spawn(async move {
        own.write(text, |name, tx| {
            Box::pin(async move {
                insert(tx, name, "1").await?;
                if name.len() > 1 {
                    panic!("on purpose");
                }
                Ok(())
            })
        })
        .await
    });
    // One database tells of it by an error, the other lets the panic through to the task.
    assert!(!matches!(panicked.await, Ok(Ok(()))));
    assert_eq!(value(&store, &name).await, None);
    store.write(name.clone(), |name, tx| Box::pin(insert(tx, name, "2"))).await.expect("writes");
    assert_eq!(value(&store, &name).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn what_is_already_there_is_a_clash() {
    let (store, name, _folder) = store("clash").await;
    store.write(name.clone(), |name, tx| Box::pin(insert(tx, name, "1"))).await.expect("writes");
    let again = store.write(name.clone(), |name, tx| Box::pin(insert(tx, name, "2"))).await;
    assert!(matches!(again, Err(Error::Store(Failure::Clash(_)))), "{again:?}");
    assert_eq!(value(&store, &name).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_token_without_its_session_is_an_orphan() {
    let (store, _, _folder) = store("orphan").await;
    let random = crate::random::Random::system();
    let context = (random.token(), random.uuid(store.now()));
    let refused = store
        .write(context, |(digest, session), tx| {
            Box::pin(async move {
                let work = super::sessions::Purpose::Work;
                Ok(super::sessions::insert_token(tx, digest, session, work).await?)
            })
        })
        .await;
    assert!(matches!(refused, Err(Error::Store(Failure::Orphan(_)))), "{refused:?}");
}

#[tokio::test]
async fn writers_at_once_lose_nothing_of_each_other() {
    let (store, name, _folder) = store("writers").await;
    store.write(name.clone(), |name, tx| Box::pin(insert(tx, name, ""))).await.expect("writes");
    let sql = "UPDATE facts SET value = value || '+' WHERE name = $1";
    let add = |_: u32| {
        store.write(name.clone(), move |name, tx| Box::pin(async move { Ok(tx.execute(sql, &[name.into()]).await?) }))
    };
    for result in futures_util::future::join_all((0..100).map(add)).await {
        assert_eq!(result.expect("writes"), 1);
    }
    assert_eq!(value(&store, &name).await, Some("+".repeat(100)));
}

#[tokio::test]
async fn rows_of_an_update_are_given_and_changed() {
    let (store, name, _folder) = store("returning").await;
    let given = store
        .write(name.clone(), |name, tx| {
            Box::pin(async move {
                insert(tx, name, "old").await?;
                let sql = "UPDATE facts SET value = 'new' WHERE name = $1 RETURNING value";
                Ok(tx.first(sql, &[name.into()], |row| row.text(0)).await?)
            })
        })
        .await;
    assert_eq!(given.expect("writes").as_deref(), Some("new"));
    assert_eq!(value(&store, &name).await.as_deref(), Some("new"));
}

/// What lists show of the accounts that have changed since, and those that are gone; nothing if that is lost.
async fn changes(store: &Store, from: i64) -> Option<(Vec<(Uuid, i64)>, Vec<Uuid>)> {
    let read = store
        .read(from, |from, tx| Box::pin(async move { Ok(changes::since(tx, AccountKind::Service, *from).await?) }))
        .await;
    match read.expect("reads") {
        changes::Changes::Read { shown, gone, .. } => {
            Some((shown.into_iter().map(|shown| (shown.id, shown.numbers[2])).collect(), gone))
        }
        changes::Changes::Lost => None,
    }
}

#[tokio::test]
async fn what_lists_show_is_noted_when_it_changes_until_it_is_forgotten() {
    let (store, name, _folder) = store("changes").await;
    let next = || async {
        store.read((), |(), tx| Box::pin(async move { Ok(changes::next(tx).await?) })).await.expect("reads")
    };
    let id = crate::random::Random::system().uuid(store.now());
    let begun = next().await;
    let profile = accounts::Profile { name, ..accounts::Profile::default() };
    let own = &store;
    let write = |sql: &'static str| async move {
        let store = own;
        let done =
            store.write(id, move |id, tx| Box::pin(async move { Ok(tx.execute(sql, &[id.into()]).await?) })).await;
        assert_eq!(done.expect("writes"), 1, "{sql}");
    };
    let now = store.now();
    let account = accounts::Account {
        id,
        kind: AccountKind::Service,
        profile,
        failed_attempts: 0,
        failures_since_reset: 0,
        lock_start: accounts::NEVER,
        created: now,
        updated: now,
        version: 1,
        profile_version: 1,
        used: false,
        has_password: false,
    };
    let new = new_accounts::New::of(account, None).expect("is written down");
    let insert = store.write([new], |new, tx| Box::pin(async move { Ok(new_accounts::insert(tx, new).await?) }));
    assert_eq!(insert.await.expect("writes").into_iter().collect::<Vec<_>>(), [id]);
    assert_eq!(changes(&store, begun).await, Some((vec![(id, 0)], vec![])));

    let made = next().await;
    for (sql, noted) in [
        ("UPDATE accounts SET version = version + 1, attempts_in_flight = 1 WHERE id = $1", 1),
        ("UPDATE accounts SET failed_attempts = failed_attempts WHERE id = $1", 1),
        ("UPDATE accounts SET failed_attempts = 3 WHERE id = $1", 2),
        ("UPDATE accounts SET search = search || 'x' WHERE id = $1", 3),
        ("UPDATE accounts SET updated = updated + 1 WHERE id = $1", 4),
        ("UPDATE accounts SET disabled = TRUE WHERE id = $1", 5),
        ("UPDATE accounts SET lock_start = 5 WHERE id = $1", 6),
    ] {
        write(sql).await;
        let count = store.read(id, |id, tx| {
            let sql = "SELECT COUNT(*) FROM account_changes WHERE account_id = $1";
            Box::pin(async move { Ok(tx.first(sql, &[id.into()], |row| row.int(0)).await?) })
        });
        assert_eq!(count.await.expect("reads"), Some(noted), "{sql}");
    }
    assert_eq!(changes(&store, made).await, Some((vec![(id, 3)], vec![])));
    write("DELETE FROM accounts WHERE id = $1").await;
    assert_eq!(changes(&store, made).await, Some((vec![], vec![id])));

    let last = loop {
        // On PostgreSQL it passes what was done once no older transaction of another test is open.
        let last = next().await;
        if last > made {
            break last;
        }
    };
    let forget = store.write(last, |last, tx| Box::pin(async move { Ok(changes::forget(tx, *last).await?) }));
    forget.await.expect("writes");
    assert_eq!(changes(&store, made).await, None);
    assert!(changes(&store, last).await.is_some());
}
