//! Three machines, each with a PostgreSQL under Patroni and an etcd, by the example of the documentation.

use std::{os::unix::fs::chown, path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    super::{
        postgres::{other_user, program_file},
        support::{Client, gathered::tell_last, place::try_postgres, wait_for},
    },
    machines::{Machine, Network, found},
};

const EXAMPLE: &str = include_str!("../../../../../packaging/patroni.yml");
const COUNT: u8 = 3;
const PASSWORD: &str = "known to the suite alone";
/// For what is asked of a member that may be gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// The database, on all machines that are there.
pub struct Cluster {
    members: Vec<Option<Machine>>,
    folder: TempDir,
}

/// The numbers of the members are those of the example: `db1` to `db3`, at `10.0.0.1` to `10.0.0.3`.
impl Cluster {
    /// Waits until all of it works, and makes a role and a database as the documentation says.
    pub fn start(network: &Network) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        give_away(folder.path());
        let mut cluster = Self { members: Vec::new(), folder };
        for number in 1..=COUNT {
            let own = cluster.folder.path().join(format!("db{number}"));
            std::fs::create_dir(&own).expect("is made");
            give_away(&own);
            std::fs::write(own.join("patroni.yml"), settings(number, &own)).expect("is written");
            cluster.members.push(None);
            cluster.restore(network, number);
        }
        cluster.wait_whole();
        let primary = cluster.wait_primary();
        for sql in [
            format!("CREATE ROLE portreeve LOGIN PASSWORD '{PASSWORD}'"),
            "CREATE DATABASE portreeve OWNER portreeve ENCODING 'UTF8' TEMPLATE template0".to_owned(),
        ] {
            cluster.sql(primary, &sql).expect("the statement runs");
        }
        cluster
    }

    /// A machine, as it was when it was lost.
    pub fn restore(&mut self, network: &Network, number: u8) {
        let (user, group) = other_user().expect("only root gets here");
        let own = self.folder.path().join(format!("db{number}"));
        let as_user = format!("setpriv --reuid {user} --regid {group} --clear-groups");
        let peers: Vec<String> = (1..=COUNT).map(|peer| format!("db{peer}=http://10.0.0.{peer}:2380")).collect();
        let mut machine = network.machine(number);
        machine.tell(&format!("cd {}", own.display()));
        machine.tell(&format!(
            "{as_user} {etcd} --name db{number} --data-dir etcd --initial-cluster {peers} \
             --listen-client-urls http://10.0.0.{number}:2379 --advertise-client-urls http://10.0.0.{number}:2379 \
             --listen-peer-urls http://10.0.0.{number}:2380 --initial-advertise-peer-urls http://10.0.0.{number}:2380 \
             >> etcd.log 2>&1 &",
            etcd = found("etcd").display(),
            peers = peers.join(","),
        ));
        // As a service manager would, it is started again when it has died.
        machine.tell(&format!(
            "while true; do {as_user} {} patroni.yml >> patroni.log 2>&1; sleep 0.5; done &",
            found("patroni").display()
        ));
        self.members[usize::from(number - 1)] = Some(machine);
    }

    /// What Portreeve knows it by.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = (1..=COUNT).map(|number| format!("10.0.0.{number}:5432")).collect();
        let settings = "target_session_attrs=read-write&sslmode=disable&connect_timeout=2";
        format!("postgres://portreeve:{}@{}/portreeve?{settings}", PASSWORD.replace(' ', "%20"), hosts.join(","))
    }

    /// A machine that is there.
    pub fn machine(&self, number: u8) -> &Machine {
        self.members[usize::from(number - 1)].as_ref().expect("is there")
    }

    /// All that are there but one.
    pub fn others(&self, number: u8) -> Vec<&Machine> {
        self.there().filter(|other| *other != number).map(|other| self.machine(other)).collect()
    }

    /// Takes one away.
    pub fn lose(&mut self, number: u8) {
        self.members[usize::from(number - 1)].take().expect("is there");
    }

    fn there(&self) -> impl Iterator<Item = u8> {
        (1..=COUNT).filter(|number| self.members[usize::from(number - 1)].is_some())
    }

    /// What Patroni answers, if it does.
    fn asked(&self, number: u8, path: &str) -> Option<(u16, String)> {
        let client = Client::new(&format!("http://10.0.0.{number}:8008"));
        let answer = client.try_request(reqwest::Method::GET, path, |request| request.timeout(PATIENCE)).ok()?;
        Some((answer.status, answer.text))
    }

    /// Runs SQL on one of them, as its superuser.
    pub fn sql(&self, number: u8, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
        let password = PASSWORD.replace(' ', "%20");
        let url = format!("postgres://postgres:{password}@10.0.0.{number}:5432/postgres?connect_timeout=2");
        try_postgres(&url, sql)
    }

    /// The primary, once there is one.
    pub fn wait_primary(&self) -> u8 {
        wait_for("a primary", || {
            self.there().find(|number| self.asked(*number, "/primary").is_some_and(|(status, _)| status == 200))
        })
    }

    /// Who does what, as Patroni knows it: names of members, and roles.
    fn roles(&self) -> Option<Vec<(u8, String)>> {
        let (_, text) = self.there().find_map(|number| self.asked(number, "/cluster"))?;
        let cluster: Value = serde_json::from_str(&text).ok()?;
        let role = |member: &Value| {
            let number = member["name"].as_str()?.trim_start_matches("db").parse().ok()?;
            Some((number, member["role"].as_str()?.to_owned()))
        };
        cluster["members"].as_array()?.iter().map(role).collect()
    }

    /// The standby without which nothing is acknowledged.
    pub fn wait_synchronous(&self) -> u8 {
        wait_for("a synchronous standby", || {
            self.roles()?.into_iter().find(|(_, role)| role == "sync_standby").map(|(number, _)| number)
        })
    }

    /// Waits until everything that is there works: one primary to which all others listen, one of them synchronously, and of
    /// that Patroni knows too.
    pub fn wait_whole(&self) -> u8 {
        wait_for("a whole cluster", || {
            let primary =
                self.there().find(|number| self.asked(*number, "/primary").is_some_and(|(status, _)| status == 200))?;
            let listening = "SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'";
            let listening = self.sql(primary, listening).ok()?;
            let synchronous = listening.iter().find(|row| row[1] == "sync").map(|row| row[0].clone())?;
            let known = self.roles()?;
            let agreed = known.contains(&(synchronous.trim_start_matches("db").parse().ok()?, "sync_standby".into()))
                && known.contains(&(primary, "leader".into()));
            (agreed && listening.len() + 1 == self.there().count()).then_some(primary)
        })
    }

    /// Has Patroni make another the primary, in good order. Gives which.
    pub fn switch(&self) -> u8 {
        let (from, to) = (self.wait_whole(), self.wait_synchronous());
        let asked = Client::new(&format!("http://10.0.0.{from}:8008"));
        let answer = asked.post("/switchover", &json!({"leader": format!("db{from}"), "candidate": format!("db{to}")}));
        assert_eq!(answer.status, 200, "{answer:?}");
        to
    }

    /// Has Patroni restart the PostgreSQL of one.
    pub fn restart(&self, number: u8) {
        let answer = Client::new(&format!("http://10.0.0.{number}:8008")).post("/restart", &json!({}));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for number in 1..=COUNT {
                let log = self.folder.path().join(format!("db{number}/patroni.log"));
                tell_last(&format!("db{number}"), &std::fs::read_to_string(log).unwrap_or_default());
            }
        }
    }
}

/// The example's settings for one of the three, in a folder of its own.
fn settings(number: u8, folder: &Path) -> String {
    let programs = program_file("postgres");
    let programs = programs.parent().expect("is in a folder").display();
    let folder = folder.display();
    let changes = [
        ("name: db1".to_owned(), format!("name: db{number}")),
        (" 10.0.0.1:8008".into(), format!(" 10.0.0.{number}:8008")),
        (" 10.0.0.1:5432".into(), format!(" 10.0.0.{number}:5432")),
        ("/usr/lib/postgresql/15/bin".into(), programs.to_string()),
        ("/var/lib/postgresql/15/portreeve".into(), format!("{folder}/data")),
        ("/var/lib/postgresql/portreeve.pgpass".into(), format!("{folder}/pgpass")),
        ("/var/run/postgresql".into(), folder.to_string()),
        ("change-me".into(), PASSWORD.into()),
    ];
    changes.into_iter().fold(EXAMPLE.to_owned(), |text, (from, to)| {
        assert!(text.contains(&from), "the example has no {from}");
        text.replace(&from, &to)
    })
}

fn give_away(folder: &Path) {
    let (user, group) = other_user().expect("only root gets here");
    chown(folder, Some(user), Some(group)).expect("can be given away");
}
