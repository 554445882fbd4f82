//! Nodes that start in the same moment make one directory.

use portreeve_directory::store::migrations;

use super::{
    super::{
        course::size,
        support::{Client, Place, Server, all_at_once, program, wait_for},
    },
    CROWD,
};

const NODES: usize = 4;

/// The password that a first start says, if it says one.
fn said(server: &Server) -> Option<String> {
    let text = server.said();
    let line = text.lines().find(|line| line.contains("log in as"))?;
    line.split("with the password ").nth(1)?.split_whitespace().next().map(str::to_owned)
}

#[test]
fn nodes_that_start_at_once_make_one_administrator_and_one_says_the_password() {
    for round in 0..size(2, 50) {
        let Some(place) = Place::shared() else { return };
        let nodes = all_at_once(NODES, |_| {
            Server::start_with(&place, |command| command.env_remove("PORTREEVE_ADMIN_PASSWORD"))
        });
        let passwords: Vec<String> = nodes.iter().filter_map(said).collect();
        assert_eq!(passwords.len(), 1, "round {round}: {} nodes said a password", passwords.len());
        for node in &nodes {
            let admin = Client::log_in(&node.url, "local", "admin", &passwords[0]);
            assert_eq!(admin.get("/local-users").ok()["totalCount"], 1, "round {round}");
        }
        let made = "SELECT COUNT(*) FROM audit_log WHERE act = 'create' AND object_name = 'admin'";
        assert_eq!(place.number(made), 1, "round {round}");
        assert_eq!(place.number("SELECT COUNT(DISTINCT name) - COUNT(*) FROM objects"), 0, "round {round}");
    }
}

#[test]
fn of_programs_that_start_at_once_on_one_folder_one_serves() {
    for round in 0..size(2, 50) {
        let place = Place::folder();
        let mut all: Vec<_> = all_at_once(NODES, |_| {
            program().arg("serve").args(place.arguments()).args(["--listen", "127.0.0.1:0"]).spawn().expect("starts")
        });
        wait_for("all but one to give up", || {
            let ended = all.iter_mut().filter_map(|child| child.try_wait().expect("can be asked")).count();
            assert!(ended < NODES, "round {round}: nobody serves");
            (ended == NODES - 1).then_some(())
        });
        let made = "SELECT COUNT(*) FROM accounts WHERE kind = 'local'";
        // The one that is left may still be at its first start.
        wait_for("the administrator", || {
            let tables = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'accounts'";
            (place.number(tables) == 1 && place.number(made) == 1).then_some(())
        });
        for child in &mut all {
            // All but one have ended already.
            drop(child.kill());
            child.wait().expect("is ours");
        }
        assert_eq!(place.number(made), 1, "round {round}");
    }
}

#[test]
fn a_migration_is_done_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for round in 0..size(1, 20) {
        let place = Place::new();
        Server::start(&place).stop();
        let version = place.number("SELECT version FROM schema_version WHERE id = 1");
        // Neither would be noticed if it were done twice.
        let text = format!(
            "-- serves: {version}\nCREATE TABLE IF NOT EXISTS done (n BIGINT);\nINSERT INTO done VALUES (1);\n"
        );
        let results = all_at_once(CROWD / 10, |_| runtime.block_on(migrations::run_with(&place.location(), &[&text])));
        for result in results {
            result.expect("has been done");
        }
        assert_eq!(place.number("SELECT COUNT(*) FROM done"), 1, "round {round}");
    }
}
