//! A machine with a disk of ours, on which the embedded database is, or a PostgreSQL.

use std::fs;

use super::{
    disk::{Disk, Left},
    postgres::Postgres,
    support::{Place, Server},
};

/// Small, so that whatever is done now and then is done often.
const SMALL: [&str; 3] = ["max_wal_size=16MB", "min_wal_size=4MB", "checkpoint_timeout=30s"];

/// A disk, and what is on it.
pub struct Machine {
    pub disk: Disk,
    pub database: Option<Postgres>,
    pub place: Place,
}

impl Machine {
    /// None where there is no disk of ours to be had.
    pub fn new() -> Option<Self> {
        let disk = Disk::new()?;
        let database = std::env::var_os("TEST_DATABASE_URL").map(|_| {
            let folder = disk.path().join("postgres");
            fs::create_dir(&folder).expect("is made");
            let database = Postgres::start_in(&folder, &["--wal-segsize=1"], &SMALL);
            // How PostgreSQL is installed is not what is tried here.
            disk.settle();
            database
        });
        let place = match &database {
            Some(database) => Place::on(&database.url()),
            None => Place::at(&disk.path().join("portreeve-data")),
        };
        Some(Self { disk, database, place })
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

    /// Starts the database, if it is one that has to be started.
    pub fn restart(&mut self) {
        if let Some(database) = &mut self.database {
            database.restart();
        }
    }
}
