//! Damage of the embedded database and its log, while the server is stopped, after a crash, and while it runs.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use portreeve_sqlite_checksums::pages::{Page, SIZE, judge};
use tempfile::TempDir;

use super::{
    super::{
        course::{figure, seeded, size},
        support::{Client, Place, Server, place::open},
    },
    Change, check, is_named,
    world::{Answers, World},
};

const DATABASE: &str = "portreeve.db";
const LOG: &str = "portreeve.db-wal";
const INDEX: &str = "portreeve.db-shm";
/// Of the log: its head, and a frame with its page.
const HEAD: u64 = 32;
const FRAME: u64 = 24 + SIZE as u64;
/// How many positions are looked at side by side.
const SIDE_BY_SIDE: usize = 2;

/// What is damaged, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Database,
    DatabaseInUse,
    Log,
    LogInUse,
    Index,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::DatabaseInUse => "the database while it was served",
            Self::Log => "the log after a crash",
            Self::LogInUse => "the log while it was served",
            Self::Index => "the log's index after a crash",
        })
    }
}

/// How it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    AtTheStart,
    WhenRead,
    ByCheck,
    NoConsequence,
}

/// Folders that are sound: after a stop in good order, and after a crash.
struct Sound {
    world: World,
    stopped: TempDir,
    crashed: TempDir,
    /// The pages of each table and index, of none, and of the head.
    pages: Vec<Vec<u64>>,
    /// Frames of the log that were committed.
    committed: u64,
}

fn copy(from: &Path, to: &Path) {
    for name in [DATABASE, LOG, INDEX].iter().filter(|name| from.join(name).exists()) {
        fs::copy(from.join(name), to.join(name)).expect("is copied");
    }
}

impl Sound {
    fn make() -> Self {
        let place = Place::folder();
        let server = Server::start(&place);
        let mut world = World::furnish(&server);
        server.crash();
        let crashed = TempDir::new().expect("a folder");
        copy(place.path(), crashed.path());
        // Recovered, and stopped.
        Server::start(&place).stop();
        let stopped = TempDir::new().expect("a folder");
        copy(place.path(), stopped.path());
        let left = fs::metadata(stopped.path().join(LOG)).map_or(0, |log| log.len());
        assert_eq!(left, 0, "there is still something in the log");
        world.learn(&Server::start(&place));
        let index = fs::read(crashed.path().join(INDEX)).expect("is there");
        let committed = u32::from_ne_bytes(index[16..20].try_into().expect("are four"));
        assert!(committed > 100, "{committed} frames");
        let pages = pages(&stopped.path().join(DATABASE));
        assert!(pages.len() > 30, "{pages:?}");
        Self { world, stopped, crashed, pages, committed: committed.into() }
    }

    /// Damages a byte of a copy, asks everything, and says how it was found.
    fn damage(&self, victim: Victim, seed: u64) -> (Found, Answers) {
        let chance = &mut fastrand::Rng::with_seed(seed);
        let place = Place::folder();
        let is_crashed = matches!(victim, Victim::Log | Victim::LogInUse | Victim::Index);
        copy(if is_crashed { self.crashed.path() } else { self.stopped.path() }, place.path());
        let (file, at) = self.choose(victim, &place, chance);
        let change = Change::new(chance, at);
        let what = format!("{victim}, {change:?}, seed {seed}");
        let in_use = matches!(victim, Victim::DatabaseInUse | Victim::LogInUse);
        if !in_use {
            change.make(&file);
        }
        let mut server = match Server::try_start_with(&place, |command| command) {
            Ok(server) => server,
            Err(ended) => {
                assert!(!in_use && ended.code == Some(1) && is_named(&ended.err), "{what}: {ended:?}");
                return (Found::AtTheStart, Answers::default());
            }
        };
        if in_use {
            change.make(&file);
        }
        let client = Client::new(&server.url);
        let answers = self.world.question(&client, chance, &what);
        let checked = check(&place);
        let read = is_named(&server.log());
        assert!(server.is_running(), "{what}: {}", server.log());
        assert!(answers.errors == 0 || read, "{what}: errors, and nothing in the log: {}", server.log());
        if read {
            return (Found::WhenRead, answers);
        }
        if checked.code == Some(1) && is_named(&checked.err) {
            return (Found::ByCheck, answers);
        }
        assert_eq!(checked.code, Some(0), "{what}: {checked:?}");
        drop(client);
        server.stop();
        assert!(self.is_of_no_consequence(victim, &file, change), "{what}: not found");
        (Found::NoConsequence, answers)
    }

