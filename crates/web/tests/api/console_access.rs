//! Who sees and does what in the console's parts for Identity Providers, tags, the blacklist, the audit log and the
//! settings: no more than the API lets them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    console::Desk,
    console_forms::open,
    harness::{ADMIN_PASSWORD, LOCAL, PASSWORD, SERVICE, Server},
    roles::holder,
};

/// Something of everything, and the ids of a tag and of a record.
async fn world(server: &Server) -> (String, String) {
    server.person("bobby").await;
    server
        .post("/blacklist", json!({ "userDistinguishedName": "CN=bobby,OU=local", "reason": "why" }))
        .await
        .expect(200);
    server.post("/blacklist", json!({ "userDistinguishedName": "CN=backup,OU=service" })).await.expect(200);
    let tag = server.make("/tags", json!({ "name": "sales" })).await;
    let record = server.get("/audit-logs").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    (tag, record)
}

fn pages((tag, record): &(String, String)) -> Vec<String> {
    let pages = [
        "/ui/identity-providers",
        &format!("/ui/identity-providers/{LOCAL}"),
        &format!("/ui/identity-providers/{LOCAL}/edit"),
        &format!("/ui/identity-providers/{LOCAL}/history"),
        "/ui/identity-providers/words",
        "/ui/tags",
        "/ui/tags/new",
        &format!("/ui/tags/{tag}"),
        &format!("/ui/tags/{tag}/delete"),
        "/ui/blacklist",
        "/ui/blacklist/new",
        "/ui/blacklist/remove?provider=local&name=bobby",
        "/ui/audit-log",
        "/ui/audit-log?from=never",
        &format!("/ui/audit-log/{record}"),
        "/ui/audit-log/export?format=csv",
        "/ui/audit-log/export?format=ndjson",
        "/ui/settings",
        "/ui/settings/edit",
        "/ui/settings/reset",
    ];
    pages.map(str::to_owned).to_vec()
}

/// All that forms of these parts can be sent to.
fn posts((tag, _): &(String, String)) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    vec![
        (format!("/ui/identity-providers/{LOCAL}/edit"), vec![("version", "1"), ("userLockoutThreshold", "9")]),
        ("/ui/tags/new".into(), vec![("name", "made")]),
        (format!("/ui/tags/{tag}"), vec![("name", "renamed"), ("updated", "")]),
        (format!("/ui/tags/{tag}/delete"), vec![("version", "1")]),
        ("/ui/blacklist/new".into(), vec![("provider", "local"), ("name", "carla")]),
        ("/ui/blacklist/remove".into(), vec![("provider", "local"), ("name", "bobby")]),
        ("/ui/settings/edit".into(), vec![("administrationTokenExpiration", "5"), ("seen", "")]),
        ("/ui/settings/reset".into(), vec![]),
    ]
}

