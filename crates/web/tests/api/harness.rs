//! A directory on a database of its own, its router, and an administrator who is logged in.

use std::{
    io::Write,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use portreeve_directory::{
    Directory, Options,
    caller::Caller,
    roll,
    store::Location,
    time::{Clock, Timestamp},
};
use portreeve_web::{App, Parts, router};
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Value, json};

use crate::client::{Answer, Call};

/// The administrator's password.
pub const ADMIN_PASSWORD: &str = "Frühling-17-Boote";
/// The password of every other account.
pub const PASSWORD: &str = "correct horse battery";
/// A device to log in from.
pub const DEVICE: &str = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";
/// The providers that are built in.
pub const LOCAL: &str = "01998f00-0000-7000-8000-000000000001";
pub const SERVICE: &str = "01998f00-0000-7000-8000-000000000002";

/// Everything that was logged by any test, at every level.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What has been logged up to now.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

fn keep_log() {
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(|| {
        let spans = tracing_subscriber::fmt::format::FmtSpan::FULL;
        tracing_subscriber::fmt()
            .with_env_filter("trace")
            .with_ansi(false)
            .with_span_events(spans)
            .with_writer(|| Log)
            .init();
    });
}

/// Where the data of one test is.
pub enum Place {
    Sqlite(tempfile::TempDir),
    Postgres { url: String, schema: String },
}

impl Place {
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Ok(url) = std::env::var("TEST_DATABASE_URL") else {
            return Self::Sqlite(tempfile::tempdir().unwrap());
        };
        let schema = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let begin = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
        connect(&url).await.batch_execute(&begin).await.unwrap();
        Self::Postgres { url, schema }
    }

    fn location(&self) -> Location {
        match self {
            Self::Sqlite(folder) => Location::Folder(folder.path().to_owned()),
            Self::Postgres { url, schema } => {
                let separator = if url.contains('?') { '&' } else { '?' };
                let url = format!("{url}{separator}options=-csearch_path%3D{schema}");
                Location::Postgres { url, connections: 4 }
            }
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }
}

/// A connection of the test's own.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// How a test wants its server.
#[derive(Default)]
pub struct Wish {
    /// For a test that opens another node: the place of the first.
    clock: Option<Clock>,
    rolls: roll::Limits,
    /// Whether no password is to be remembered.
    forgets: bool,
}

/// A node: a directory and its router.
pub struct Server {
    pub directory: Directory,
    router: Router,
    place: Arc<Place>,
    skew: Arc<AtomicI64>,
    /// The administrator's.
    pub token: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Postgres { url, schema } = self else { return };
        let (url, drop) = (url.clone(), format!("DROP SCHEMA IF EXISTS {schema} CASCADE"));
        // The test's own runtime is going away.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(&url).await.batch_execute(&drop).await })
        });
        if thread.join().is_err() && !std::thread::panicking() {
            panic!("a test's schema could not be dropped");
        }
    }
}

impl Server {
    /// On a new and empty database.
    pub async fn start() -> Self {
        keep_log();
        Self::open(Arc::new(Place::new().await), Wish::default()).await
    }

    /// As [`Server::start`], and every login is to be hashed.
    pub async fn start_forgetting() -> Self {
        keep_log();
        Self::open(Arc::new(Place::new().await), Wish { forgets: true, ..Wish::default() }).await
    }

    /// Nodes that start at the same moment on a new and empty database.
    pub async fn start_many(count: usize) -> Vec<Self> {
        keep_log();
        let place = Arc::new(Place::new().await);
        at_once(count, |_| Self::open(place.clone(), Wish::default())).await
    }

    /// Another node on the same data, with a clock of its own.
    pub async fn another(&self, clock: Clock) -> Self {
        Self::open(self.place.clone(), Wish { clock: Some(clock), ..Wish::default() }).await
    }

    /// Another node on the same data, which keeps accounts in memory in another way.
    pub async fn another_with(&self, rolls: roll::Limits) -> Self {
        Self::open(self.place.clone(), Wish { rolls, ..Wish::default() }).await
    }

    /// The same node under another name, where there can be only one.
    pub fn another_view(&self) -> Self {
        let (directory, router, place) = (self.directory.clone(), self.router.clone(), self.place.clone());
        Self { directory, router, place, skew: self.skew.clone(), token: self.token.clone() }
    }

    /// Stops, and starts again on the same data.
    pub async fn restart(self) -> Self {
        let place = self.place.clone();
        drop(self);
        Self::open(place, Wish::default()).await
    }