    fn choose(&self, victim: Victim, place: &Place, chance: &mut fastrand::Rng) -> (PathBuf, u64) {
        let (name, at) = match victim {
            Victim::Database | Victim::DatabaseInUse => {
                let tree = &self.pages[chance.usize(..self.pages.len())];
                let page = tree[chance.usize(..tree.len())];
                (DATABASE, (page - 1) * SIZE as u64 + chance.u64(..SIZE as u64))
            }
            Victim::Log | Victim::LogInUse => {
                // A tenth of them in the head, which is short.
                let length = if chance.u8(..10) == 0 { HEAD } else { HEAD + self.committed * FRAME };
                (LOG, chance.u64(..length))
            }
            Victim::Index => {
                let length = fs::metadata(place.path().join(INDEX)).expect("is there").len();
                (INDEX, if chance.bool() { chance.u64(..136) } else { chance.u64(..length) })
            }
        };
        (place.path().join(name), at)
    }

    /// By what stands on the disk afterwards, and not by what the program says.
    fn is_of_no_consequence(&self, victim: Victim, file: &Path, change: Change) -> bool {
        match victim {
            // The whole page was written again, or never.
            Victim::Database | Victim::DatabaseInUse => {
                let page = usize::try_from(change.at).expect("is small") / SIZE * SIZE;
                let [before, now] = [self.stopped.path().join(DATABASE), file.to_owned()].map(|file| {
                    let bytes = fs::read(file).expect("is there");
                    bytes[page..page + SIZE].to_vec()
                });
                let at = usize::try_from(change.at).expect("is small") - page;
                now[at] != before[at] ^ change.by || before.iter().all(|byte| *byte == 0)
            }
            // It is made anew at each start.
            Victim::Index => true,
            Victim::Log | Victim::LogInUse => false,
        }
    }
}

/// The numbers of the pages, by what they are of.
fn pages(file: &Path) -> Vec<Vec<u64>> {
    let connection = open(file);
    let mut statement = connection.prepare("SELECT name, pageno FROM dbstat").expect("is SQL");
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("runs");
    let mut trees: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut used = vec![];
    for row in rows {
        let (name, page) = row.expect("is a row");
        let page = u64::try_from(page).expect("is a number of a page");
        used.push(page);
        trees.entry(name).or_default().push(page);
    }
    let bytes = fs::read(file).expect("is there");
    let all = (1..).zip(bytes.chunks(SIZE).map(|page| page.try_into().expect("is whole")));
    let free = all.filter(|(number, page)| !used.contains(number) && judge(*number, page) == Page::Right);
    let free: Vec<u64> = free.map(|(number, _)| number).collect();
    trees.into_values().chain([free, vec![1]].into_iter().filter(|pages| !pages.is_empty())).collect()
}

#[test]
fn no_damaged_byte_of_the_embedded_database_is_taken_for_true() {
    let mut chance = seeded("damage, embedded");
    let sound = Sound::make();
    let positions: Vec<(Victim, u64)> = (0..size(50, 1_000))
        .map(|_| {
            let victim = match chance.u8(..20) {
                0..10 => Victim::Database,
                10..13 => Victim::DatabaseInUse,
                13..17 => Victim::Log,
                17..19 => Victim::LogInUse,
                _ => Victim::Index,
            };
            (victim, chance.u64(..))
        })
        .collect();
    let results = Mutex::new(Vec::new());
    let open = Mutex::new(positions.iter());
    let next = || open.lock().expect("nobody panicked").next().copied();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((victim, seed)) = next() {
                    let (found, answers) = sound.damage(victim, seed);
                    results.lock().expect("nobody panicked").push((victim, found, answers));
                }
            });
        }
    });
    let results = results.into_inner().expect("nobody panicked");
    assert_eq!(results.len(), positions.len());
    tell(&results);
}

fn tell(results: &[(Victim, Found, Answers)]) {
    let mut sums: BTreeMap<(Victim, Found), usize> = BTreeMap::new();
    for (victim, found, _) in results {
        *sums.entry((*victim, *found)).or_default() += 1;
    }
    for ((victim, found), count) in &sums {
        let found = match found {
            Found::AtTheStart => "found at the start",
            Found::WhenRead => "found when it was read",
            Found::ByCheck => "found by portreeve check",
            Found::NoConsequence => "of no consequence",
        };
        figure("damage, embedded", &format!("{victim}: {count} {found}"));
    }
    let (right, errors) = results
        .iter()
        .fold((0, 0), |(right, errors), (_, _, answers)| (right + answers.right, errors + answers.errors));
    figure(
        "damage, embedded",
        &format!("{} positions: {right} answers as of the sound directory, {errors} errors, no other", results.len()),
    );
}
