//! Identity Providers in the console: what no form shows, and who may do what.

use serde_json::{Value, json};

use crate::{
    console::Desk,
    console_forms::open,
    harness::{LOCAL, PASSWORD, SERVICE, Server},
    roles::holder,
};

fn page(id: &str) -> String {
    format!("/ui/identity-providers/{id}/edit")
}

fn api(id: &str) -> String {
    format!("/identity-providers/{id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_form_does_not_show_stays_as_it_is() {
    let server = Server::start().await;
    let pool = "4c07bc67-57ea-42dd-b702-c2d6c45419fc";
    let hidden = json!({
        "ipPoolV4": pool,
        "ipPoolV6": pool,
        "networkInactivityTimeoutEnabled": true,
        "blockLocalDnsRequests": true,
        "onBoarding2FA": { "type": "Radius", "message": "<b>" },
        "onDemandClaimMappings": [{ "command": "fileSize", "claimName": "size" }],
    });
    let shown = json!({
        "notes": "\nfirst\n\"second\" & <third>",
        "claimMappings": [
            { "attributeName": "email", "claimName": "a \"b\"", "list": false, "encrypt": true },
            { "attributeName": "username", "claimName": "username", "list": false, "encrypt": false },
            { "attributeName": "tags", "claimName": "tags", "list": true, "encrypt": false },
        ],
    });
    server.change(&api(LOCAL), hidden.clone()).await;
    server.change(&api(LOCAL), shown).await;
    server.change(&api(SERVICE), json!({ "ipPoolV4": pool, "deviceLimitPerUser": 3 })).await;
    let mut desk = Desk::of_admin(&server).await;
    for id in [LOCAL, SERVICE] {
        let mut before = server.get(&api(id)).await;
        let fields = open(&mut desk, &page(id)).await;
        fields.send(&mut desk, &page(id)).await.expect(303);
        assert_eq!(server.get(&api(id)).await.timeless(), before.timeless(), "as it was");
        let fields = open(&mut desk, &page(id)).await.with("userLockoutThreshold", "9");
        fields.send(&mut desk, &page(id)).await.expect(303);
        before.json["userLockoutThreshold"] = json!(9);
        assert_eq!(server.get(&api(id)).await.timeless(), before.timeless(), "but for what was changed");
        // The form is of a version that is no more.
        fields.send(&mut desk, &page(id)).await.expect(412).says("Somebody else has changed this");
    }
    let held = server.get(&api(LOCAL)).await.json;
    for (field, value) in hidden.as_object().unwrap() {
        assert_eq!(held[field], *value, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_the_reader_may_not_see_are_not_theirs_to_take_away() {
    let server = Server::start().await;
    let script = |name: &str, tag: &str| json!({ "name": name, "tags": [tag], "expression": "return {};" });
    let open_one = server.make("/user-scripts", script("open one", "open")).await;
    let secret = server.make("/user-scripts", script("secret one", "secret")).await;
    server.change(&api(LOCAL), json!({ "userScripts": [secret, open_one] })).await;
    let all = json!({ "all": true });
    let privileges = |scripts: Value| {
        let edit = ["View", "Edit"].map(|act| json!({ "type": act, "target": "IdentityProvider", "scope": all }));
        let see = json!({ "type": "View", "target": "UserClaimScript", "scope": scripts });
        json!([edit[0], edit[1], see])
    };
    holder(&server, "some", privileges(json!({ "tags": ["open"] }))).await;
    let mut desk = Desk::of(&server, "some", PASSWORD).await;
    desk.get(&page(LOCAL)).await.expect(200).says("open one").does_not_say("secret one").does_not_say(&secret);
    let path = format!("/ui/identity-providers/{LOCAL}");
    desk.get(&path).await.expect(200).says("one script that you may not see").does_not_say("secret one");
    let fields = open(&mut desk, &page(LOCAL)).await.with("notes", "n");
    fields.send(&mut desk, &page(LOCAL)).await.expect(303);
    assert_eq!(server.get(&api(LOCAL)).await.json["userScripts"], json!([secret, open_one]));
    // What scripts say may decide about anybody, and the rule says so. What was filled in is not lost.
    let fields = open(&mut desk, &page(LOCAL)).await.without("userScripts", &open_one).with("notes", "mine");
    fields.send(&mut desk, &page(LOCAL)).await.expect(403).says("the privilege All on All").says("mine</textarea>");
    holder(&server, "none", json!([privileges(all.clone())[0], privileges(all.clone())[1]])).await;
    let mut desk = Desk::of(&server, "none", PASSWORD).await;
    let fields = open(&mut desk, &page(LOCAL)).await.with("notes", "n");
    fields.send(&mut desk, &page(LOCAL)).await.expect(303);
    assert_eq!(server.get(&api(LOCAL)).await.json["userScripts"], json!([secret, open_one]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_number_is_no_default() {
    let server = Server::start().await;
    server.change(&api(LOCAL), json!({ "userLockoutThreshold": 9 })).await;
    let mut desk = Desk::of_admin(&server).await;
    for field in ["userLockoutThreshold", "userLockoutDurationMinutes", "minPasswordLength", "inactivityTimeoutMinutes"]
    {
        for wrong in ["", " ", "x", "1.5", "-1"] {
            let fields = open(&mut desk, &page(LOCAL)).await.with(field, wrong);
            fields.send(&mut desk, &page(LOCAL)).await.expect(422);
        }
    }
    assert_eq!(server.get(&api(LOCAL)).await.json["userLockoutThreshold"], 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_said_in_words_and_holds_no_markup() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let path =
        "/ui/identity-providers/words?userLockoutThreshold=2&userLockoutDurationMinutes=%3Cb%3E&minPasswordLength=9";
    let page = desk.get(path).await.expect(200).says("is no whole number yet").says("at least 9 characters");
    page.does_not_say("<b>").does_not_say("<html");
    holder(&server, "viewer", json!([{ "type": "View", "target": "IdentityProvider", "scope": { "all": true } }]))
        .await;
    Desk::of(&server, "viewer", PASSWORD).await.get(path).await.expect(403);
}
