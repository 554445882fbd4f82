//! What only shows where the governor is full: who is recognized needs no turn, and who is not is counted.

use tokio::time::Instant;

use crate::{
    Directory, Options,
    caller::Caller,
    error::Error,
    local_users::{self, LocalUserInput},
    login::{self, LoginInput, governor::Flow},
    origin::Origin,
    passwords::Password,
    sessions::Purpose,
    store::{Location, attempts},
};

/// More than fit into the queue.
const CROWD: usize = 5_000;

async fn create(directory: &Directory, name: &str) -> uuid::Uuid {
    let input = LocalUserInput {
        name: Some(name.into()),
        first_name: Some("Bobby".into()),
        last_name: Some("Tables".into()),
        password: Some(Password::new("correct horse battery".into())),
        ..LocalUserInput::default()
    };
    local_users::create(directory, &Caller::operator("test".into()), input).await.expect("is made").object.id
}

async fn log_in(directory: &Directory, name: &str, password: &str) -> Result<(), Error> {
    let input = LoginInput {
        provider_name: Some("local".into()),
        device_id: Some("4c07bc67-57ea-42dd-b702-c2d6c45419fc".into()),
        username: Some(name.into()),
        password: Some(Password::new(password.into())),
    };
    let origin = Origin { source: None, request_id: "test".into() };
    login::login(directory, input, Purpose::Work, origin).await.map(drop)
}

async fn failures(directory: &Directory, id: uuid::Uuid) -> i64 {
    let standing = directory.store.read(id, |id, tx| Box::pin(async move { Ok(attempts::standing(tx, id).await?) }));
    standing.await.expect("is read").expect("is there").failures_since_reset
}

async fn under_way(directory: &Directory) -> Vec<(uuid::Uuid, i64, i64)> {
    let asked = directory.store.read((), |(), tx| Box::pin(async move { Ok(attempts::accounts_in_flight(tx).await?) }));
    asked.await.expect("is read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_that_is_compared_counts_though_there_is_no_turn_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::new(Location::Folder(folder.path().to_owned()));
    options.hash_workers = 1;
    let directory = Directory::open(options).await.expect("opens");
    let (known, unknown) = (create(&directory, "known").await, create(&directory, "unknown").await);
    log_in(&directory, "known", "correct horse battery").await.expect("is let in");

    // Everybody else waits for a turn that does not come. They share our source, so that ours would be the last.
    let soon = Instant::now() + std::time::Duration::from_secs(3_600);
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let (directory, flow) = (directory.clone(), Flow::new(None, format!("crowd/{number}")));
        crowd.push(tokio::spawn(async move {
            let turn = directory.governor.admit(&flow, usize::MAX, None, soon).await;
            if turn.is_ok() {
                std::future::pending::<()>().await;
            }
        }));
    }
    // Some are sent away for being too many: then the queue is full, and stays so.
    while !crowd.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    log_in(&directory, "known", "correct horse battery").await.expect("needs no turn");
    for (name, id, failed) in [("unknown", unknown, 0), ("known", known, 1), ("known", known, 1)] {
        let refused = log_in(&directory, name, "wrong").await;
        assert!(matches!(refused, Err(Error::Overloaded { .. })), "{name}: {refused:?}");
        assert_eq!(failures(&directory, id).await, failed, "{name}");
    }
    assert_eq!(under_way(&directory).await, []);
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}