    async fn open(place: Arc<Place>, wish: Wish) -> Self {
        let skew = Arc::new(AtomicI64::new(0));
        let moved = skew.clone();
        let mut options = Options::new(place.location());
        let system = Clock::system();
        let moved = move || Timestamp::from_micros(system.now().micros() + moved.load(Ordering::SeqCst));
        options.rolls = wish.rolls;
        options.clock = wish.clock.unwrap_or_else(|| Clock::from_fn(moved));
        if wish.forgets {
            options.remember_logins = Duration::ZERO;
        }
        let directory = Directory::open(options).await.unwrap();
        directory.recover().await.unwrap();
        let operator = Caller::operator("test".into());
        directory.install_administrator(&operator, Some(ADMIN_PASSWORD.into())).await.unwrap();
        let mut parts = Parts::new(directory.clone());
        parts.traced = true;
        let app = App::from(parts);
        let mut server = Self { directory, router: router::router(app), place, skew, token: String::new() };
        server.token = server.token_of("local", "admin", ADMIN_PASSWORD).await;
        server
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The router, for what is no request of the API.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// A request with nothing in it but the administrator's token.
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.router.clone(), method, path).token(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path).json(body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path).json(body).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// Creates an object and gives its id.
    pub async fn make(&self, path: &str, body: Value) -> String {
        self.post(path, body).await.expect(200).json["id"].as_str().unwrap().to_owned()
    }

    /// A person with [`PASSWORD`].
    pub async fn person(&self, name: &str) -> String {
        self.make("/local-users", person(name)).await
    }

    /// Tries to log in.
    pub async fn login(&self, provider: &str, name: &str, password: &str) -> Answer {
        let body = credentials(provider, name, password);
        self.call("POST", "/login").anonymous().json(body).send().await
    }

    /// Logs in and gives the token.
    pub async fn token_of(&self, provider: &str, name: &str, password: &str) -> String {
        self.login(provider, name, password).await.expect(200).json["token"].as_str().unwrap().to_owned()
    }

    /// Changes fields of an object, leaving the others as they are.
    pub async fn change(&self, path: &str, fields: Value) -> Answer {
        let mut object = self.get(path).await.expect(200).json;
        for (name, value) in fields.as_object().unwrap() {
            object[name] = value.clone();
        }
        self.put(path, object).await.expect(200)
    }

    /// How many passwords have been compared with a stored hash on this node.
    pub fn compared(&self) -> u64 {
        self.directory.metrics.password_verifications.get()
    }

    /// How many logins were recognized on this node.
    pub fn recognized(&self) -> u64 {
        self.directory.metrics.remembered_logins.get()
    }

    /// What the node's metrics say under a name with its labels.
    pub fn measured(&self, name: &str) -> u64 {
        let mut registry = Registry::default();
        self.directory.metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |number| number.parse().unwrap())
    }

    /// Lets time go by. PostgreSQL's clock cannot be moved: there, what was noted is moved into the past.
    pub async fn pass(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap();
        self.skew.fetch_add(micros, Ordering::SeqCst);
        if let Place::Sqlite(_) = self.place() {
            return;
        }
        self.execute(&format!("UPDATE accounts SET lock_start = lock_start - {micros} WHERE lock_start > 0")).await;
        let sessions = ["expires", "created", "last_used"].map(|column| format!("{column} = {column} - {micros}"));
        self.execute(&format!("UPDATE sessions SET {}", sessions.join(", "))).await;
        self.execute(&format!("UPDATE login_attempts SET started = started - {micros}")).await;
    }

    /// Runs statements on the database itself.
    pub async fn execute(&self, sql: &str) {
        match self.place() {
            Place::Sqlite(folder) => sqlite(folder).execute_batch(sql).unwrap(),
            Place::Postgres { url, schema } => {
                let client = connect(url).await;
                client.batch_execute(&format!("SET search_path = {schema}; {sql}")).await.unwrap();
            }
        }
    }

    /// Asks the database itself. Every column must be text.
    pub async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.place() {
            Place::Sqlite(folder) => {
                let connection = sqlite(folder);
                let mut statement = connection.prepare(sql).unwrap();
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect());
                rows.unwrap().map(Result::unwrap).collect()
            }
            Place::Postgres { url, schema } => {
                let client = connect(url).await;
                client.batch_execute(&format!("SET search_path = {schema}")).await.unwrap();
                let rows = client.query(sql, &[]).await.unwrap();
                rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect()
            }
        }
    }
}

/// The database, as another process would open it.
pub fn sqlite(folder: &tempfile::TempDir) -> rusqlite::Connection {
    let file = folder.path().join("portreeve.db");
    let connection = portreeve_sqlite_checksums::open(&file, rusqlite::OpenFlags::default()).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
}

/// A Local User with [`PASSWORD`].
pub fn person(name: &str) -> Value {
    json!({ "name": name, "firstName": "Bobby", "lastName": "Tables", "password": PASSWORD })
}

/// What a login sends.
pub fn credentials(provider: &str, name: &str, password: &str) -> Value {
    json!({ "providerName": provider, "deviceId": DEVICE, "username": name, "password": password })
}

/// Runs the same thing many times at once.
pub async fn at_once<T, F>(count: usize, mut make: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (0..count).map(|number| tokio::spawn(make(number))).collect();
    let mut results = Vec::new();
    for one in running {
        results.push(one.await.unwrap());
    }
    results
}
