//! Damage of PostgreSQL's files, where it keeps checksums of its pages.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    super::{
        course::{figure, seeded, size},
        postgres::Postgres,
        support::{Client, Place, Server, place::tested_database, run},
    },
    Change, check, is_named,
    world::World,
};

/// The files of our tables and indexes that have anything in them.
fn files(place: &Place, postgres: &Postgres) -> Vec<PathBuf> {
    // What is in memory is to be in the files.
    place.sql("CHECKPOINT");
    let names = place.sql(
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'i')
           AND pg_relation_size(c.oid) > 0 ORDER BY c.relname",
    );
    names.into_iter().map(|row| postgres.data().join(&row[0])).collect()
}

#[test]
fn no_damaged_byte_of_postgresql_is_taken_for_true() {
    let mut chance = seeded("damage, PostgreSQL");
    // Only where PostgreSQL is there to be tested with.
    if tested_database().is_none() {
        figure("damage, PostgreSQL", "left out: run it by scripts/with-postgres");
        return;
    }
    let mut postgres = Postgres::start_with_checksums();
    let place = Place::on(&postgres.url());
    let server = Server::start(&place);
    assert!(!server.log().contains("data_checksums"), "{}", server.log());
    let mut world = World::furnish(&server);
    server.stop();
    let files = files(&place, &postgres);
    assert!(files.len() > 30, "{files:?}");
    postgres.stop();
    let sound = postgres.data().with_file_name("sound");
    renew(&sound, postgres.data());
    postgres.restart();
    // Which writes too.
    world.learn(&Server::start(&place));
    postgres.stop();
    let positions = size(5, 200);
    let (mut at_start, mut read, mut by_check, mut right, mut errors) = (0, 0, 0, 0, 0);
    for number in 0..positions {
        renew(postgres.data(), &sound);
        let file = &files[chance.usize(..files.len())];
        let length = std::fs::metadata(file).expect("is there").len();
        let at = chance.u64(..length);
        let change = Change::new(&mut chance, at);
        change.make(file);
        postgres.restart();
        let what = format!("position {number}, {}, {change:?}", file.display());
        match Server::try_start_with(&place, |command| command) {
            Err(ended) => {
                assert!(ended.code == Some(1) && is_named(&ended.err), "{what}: {ended:?}");
                at_start += 1;
            }
            Ok(mut server) => {
                let answers = world.question(&Client::new(&server.url), &mut chance, &what);
                let said = server.log();
                assert!(server.is_running(), "{what}: {said}");
                assert!(answers.errors == 0 || is_named(&said), "{what}: errors, and nothing in the log: {said}");
                right += answers.right;
                errors += answers.errors;
                if is_named(&said) {
                    read += 1;
                } else {
                    let checked = check(&place);
                    assert!(checked.code == Some(1) && is_named(&checked.err), "{what}: not found: {checked:?}");
                    by_check += 1;
                }
            }
        }
        postgres.stop();
    }
    // So that the place can be taken away.
    renew(postgres.data(), &sound);
    postgres.restart();
    figure(
        "damage, PostgreSQL",
        &format!(
            "{positions} positions: {at_start} found at the start, {read} when they were read, {by_check} by portreeve check; \
             {right} answers as of the sound directory, {errors} errors, no other"
        ),
    );
}

/// Puts a copy in the place of a folder.
fn renew(folder: &Path, from: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).expect("is ours");
    }
    let copied = run(Command::new("cp").arg("-a").arg(from).arg(folder));
    assert_eq!(copied.code, Some(0), "{copied:?}");
}
