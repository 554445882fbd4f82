//! What the console asks the password for again, as it should not be done at a screen left unlocked.

use std::time::Duration;

use crate::{
    console::Desk,
    harness::{ADMIN_PASSWORD, Server},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sensitive_takes_the_password_again_after_a_while() {
    let server = Server::start().await;
    let id = server.person("bobby").await;
    let mut desk = Desk::of_admin(&server).await;
    let path = format!("/ui/local-users/{id}/delete");
    desk.get(&path).await.expect(200).does_not_say("name=\"confirm\"");
    server.pass(Duration::from_secs(16 * 60)).await;
    desk.get(&path).await.expect(200).says("name=\"confirm\"");
    desk.post(&path, &[]).await.expect(422);
    desk.post(&path, &[("confirm", "a wrong password")]).await.expect(422).says("was not accepted");
    server.get(&format!("/local-users/{id}")).await.expect(200);
    let before = desk.cookie("__Host-portreeve-session").unwrap().to_owned();
    desk.post(&path, &[("confirm", ADMIN_PASSWORD)]).await.expect(303);
    server.get(&format!("/local-users/{id}")).await.expect(404);
    // The session has begun anew, and the old token is good for nothing.
    assert_ne!(desk.cookie("__Host-portreeve-session"), Some(before.as_str()));
    desk.get("/ui/").await.expect(200);
    desk.set_cookie("__Host-portreeve-session", &before);
    desk.get("/ui/").await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_privileges_is_not_made_at_a_screen_left_unlocked() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    server.pass(Duration::from_secs(16 * 60)).await;
    let policy = [("name", "back door"), ("type", "Admin"), ("expression", "return true;")];
    let role = [("name", "back door"), ("all", "View.LocalUser")];
    for (path, fields, list) in [
        ("/ui/policies/new", policy.as_slice(), "/policies"),
        ("/ui/roles/new", role.as_slice(), "/administrative-roles"),
    ] {
        desk.get(path).await.expect(200).says("name=\"confirm\"");
        desk.post(path, fields).await.expect(422).says("is needed for this change").says("back door");
        assert_eq!(server.get(&format!("{list}?query=back")).await.json["totalCount"], 1);
        assert_eq!(server.get(&format!("{list}?query=back")).await.json["data"].as_array().unwrap().len(), 0);
    }
    let confirmed = [policy.as_slice(), &[("confirm", ADMIN_PASSWORD)]].concat();
    desk.post("/ui/policies/new", &confirmed).await.expect(303);
}
