//! Connections to the database that are lost at the worst moment: what was not done is done on another connection, and of what
//! may have been done nobody is told that it was not.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;

use super::support::{Answer, Client, Place, Server};

/// When a connection is cut: at what is sent next and has this in it.
#[derive(Clone, Copy)]
enum Moment {
    /// Before the database gets it.
    Before(&'static str),
    /// After the database has answered it, and before the node hears so.
    After(&'static str),
}

/// A way to the database that is cut once.
#[derive(Clone, Default)]
struct Scissors(Arc<Mutex<Option<Moment>>>);

impl Scissors {
    fn set(&self, moment: Moment) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    fn are_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Gives the port where the way begins.
    fn to(&self, database: &str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("has an address").port();
        let (scissors, database) = (self.clone(), database.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&database).expect("the database can be reached");
                let muted = Arc::new(AtomicBool::new(false));
                let ends = || (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
                let ((from, to), mute, scissors) = (ends(), muted.clone(), scissors.clone());
                std::thread::spawn(move || carry(from, to, |piece| scissors.look(piece, &mute)));
                let (to, from) = ends();
                std::thread::spawn(move || carry(from, to, |_| !muted.load(Ordering::Relaxed)));
            }
        });
        port
    }

    /// Whether it is to be sent on.
    fn look(&self, piece: &[u8], mute: &AtomicBool) -> bool {
        let mut moment = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Moment::Before(text) | Moment::After(text)) = *moment else { return true };
        if !piece.windows(text.len()).any(|window| window == text.as_bytes()) {
            return true;
        }
        let after = matches!(moment.take(), Some(Moment::After(_)));
        mute.store(after, Ordering::Relaxed);
        after
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8]) -> bool) {
    let mut piece = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if !look(&piece[..length]) || to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        drop(end.shutdown(Shutdown::Both));
    }
}

struct Town {
    scissors: Scissors,
    admin: Client,
    place: Place,
    _server: Server,
}

impl Town {
    fn new() -> Option<Self> {
        let (place, scissors) = (Place::shared()?, Scissors::default());
        let address = place.address();
        let port = scissors.to(&address);
        let cut = place.by(|url| url.replacen(&address, &format!("127.0.0.1:{port}"), 1));
        let server = Server::start(&cut);
        Some(Self { scissors, admin: server.admin(), place, _server: server })
    }

    /// Makes an account while the way is cut.
    fn make(&self, moment: Moment) -> Answer {
        self.scissors.set(moment);
        let answer = self.admin.post("/local-users", &ada());
        assert!(!self.scissors.are_set(), "nothing was cut: {answer:?}");
        answer
    }

    /// How many accounts there are of that name, and how often the audit log says that it was made.
    fn there(&self) -> [i64; 2] {
        ["accounts WHERE name = 'fleeting'", "audit_log WHERE object_name = 'fleeting' AND act = 'create'"]
            .map(|rows| self.place.number(&format!("SELECT COUNT(*) FROM {rows}")))
    }
}

fn ada() -> serde_json::Value {
    json!({"name": "fleeting", "firstName": "Ada", "lastName": "Lovelace"})
}

#[track_caller]
fn is_in_doubt(answer: &Answer) {
    assert!(answer.is_in_doubt(), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
}

#[test]
fn a_commit_without_an_answer_is_in_doubt_and_is_not_repeated() {
    let Some(town) = Town::new() else { return };
    is_in_doubt(&town.make(Moment::After("COMMIT\0")));
    assert_eq!(town.there(), [1, 1]);
    // Who asks again without looking is told what there is.
    assert_eq!(town.admin.post("/local-users", &ada()).status, 409);
    assert_eq!(town.there(), [1, 1]);
}

#[test]
fn a_commit_that_was_not_delivered_is_in_doubt_too() {
    let Some(town) = Town::new() else { return };
    is_in_doubt(&town.make(Moment::Before("COMMIT\0")));
    assert_eq!(town.there(), [0, 0]);
    town.admin.post("/local-users", &ada()).ok();
}

#[test]
fn what_was_not_to_be_committed_yet_is_done_on_another_connection() {
    for moment in
        [Moment::Before("BEGIN\0"), Moment::After("BEGIN\0"), Moment::Before("fleeting"), Moment::After("fleeting")]
    {
        let Some(town) = Town::new() else { return };
        town.make(moment).ok();
        assert_eq!(town.there(), [1, 1]);
        town.scissors.set(Moment::After("fleeting"));
        assert_eq!(town.admin.get("/local-users?query=fleeting").ok()["data"][0]["name"], "fleeting");
        assert!(!town.scissors.are_set(), "nothing was cut");
    }
}

#[test]
fn a_host_that_says_nothing_keeps_nobody_from_the_others() {
    let Some(place) = Place::shared() else { return };
    // The kernel takes what comes, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = place.among_hosts(&silent.local_addr().expect("has an address").to_string());
    let server = Server::start(&place);
    assert_eq!(server.admin().get("/local-users").ok()["totalCount"], 1);
}