/// All that they could change.
async fn state(server: &Server) -> Vec<Value> {
    let mut state = Vec::new();
    for path in ["/identity-providers", "/blacklist", "/global-settings"] {
        state.push(server.get(path).await.expect(200).json);
    }
    let tags = server.get("/tags").await.expect(200);
    state.push(json!(tags.names()));
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_the_privilege_sees_and_changes_nothing() {
    let server = Server::start().await;
    let world = world(&server).await;
    server.put("/global-settings", json!({ "messageOfTheDay": "Cake" })).await.expect(204);
    holder(&server, "other", json!([{ "type": "View", "target": "IpPool", "scope": { "all": true } }])).await;
    let before = state(&server).await;
    let mut desk = Desk::of(&server, "other", PASSWORD).await;
    for path in pages(&world) {
        let page = desk.get(&path).await.expect(403);
        assert!(page.headers.get("content-disposition").is_none(), "{path}");
        let page = page.says("this needs the privilege");
        page.does_not_say("bobby").does_not_say("sales").does_not_say("wrong password").does_not_say("Cake");
    }
    let home = desk.get("/ui/").await.expect(200);
    for place in ["identity-providers", "tags", "blacklist", "audit-log", "settings"] {
        assert!(!home.html.contains(&format!("href=\"/ui/{place}")), "{place}");
    }
    for (path, fields) in posts(&world) {
        desk.post(&path, &fields).await.expect(403);
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_see_changes_nothing_and_is_offered_nothing() {
    let server = Server::start().await;
    let world = world(&server).await;
    let see = |target: &str| json!({ "type": "View", "target": target, "scope": { "all": true } });
    holder(&server, "viewer", json!([see("All")])).await;
    let before = state(&server).await;
    let mut desk = Desk::of(&server, "viewer", PASSWORD).await;
    for path in pages(&world) {
        let changes = ["/edit", "/new", "/delete", "/remove", "/reset", "/words"].iter().any(|end| path.contains(end));
        let status = match () {
            () if changes => 403,
            () if path.contains("never") => 422,
            () => 200,
        };
        let page = desk.get(&path).await;
        assert_eq!(page.status, status, "{path}\n{}", page.html);
        for offer in ["/edit\"", "/new\"", "/delete\"", "/remove?", "/reset\""] {
            assert!(!page.html.contains(offer), "{path} offers {offer}\n{}", page.html);
        }
    }
    for (path, fields) in posts(&world) {
        desk.post(&path, &fields).await.expect(403);
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_proof_changes_nothing() {
    let server = Server::start().await;
    let world = world(&server).await;
    let before = state(&server).await;
    let mut desk = Desk::of_admin(&server).await;
    for (path, fields) in posts(&world) {
        for proof in ["", "x"] {
            desk.post_with(&path, proof, &fields).await.expect(403).says("from another session");
        }
    }
    assert_eq!(state(&server).await, before);
    let mut nobody = Desk::new(&server);
    for (path, fields) in posts(&world) {
        assert!(nobody.post_with(&path, "", &fields).await.expect(303).place().starts_with("/ui/sign-in"));
    }
    for path in pages(&world) {
        assert!(nobody.get(&path).await.expect(303).place().starts_with("/ui/sign-in"), "{path}");
    }
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_shows_what_is_in_it() {
    let server = Server::start().await;
    world(&server).await;
    let local = |act: &str, target: &str| json!({ "type": act, "target": target, "scope": { "ids": [LOCAL] } });
    let privileges = ["View", "Create", "Delete"].map(|act| local(act, "Blacklist"));
    let mut privileges = privileges.to_vec();
    privileges.extend([local("View", "IdentityProvider"), local("Edit", "IdentityProvider")]);
    holder(&server, "half", json!(privileges)).await;
    let mut desk = Desk::of(&server, "half", PASSWORD).await;
    desk.get("/ui/identity-providers").await.expect(200).says(LOCAL).does_not_say(SERVICE);
    desk.get(&format!("/ui/identity-providers/{LOCAL}")).await.expect(200).does_not_say("/history");
    for rest in ["", "/edit"] {
        desk.get(&format!("/ui/identity-providers/{SERVICE}{rest}")).await.expect(404);
    }
    desk.get("/ui/blacklist").await.expect(200).says("bobby").does_not_say("backup").says("1 to 1 of 1");
    desk.get("/ui/blacklist/remove?provider=service&name=backup").await.expect(404).does_not_say("Take");
    let (local, service) = ([("provider", "local"), ("name", "carla")], [("provider", "service"), ("name", "carla")]);
    desk.get("/ui/blacklist/new").await.expect(200);
    desk.post("/ui/blacklist/new", &service).await.expect(403).says("carla");
    desk.post("/ui/blacklist/remove", &[("provider", "service"), ("name", "backup")]).await.expect(404);
    desk.get("/ui/blacklist/new").await.expect(200);
    desk.post("/ui/blacklist/new", &local).await.expect(303);
    desk.get("/ui/blacklist").await.expect(200).says("carla");
    let listed = server.get("/blacklist?orderBy=username").await.json["data"].as_array().unwrap().len();
    assert_eq!(listed, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sensitive_takes_the_password_again() {
    let server = Server::start().await;
    let (tag, _) = world(&server).await;
    let mut desk = Desk::of_admin(&server).await;
    let paths = [
        format!("/ui/identity-providers/{LOCAL}/edit"),
        "/ui/settings/edit".into(),
        "/ui/settings/reset".into(),
        format!("/ui/tags/{tag}/delete"),
    ];
    server.put("/global-settings", json!({ "messageOfTheDay": "m" })).await.expect(204);
    for path in paths {
        server.pass(Duration::from_secs(16 * 60)).await;
        let before = state(&server).await;
        for wrong in ["", "a wrong password"] {
            let fields = open(&mut desk, &path).await.with("confirm", wrong);
            let page = fields.send(&mut desk, &path).await.expect(422).says("name=\"confirm\"");
            assert!(!page.html.contains("a wrong password"), "{path}");
        }
        assert_eq!(state(&server).await, before, "{path}");
        let fields = open(&mut desk, &path).await.with("confirm", ADMIN_PASSWORD);
        fields.send(&mut desk, &path).await.expect(303);
    }
    server.get(&format!("/tags/{tag}")).await.expect(404);
    assert_eq!(server.get("/global-settings").await.json["messageOfTheDay"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_page_leads_to_the_blacklist_if_the_reader_may_list() {
    let server = Server::start().await;
    let id = server.person("a&b=c").await;
    let path = format!("/ui/local-users/{id}");
    let link = "/ui/blacklist/new?provider=local&#38;name=a%26b%3Dc";
    let mut desk = Desk::of_admin(&server).await;
    desk.get(&path).await.expect(200).says(link);
    desk.get("/ui/blacklist/new?provider=local&name=a%26b%3Dc").await.expect(200).says("value=\"a&#38;b=c\"");
    desk.post("/ui/blacklist/new", &[("provider", "local"), ("name", "a&b=c")]).await.expect(303);
    desk.get(&path).await.expect(200).does_not_say("/ui/blacklist/new").says("Blacklisted: whatever else");
    let see = |target: &str| json!({ "type": "View", "target": target, "scope": { "all": true } });
    holder(&server, "viewer", json!([see("LocalUser")])).await;
    let mut desk = Desk::of(&server, "viewer", PASSWORD).await;
    desk.get(&path).await.expect(200).does_not_say("/ui/blacklist");
}
