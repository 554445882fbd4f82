//! A machine with a disk of ours, on which the embedded database is, or a PostgreSQL.

use std::{fs, os::unix::fs::PermissionsExt};

use tempfile::TempDir;

use super::{
    disk::{Disk, Left},
    elsewhere,
    postgres::Postgres,
    support::{Place, Server, place::tested_database},
};

/// Small, so that whatever is done now and then is done often.
const SMALL: [&str; 3] = ["max_wal_size=16MB", "min_wal_size=4MB", "checkpoint_timeout=30s"];

/// A disk, and what is on it.
pub struct Machine {
    pub disk: Disk,
    pub database: Option<Postgres>,
    pub place: Place,
    /// Where PostgreSQL's log is, if not on the disk.
    elsewhere: Option<TempDir>,
}

impl Machine {
    /// None where there is no disk of ours to be had.
    pub fn new() -> Option<Self> {
        Self::with(None)
    }

    /// As [`Machine::new`], with PostgreSQL's log on another disk, which never fails.
    pub fn with_log_elsewhere() -> Option<Self> {
        let elsewhere = TempDir::new().expect("a temporary folder");
        // PostgreSQL runs as somebody else where we are root.
        fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o777)).expect("are set");
        Self::with(Some(elsewhere))
    }

    fn with(elsewhere: Option<TempDir>) -> Option<Self> {
        let disk = Disk::new()?;
        let database = tested_database().map(|_| {
            let folder = disk.path().join("postgres");
            fs::create_dir(&folder).expect("is made");
            let mut flags = vec!["--wal-segsize=1".to_owned()];
            flags.extend(elsewhere.as_ref().map(|folder| format!("--waldir={}/log", folder.path().display())));
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let database = Postgres::start_in(&folder, &flags, &SMALL);
            // How PostgreSQL is installed is not what is tried here.
            disk.settle();
            database
        });
        let place = match &database {
            Some(database) => Place::on(&database.url()),
            None => Place::at(&disk.path().join("portreeve-data"), elsewhere::ask),
        };
        Some(Self { disk, database, place, elsewhere })
    }

    pub fn log_is_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Everything goes dark at the same moment, and is switched on again.
    pub fn lose_power(&mut self, server: Server, left: Left<'_>) {
        self.disk.cut_power();
        self.crash(Some(server));
        self.light(left);
    }

    /// The machine is switched on after a loss of power.
    pub fn light(&mut self, left: Left<'_>) {
        self.disk.restore_power(left);
        self.restart();
    }

    /// Kills whatever runs on it.
    pub fn crash(&mut self, server: Option<Server>) {
        // It may have ended by itself.
        drop(server);
        if let Some(database) = &mut self.database {
            database.kill();
        }
    }

    /// Lets PostgreSQL bring to its tables what is in its log, if it can. The embedded database does so by itself.
    pub fn checkpoint(&self) {
        if self.database.is_some() {
            drop(self.place.try_sql("CHECKPOINT"));
        }
    }

    /// Starts the database, if it is one that has to be started.
    pub fn restart(&mut self) {
        if let Some(database) = &mut self.database {
            database.restart();
        }
    }
}
