//! That who writes much leaves turns to others, and who writes what cannot be takes nobody with it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;

async fn write_for(store: &Sqlite, time: Duration) {
    let written = store.write(time, |time, tx| {
        Box::pin(async move {
            let sql = "INSERT INTO notes (note) VALUES ('x')";
            tx.execute(sql, &[]).await?;
            std::thread::sleep(*time);
            Ok(())
        })
    });
    written.await.expect("is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_much_leaves_turns_to_another_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |usage| Sqlite::open(folder.path(), usage, Clock::system(), Metrics::default()).expect("opens");
    let (much, little) = (open(Use::Bulk), open(Use::Requests));
    connect(&folder.path().join(FILE))
        .and_then(|to| to.execute_batch("CREATE TABLE notes (note TEXT)").map_err(failure))
        .expect("is made");
    let (ended, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let others = tokio::spawn({
        let (ended, turns) = (ended.clone(), turns.clone());
        async move {
            while !ended.load(Ordering::Relaxed) {
                write_for(&little, Duration::ZERO).await;
                turns.fetch_add(1, Ordering::Relaxed);
                // As soon as the other is at it again.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    // One behind the other is always waiting.
    let long = || write_for(&much, LONG + Duration::from_millis(10));
    for _ in 0..15 {
        futures_util::future::join(long(), long()).await;
    }
    let turns = turns.load(Ordering::Relaxed);
    ended.store(true, Ordering::Relaxed);
    others.await.expect("writes");
    assert!(turns >= 8, "{turns} turns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_meets_damage_takes_no_other_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(FILE);
    let open = || Sqlite::open(folder.path(), Use::Requests, Clock::system(), Metrics::default());
    let sound = open().expect("opens");
    sound
        .connect()
        .and_then(|to| {
            let sql =
                "CREATE TABLE notes (note TEXT); CREATE TABLE others (note TEXT); INSERT INTO others VALUES ('x')";
            to.execute_batch(sql).map_err(failure)
        })
        .expect("is made");
    sound.checkpoint().expect("is one file");
    drop(sound);
    let bytes = std::fs::read(&file).expect("is there");
    // The last page is that of the last table.
    let mut damaged = bytes;
    let last = damaged.len() - 100;
    damaged[last] ^= 1;
    std::fs::write(&file, damaged).expect("is written");
    let store = open().expect("opens");
    let other = |store: Sqlite| async move {
        store
            .write((), |(), tx| Box::pin(async move { Ok(tx.execute("UPDATE others SET note = 'y'", &[]).await?) }))
            .await
    };
    // The first keeps the writer busy, so that the rest are one batch.
    let first = tokio::spawn({
        let store = store.clone();
        async move { write_for(&store, Duration::from_millis(300)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (_, refused, _) = futures_util::future::join3(
        write_for(&store, Duration::ZERO),
        other(store.clone()),
        write_for(&store, Duration::ZERO),
    )
    .await;
    first.await.expect("writes");
    let refused = refused.expect_err("is damaged");
    assert!(matches!(&refused, Error::Store(Failure::Damaged(why)) if why.contains("page 3 of ")), "{refused}");
    let count = store.connect().and_then(|connection| {
        connection.query_row("SELECT COUNT(*) FROM notes", [], |row| row.get::<_, i64>(0)).map_err(failure)
    });
    assert_eq!(count.expect("is read"), 3);
}
