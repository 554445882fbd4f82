//! Policies in the console: what others keep in them stays, expressions are checked and tried with all their limits, and
//! whoever is not to see or do it is refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    console::{Desk, Page},
    console_forms::{borrowed, fields},
    harness::{ADMIN_PASSWORD, LOCAL, PASSWORD, Server, person},
    roles::holder,
};

async fn attempt(desk: &mut Desk<'_>, expression: &str, account: &str) -> Page {
    let fields = [("expression", expression), ("tryProvider", "local"), ("tryAccount", account)];
    desk.post("/ui/policies/try", &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_opened_and_saved_stays_as_it_is() {
    let server = Server::start().await;
    let mut roles = Vec::new();
    for name in ["b", "c", "a"] {
        roles.push(server.make("/administrative-roles", json!({ "name": name, "privileges": [] })).await);
    }
    let mut desk = Desk::of_admin(&server).await;
    for (kind, disabled, expression) in [
        ("Access", true, "\n\n// \u{fc}\u{1f511} </textarea> & \"'\nreturn false;\n  "),
        ("Admin", false, "return claims.user.tags.length > 3;"),
        ("Stop", false, "\treturn false"),
    ] {
        let body = json!({
            "name": format!("of type {kind}"), "notes": "n\n", "tags": ["x", " y "], "type": kind, "disabled": disabled,
            "expression": expression, "administrativeRoles": roles, "tamperProofing": true, "overrideSite": null,
            "entitlements": ["4c07bc67-57ea-42dd-b702-c2d6c45419fc"], "clientSettings": { "z": [1, 2.5, -3], "a": {} },
        });
        let before = server.post("/policies", body).await.expect(200);
        let id = before.json["id"].as_str().unwrap();
        let path = format!("/ui/policies/{id}/edit");
        let sent = fields(&desk.get(&path).await.expect(200).html, &path);
        desk.post(&path, &borrowed(&sent)).await.expect(303);
        let after = server.get(&format!("/policies/{id}")).await.expect(200);
        assert_eq!(after.timeless(), before.timeless());
        assert_ne!(after.json["updated"], before.json["updated"], "it was saved");
        // Neither does a button that changes one thing.
        for (act, disabled) in [("disable", true), ("enable", false)] {
            desk.post(&format!("/ui/policies/{id}"), &[("act", act)]).await.expect(303);
            let mut expected = before.timeless();
            expected["disabled"] = json!(disabled);
            assert_eq!(server.get(&format!("/policies/{id}")).await.timeless(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_is_checked_where_it_stands_and_nothing_is_lost() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    let role = server.make("/administrative-roles", json!({ "name": "r", "privileges": [] })).await;
    desk.get("/ui/policies/new").await.expect(200);
    let fields =
        [("name", "half done"), ("type", "Stop"), ("expression", "var a;\nreturn (a;"), ("roles", role.as_str())];
    let page = desk.post("/ui/policies/check", &fields).await.expect(200);
    page.says("Line 2, column 10:")
        .says("return (a<mark>;</mark>")
        .says("value=\"half done\"")
        .says("var a;\nreturn (a;</textarea>")
        .says("value=\"Stop\" aria-describedby=\"about-Stop\" checked")
        .says(&format!("value=\"{role}\" checked"))
        .says("action=\"/ui/policies/new\"");
    let check = async |desk: &mut Desk<'_>, expression: &str| {
        desk.post("/ui/policies/check", &[("expression", expression)]).await
    };
    check(&mut desk, "return true;").await.expect(200).says("This is JavaScript.");
    check(&mut desk, "").await.expect(200).says("may not be empty");
    check(&mut desk, &"x".repeat(65_537)).await.expect(200).says("may have at most 65536 characters");
    check(&mut desk, "return true; }); (function(){").await.expect(200).says("Line 1, column 15:");
    // A policy that there is stays the one that is edited.
    let body = json!({ "name": "there", "expression": "return false;" });
    let id = server.make("/policies", body).await;
    let page = desk.post("/ui/policies/check", &[("id", &id), ("expression", "return 1")]).await.expect(200);
    page.says(&format!("action=\"/ui/policies/{id}/edit\"")).says("Edit there");
    // For a script it is a part of a page.
    let request = axum::http::Request::post("/ui/policies/check").header("hx-request", "true");
    let proof = desk.proof();
    let page = desk.send(request, format!("proof={proof}&expression=return+%28")).await.expect(200);
    page.says("Line 1, column 9:").does_not_say("<html");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_says_what_a_policy_would_say_and_leaves_nothing_behind() {
    let server = Server::start().await;
    let mut body = person("ada");
    body["tags"] = json!(["help"]);
    server.make("/local-users", body).await;
    let adds = "return { level: claims.user.tags.length + 6 };";
    let script = server.make("/user-scripts", json!({ "name": "adds", "expression": adds })).await;
    let late = server
        .make("/user-scripts", json!({ "name": "late", "expression": "return { at: claims.system.loginTime };" }))
        .await;
    let broken = server.make("/user-scripts", json!({ "name": "broken", "expression": "throw 1;" })).await;
    let criterion = json!({ "name": "helps", "expression": "return claims.user.tags.indexOf('help') >= 0;" });
    server.make("/criteria-scripts", criterion).await;
    let provider = format!("/identity-providers/{LOCAL}");
    server.change(&provider, json!({ "userScripts": [script] })).await;
    let rows = async || server.rows("SELECT act FROM audit_log").await.len();
    let mut desk = Desk::of_admin(&server).await;
    desk.get("/ui/policies/new").await.expect(200);
    let before = rows().await;
    for (expression, said) in [
        ("return helps(claims) && claims.user.level === 7;", "It matches ada."),
        ("return claims.user.level === 8;", "It does not match ada."),
        ("return claims.device.id === null;", "It looks at the device, the time or the address"),
        ("throw new Error('no such luck');", "the script failed: Error: no such luck"),
        ("return claims.user.nobody.name;", "TypeError: cannot read property"),
        ("return 1;", "the script returned the wrong type: a number"),
        ("for (;;) {}", "the script ran out of time"),
        ("var a = []; for (;;) { a.push('x'.repeat(10000) + a.length); }", "the script ran out of memory"),
        ("return (;", "line 1, column 9:"),
        ("", "may not be empty"),
    ] {
        let page = attempt(&mut desk, expression, "ada").await.expect(200);
        assert!(page.html.contains(said), "{expression}: {said} is not in\n{}", page.html);
    }
    let page = attempt(&mut desk, "return true;", "ADA").await.expect(200).does_not_say("It looks at the device");
    page.says("&#34;level&#34;: 7").says("&#34;providerName&#34;: &#34;local&#34;");
    attempt(&mut desk, "return true;", "nobody").await.expect(200).says("there is no account CN=nobody,OU=local");
    attempt(&mut desk, "return true;", " ").await.expect(200).says("Name an account to try it on.");
    assert_eq!(rows().await, before, "nothing was done");
    assert_eq!(server.get("/policies").await.names(), ["Builtin Administrator"]);
    server.change(&provider, json!({ "userScripts": [script, late, broken] })).await;
    let page = attempt(&mut desk, "return true;", "ada").await.expect(200);
    page.says("It looks at the device, the time or the address").says("A script of the Identity Provider failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_tells_its_author_no_more_than_they_may_know() {
    let server = Server::start().await;
    for (name, tags) in [("ada", json!(["sales"])), ("grace", json!([]))] {
        let mut body = person(name);
        body["tags"] = tags;
        server.make("/local-users", body).await;
    }
    let secret = json!({ "name": "adds", "expression": "return { clearance: 'cosmic' };" });
    let script = server.make("/user-scripts", secret).await;
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "userScripts": [script] })).await;
    let on = |kind: &str, target: &str, scope: Value| json!({ "type": kind, "target": target, "scope": scope });
    let (all, sales) = (json!({ "all": true }), json!({ "tags": ["sales"] }));
    let author = [on("Create", "Policy", all.clone()), on("View", "LocalUser", sales)];
    holder(&server, "author", json!(author)).await;
    let attributes = on("GetUserAttributes", "IdentityProvider", json!({ "ids": [LOCAL] }));
    holder(&server, "knower", json!([author[0], author[1], attributes])).await;
    let elsewhere = on("GetUserAttributes", "IdentityProvider", json!({ "tags": ["elsewhere"] }));
    holder(&server, "other", json!([author[0], author[1], elsewhere])).await;
    holder(
        &server,
        "editor",
        json!([on("Edit", "Policy", json!({ "tags": ["x"] })), on("View", "Policy", all.clone())]),
    )
    .await;
    holder(&server, "reader", json!([on("View", "Policy", all.clone()), on("View", "LocalUser", all)])).await;
    let tells = "throw JSON.stringify(claims);";
    for name in ["author", "other"] {
        let mut desk = Desk::of(&server, name, PASSWORD).await;
        desk.get("/ui/policies/new").await.expect(200);
        let page = attempt(&mut desk, tells, "ada").await.expect(200).does_not_say("cosmic");
        page.says("the scripts of the Identity Provider add")
            .says("Tables")
            .does_not_say("The claims that it was given");
        attempt(&mut desk, tells, "grace").await.expect(200).says("there is no account").does_not_say("Tables");
    }
    let mut desk = Desk::of(&server, "knower", PASSWORD).await;
    desk.get("/ui/policies/new").await.expect(200);
    let page = attempt(&mut desk, tells, "ada").await.expect(200).says("cosmic").says("The claims that it was given");
    page.does_not_say("the scripts of the Identity Provider add");
    attempt(&mut desk, tells, "grace").await.expect(200).says("there is no account").does_not_say("cosmic");
    // Whoever may change some policies may check, and sees no account.
    let mut desk = Desk::of(&server, "editor", PASSWORD).await;
    desk.get("/ui/policies").await.expect(200);
    desk.post("/ui/policies/check", &[("expression", "return (")]).await.expect(200).says("Line 1, column 9:");
    attempt(&mut desk, tells, "ada").await.expect(200).says("there is no account");
    // Whoever may write none may do neither.
    let mut desk = Desk::of(&server, "reader", PASSWORD).await;
    desk.get("/ui/policies").await.expect(200);
    attempt(&mut desk, tells, "ada").await.expect(403).says("Create on Policy").does_not_say("Tables");
    desk.post("/ui/policies/check", &[("expression", "return (")]).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_and_changes_what_the_api_would_let_them() {
    let server = Server::start().await;
    let make = async |name: &str, tags: Value| {
        let body = json!({ "name": name, "tags": tags, "expression": "return false;", "type": "Admin" });
        server.make("/policies", body).await
    };
    let (own, hidden) = (make("within", json!(["desk"])).await, make("beyond", json!([])).await);
    let role = server.make("/administrative-roles", json!({ "name": "secret role", "privileges": [] })).await;
    server.change(&format!("/policies/{own}"), json!({ "administrativeRoles": [role] })).await;
    let scope = json!({ "tags": ["desk"] });
    let on = |kind: &str, target: &str| json!({ "type": kind, "target": target, "scope": scope });
    holder(&server, "desk", json!([on("View", "Policy"), on("Edit", "Policy")])).await;
    holder(&server, "stranger", json!([on("View", "LocalUser")])).await;
    let mut desk = Desk::of(&server, "desk", PASSWORD).await;
    desk.get("/ui/policies").await.expect(200).says("within").does_not_say("beyond").does_not_say("New policy");
    let page = desk.get(&format!("/ui/policies/{own}")).await.expect(200).says(&role);
    page.does_not_say("secret role").does_not_say("/delete").does_not_say("/history");
    for rest in ["", "/edit"] {
        desk.get(&format!("/ui/policies/{hidden}{rest}")).await.expect(404).does_not_say("beyond");
    }
    desk.get("/ui/policies/new").await.expect(403);
    desk.get(&format!("/ui/policies/{own}/delete")).await.expect(403);
    desk.get(&format!("/ui/policies/{own}/history")).await.expect(403);
    // A role that they do not see stays in it.
    let path = format!("/ui/policies/{own}/edit");
    let mut sent = fields(&desk.get(&path).await.expect(200).html, &path);
    sent.retain(|(name, _)| name != "notes");
    sent.push(("notes".into(), "mine".into()));
    desk.post(&path, &borrowed(&sent)).await.expect(303);
    let saved = server.get(&format!("/policies/{own}")).await.json;
    assert_eq!((&saved["notes"], &saved["administrativeRoles"]), (&json!("mine"), &json!([role])));
    desk.post(&format!("/ui/policies/{own}/delete"), &[]).await.expect(403);
    desk.post(&format!("/ui/policies/{hidden}"), &[("act", "disable")]).await.expect(404);
    desk.post("/ui/policies/check", &[("id", &hidden), ("expression", "return true")]).await.expect(404);
    desk.post("/ui/policies/new", &[("name", "x"), ("expression", "return true;")]).await.expect(403);
    server.get(&format!("/policies/{own}")).await.expect(200);
    assert_eq!(server.get(&format!("/policies/{hidden}")).await.json["disabled"], false);
    let mut stranger = Desk::of(&server, "stranger", PASSWORD).await;
    for path in ["/ui/policies".to_owned(), "/ui/policies/new".into(), format!("/ui/policies/{own}")] {
        stranger.get(&path).await.expect(403).does_not_say("within");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_policy_is_changed_without_proof_password_or_the_newest_state() {
    let server = Server::start().await;
    let body = json!({ "name": "p", "type": "Stop", "expression": "return claims.user.username === 'nobody';" });
    let id = server.make("/policies", body).await;
    let (api, path) = (format!("/policies/{id}"), format!("/ui/policies/{id}"));
    let mut desk = Desk::of_admin(&server).await;
    let edit = format!("{path}/edit");
    let mut sent = fields(&desk.get(&edit).await.expect(200).html, &edit);
    sent.retain(|(name, _)| name != "notes");
    sent.push(("notes".into(), "slower".into()));
    for proof in ["", "wrong"] {
        for (path, fields) in [
            (edit.as_str(), borrowed(&sent)),
            (path.as_str(), vec![("act", "disable")]),
            (&format!("{path}/delete"), vec![]),
            ("/ui/policies/new", vec![("name", "x"), ("expression", "return true;")]),
            ("/ui/policies/check", vec![("expression", "return true;")]),
            ("/ui/policies/try", vec![("expression", "return true;"), ("tryAccount", "admin")]),
        ] {
            desk.post_with(path, proof, &fields).await.expect(403).says("another session");
        }
    }
    server.change(&api, json!({ "notes": "faster" })).await;
    desk.post(&edit, &borrowed(&sent))
        .await
        .expect(412)
        .says("Somebody else has changed this")
        .says("slower</textarea>");
    server.pass(Duration::from_secs(16 * 60)).await;
    let before = server.get(&api).await.json;
    let sent = fields(&desk.get(&edit).await.expect(200).says("name=\"confirm\"").html, &edit);
    desk.post(&edit, &borrowed(&sent)).await.expect(422).says("is needed for this change");
    // Whoever presses the button is asked, and told nothing is wrong yet.
    desk.post(&path, &[("act", "disable")])
        .await
        .expect(200)
        .says("Disable p?")
        .does_not_say("is needed for this change");
    desk.post(&path, &[("act", "disable"), ("confirm", "")]).await.expect(422);
    desk.post(&path, &[("act", "disable"), ("confirm", "wrong")]).await.expect(422).says("was not accepted");
    desk.post(&format!("{path}/delete"), &[]).await.expect(422);
    assert_eq!(server.get(&api).await.json, before);
    desk.post(&path, &[("act", "disable"), ("confirm", ADMIN_PASSWORD)]).await.expect(303);
    assert_eq!(server.get(&api).await.json["disabled"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_fails_while_it_is_edited_is_no_reason_to_begin_anew() {
    let server = Server::start().await;
    let id = server.make("/policies", json!({ "name": "p", "expression": "throw 1;" })).await;
    let mut desk = Desk::of_admin(&server).await;
    let edit = format!("/ui/policies/{id}/edit");
    server.change(&format!("/policies/{id}"), json!({ "expression": "throw 2;" })).await;
    let sent = fields(&desk.get(&edit).await.expect(200).html, &edit);
    server.token_of("local", "admin", ADMIN_PASSWORD).await;
    assert!(server.get(&format!("/policies/{id}")).await.json["scriptError"].is_object());
    desk.post(&edit, &borrowed(&sent)).await.expect(303);
}
