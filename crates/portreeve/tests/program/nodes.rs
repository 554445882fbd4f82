//! Nodes on one database: what ends a session on one holds for the next request on every other.

use reqwest::Method;
use serde_json::json;

use super::support::{Client, Place, Server, all_at_once};

const PASSWORD: &str = "a password for bobby";

/// Three nodes, and bobby logged in on each of them.
struct Town {
    nodes: Vec<Server>,
    admin: Client,
    path: String,
    _place: Place,
}

impl Town {
    fn new() -> Option<Self> {
        let place = Place::shared()?;
        let nodes: Vec<Server> = (0..3).map(|_| Server::start(&place)).collect();
        let admin = nodes[0].admin();
        let path = format!("/local-users/{}", admin.create_user("bobby", PASSWORD));
        Some(Self { nodes, admin, path, _place: place })
    }

    fn sessions(&self) -> Vec<Client> {
        self.nodes.iter().map(|node| Client::log_in(&node.url, "local", "bobby", PASSWORD)).collect()
    }

    /// Whether each node still knows the holder of a token, whatever it lets bobby see.
    fn known(&self, session: &Client) -> Vec<bool> {
        self.nodes.iter().map(|node| session.at(&node.url).get("/local-users").status != 401).collect()
    }
}

#[test]
fn a_token_is_good_on_every_node_until_it_is_logged_out_on_one() {
    let Some(town) = Town::new() else { return };
    let sessions = town.sessions();
    for session in &sessions {
        assert_eq!(town.known(session), [true; 3]);
    }
    let elsewhere = sessions[0].at(&town.nodes[2].url);
    assert_eq!(elsewhere.request(Method::POST, "/authentication/logout", |request| request).status, 204);
    assert_eq!(town.known(&sessions[0]), [false; 3]);
    // The other sessions of the account go on.
    assert_eq!(town.known(&sessions[1]), [true; 3]);
}

#[test]
fn disabling_on_one_node_holds_on_all() {
    let Some(town) = Town::new() else { return };
    let sessions = town.sessions();
    let mut bobby = town.admin.get(&town.path).ok();
    bobby["disabled"] = json!(true);
    town.admin.at(&town.nodes[1].url).put(&town.path, &bobby).ok();
    for session in &sessions {
        assert_eq!(town.known(session), [false; 3]);
    }
    for node in &town.nodes {
        assert_eq!(Client::new(&node.url).try_login("local", "bobby", PASSWORD).status, 401);
    }
    // Enabling brings back no session.
    bobby["disabled"] = json!(false);
    town.admin.put(&town.path, &bobby).ok();
    assert_eq!(town.known(&sessions[0]), [false; 3]);
    assert_eq!(town.known(&town.sessions()[0]), [true; 3]);
}

#[test]
fn a_new_password_on_one_node_holds_on_all() {
    let Some(town) = Town::new() else { return };
    let sessions = town.sessions();
    let mut bobby = town.admin.get(&town.path).ok();
    bobby["password"] = json!("set by the administrator");
    town.admin.at(&town.nodes[1].url).put(&town.path, &bobby).ok();
    for session in &sessions {
        assert_eq!(town.known(session), [false; 3]);
    }
    let at_third = Client::log_in(&town.nodes[2].url, "local", "bobby", "set by the administrator");
    let change = json!({"oldPassword": "set by the administrator", "password": "chosen by bobby alone"});
    assert_eq!(at_third.put("/account/password", &change).status, 204);
    assert_eq!(town.known(&at_third), [false; 3]);
    for node in &town.nodes {
        assert_eq!(Client::new(&node.url).try_login("local", "bobby", "set by the administrator").status, 401);
        assert_eq!(Client::new(&node.url).try_login("local", "bobby", "chosen by bobby alone").status, 200);
    }
}

#[test]
fn deleting_on_one_node_holds_on_all() {
    let Some(town) = Town::new() else { return };
    let sessions = town.sessions();
    assert_eq!(town.admin.at(&town.nodes[2].url).delete(&town.path).status, 204);
    for session in &sessions {
        assert_eq!(town.known(session), [false; 3]);
    }
    for node in &town.nodes {
        assert_eq!(Client::new(&node.url).try_login("local", "bobby", PASSWORD).status, 401);
        assert_eq!(town.admin.at(&node.url).get(&town.path).status, 404);
    }
}

#[test]
fn a_node_finds_the_primary_among_several_hosts() {
    let Some(place) = Place::shared() else { return };
    let place = place.among_hosts("127.0.0.1:1");
    let server = Server::start(&place);
    assert_eq!(server.admin().get("/local-users").ok()["totalCount"], 1);
}

#[test]
fn nodes_that_start_together_share_one_first_start() {
    // More than once, as they do not always meet at the same place.
    for _ in 0..8 {
        let Some(place) = Place::shared() else { return };
        let nodes = all_at_once(4, |_| Server::start(&place));
        for node in &nodes {
            assert_eq!(node.admin().get("/local-users").ok()["totalCount"], 1);
        }
    }
}
