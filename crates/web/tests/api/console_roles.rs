//! Roles in the console: what is saved is what was shown, whoever is not to see or do it is refused, and faults stand where
//! they belong.

use std::time::Duration;

use fastrand::Rng;
use portreeve_directory::privileges::{Function, PrivilegeType, ScopeKind, all_pairs, scope_kind};
use serde_json::{Value, json};

use crate::{
    console::Desk,
    console_forms::{borrowed, fields},
    harness::{ADMIN_PASSWORD, LOCAL, PASSWORD, SERVICE, Server},
    roles::{holder, policy_for},
};

const TAGS: [&str; 6] = ["a", "B", "two words", " odd ", "<b>&amp;\"'", "\u{fc}\u{1f511}"];
const FUNCTIONS: [Function; 3] = [Function::Gateway, Function::MetricsAggregator, Function::LogServer];

fn some<T: Clone>(rng: &mut Rng, from: &[T]) -> Vec<T> {
    from.iter().filter(|_| rng.u8(..3) == 0).cloned().collect()
}

/// A privilege that there is, with any scope that it can have; `person` is the id of one.
fn any_privilege(rng: &mut Rng, person: &str) -> Value {
    let pairs: Vec<_> = all_pairs().collect();
    let (kind, target) = pairs[rng.usize(..pairs.len())];
    let mut privilege = json!({ "type": kind, "target": target });
    if kind == PrivilegeType::AssignFunction {
        privilege["functions"] = json!(some(rng, &FUNCTIONS));
        return privilege;
    }
    let ids = match (scope_kind(kind, target), target.to_string().as_str()) {
        (Some(ScopeKind::Providers), _) | (_, "IdentityProvider") => vec![LOCAL, SERVICE],
        (_, "LocalUser") => vec![person],
        // Of ours there are no others, and nobody judges those of other products.
        (_, "ServiceUser" | "AdministrativeRole" | "Policy" | "CriteriaScript" | "UserClaimScript" | "IpPool") => {
            vec![]
        }
        _ => vec!["8a4add9e-0e99-4bb1-949c-c9faf9a49ad4", person],
    };
    let is_scoped = scope_kind(kind, target) != Some(ScopeKind::None);
    let (ids, tags) = if is_scoped && rng.bool() { (some(rng, &ids), some(rng, &TAGS)) } else { (vec![], vec![]) };
    privilege["scope"] = json!({ "all": rng.bool(), "ids": ids, "tags": tags });
    if kind == PrivilegeType::Create {
        privilege["defaultTags"] = json!(if rng.bool() { some(rng, &TAGS) } else { vec![] });
    }
    privilege
}

fn sorted(privileges: &Value) -> Vec<String> {
    let mut texts: Vec<String> = privileges.as_array().unwrap().iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_opened_and_saved_stays_as_it_is() {
    let server = Server::start().await;
    let person = server.person("bobby").await;
    let mut desk = Desk::of_admin(&server).await;
    let seeds = std::env::var("FORM_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(30);
    for seed in 0..seeds {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let privileges: Vec<Value> = (0..rng.usize(..14)).map(|_| any_privilege(&mut rng, &person)).collect();
        let name = format!("role {seed}");
        let body = json!({ "name": name, "notes": "one\n\ntwo <", "tags": TAGS, "privileges": privileges });
        let before = server.post("/administrative-roles", body).await.expect(200).json;
        let id = before["id"].as_str().unwrap();
        let path = format!("/ui/roles/{id}/edit");
        let page = desk.get(&path).await.expect(200);
        let sent = fields(&page.html, &path);
        desk.post(&path, &borrowed(&sent)).await.expect(303);
        let after = server.get(&format!("/administrative-roles/{id}")).await.expect(200).json;
        assert_eq!(sorted(&after["privileges"]), sorted(&before["privileges"]), "seed {seed}");
        for field in ["name", "notes", "tags"] {
            assert_eq!(after[field], before[field], "seed {seed}");
        }
        assert_ne!(after["updated"], before["updated"], "it was saved");
    }
}

/// What a form of a role with these fields holds, for whoever opens it anew.
async fn edit(desk: &mut Desk<'_>, id: &str, more: &[(&str, &str)]) -> crate::console::Page {
    let path = format!("/ui/roles/{id}/edit");
    let page = desk.get(&path).await.expect(200);
    let mut sent = fields(&page.html, &path);
    for (name, value) in more {
        sent.retain(|(own, _)| own != name);
        sent.push(((*name).to_owned(), (*value).to_owned()));
    }
    desk.post(&path, &borrowed(&sent)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_limited_privilege_stands_at_its_row() {
    let server = Server::start().await;
    let mut desk = Desk::of_admin(&server).await;
    desk.get("/ui/roles/new").await.expect(200);
    let row = |kind: &'static str, target: &'static str, tags: &'static str, ids: &'static str| {
        [
            ("limitedType", kind),
            ("limitedTarget", target),
            ("limitedAll", ""),
            ("limitedTags", tags),
            ("limitedIds", ids),
        ]
        .into_iter()
        .chain([("limitedDefaultTags", ""), ("limitedFunctions", "")])
    };
    let fields: Vec<(&str, &str)> = [("name", "x"), ("allowed", "View/LocalUser"), ("allowed", "View/AuditLog")]
        .into_iter()
        .chain(row("", "", "", ""))
        .chain(row("Reboot", "LocalUser", "a", ""))
        .chain(row("View", "AuditLog", "a", ""))
        .chain(row("View", "Policy", "", "8a4add9e-0e99-4bb1-949c-c9faf9a49ad4\nnobody"))
        .chain(row("", "", "b", ""))
        .collect();
    let page = desk.post("/ui/roles/new", &fields).await.expect(422);
    for fault in [
        "id=\"fault-limited[1].type\">there is no privilege Reboot on LocalUser",
        "id=\"fault-limited[2].with\">the privilege View on AuditLog takes no scope",
        "id=\"fault-limited[3].ids\">",
        "id=\"fault-limited[4].type\">may not be null",
        "id=\"fault-limited[4].target\">may not be null",
        "<code>limited[3].ids[1]</code>",
        "value=\"View/AuditLog\" aria-label=\"View AuditLog\" checked",
        "\nnobody</textarea>",
    ] {
        assert!(page.html.contains(fault), "{fault} is not in\n{}", page.html);
    }
    // What no form of ours would send.
    let page = desk.post("/ui/roles/new", &[("name", "x"), ("allowed", "Reboot/LocalUser")]).await.expect(422);
    page.says("id=\"fault-privileges\">there is no privilege Reboot on LocalUser");
    assert_eq!(server.get("/administrative-roles").await.names(), ["System Administrator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_and_changes_what_the_api_would_let_them() {
    let server = Server::start().await;
    let privileges = json!([{ "type": "View", "target": "LocalUser", "scope": { "all": true } }]);
    let make = async |name: &str, tags: Value| {
        server.make("/administrative-roles", json!({ "name": name, "tags": tags, "privileges": privileges })).await
    };
    let (own, hidden) = (make("within", json!(["desk"])).await, make("beyond", json!([])).await);
    let mut seen = policy_for("somebody", &own);
    seen["tags"] = json!(["desk"]);
    server.make("/policies", seen).await;
    server.make("/policies", policy_for("anybody", &own)).await;
    let scope = json!({ "tags": ["desk"] });
    let on = |kind: &str, target: &str| json!({ "type": kind, "target": target, "scope": scope });
    let held = json!([
        on("View", "AdministrativeRole"),
        on("Edit", "AdministrativeRole"),
        on("View", "Policy"),
        privileges[0],
    ]);
    holder(&server, "desk", held).await;
    holder(&server, "stranger", json!([on("View", "LocalUser")])).await;
    let mut desk = Desk::of(&server, "desk", PASSWORD).await;
    desk.get("/ui/roles").await.expect(200).says("within").does_not_say("beyond").does_not_say("New role");
    let page = desk.get(&format!("/ui/roles/{own}")).await.expect(200);
    page.says("policy of somebody").does_not_say("policy of anybody").does_not_say("/delete").does_not_say("/history");
    for rest in ["", "/edit"] {
        desk.get(&format!("/ui/roles/{hidden}{rest}")).await.expect(404).does_not_say("beyond");
    }
    desk.get("/ui/roles/new").await.expect(403);
    desk.get(&format!("/ui/roles/{own}/delete")).await.expect(403);
    desk.get(&format!("/ui/roles/{own}/history")).await.expect(403);
    edit(&mut desk, &own, &[("notes", "mine")]).await.expect(303);
    // More than they hold they cannot put into it, and what they filled in is still there.
    let page = edit(&mut desk, &own, &[("notes", "more"), ("allowed", "All/All")]).await.expect(403);
    page.says("this touches what gives more than the caller has")
        .says("value=\"All/All\" aria-label=\"All All\" checked");
    desk.post(&format!("/ui/roles/{own}/delete"), &[]).await.expect(403);
    desk.post(&format!("/ui/roles/{hidden}/edit"), &[("name", "x")]).await.expect(404);
    desk.post("/ui/roles/new", &[("name", "x")]).await.expect(403);
    assert_eq!(server.get(&format!("/administrative-roles/{own}")).await.json["notes"], "mine");
    let mut stranger = Desk::of(&server, "stranger", PASSWORD).await;
    for path in
        ["/ui/roles".to_owned(), "/ui/roles/new".into(), format!("/ui/roles/{own}"), format!("/ui/roles/{own}/edit")]
    {
        stranger.get(&path).await.expect(403).does_not_say("within");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_role_is_changed_without_proof_password_or_the_newest_state() {
    let server = Server::start().await;
    let id = server.make("/administrative-roles", json!({ "name": "r", "privileges": [] })).await;
    let api = format!("/administrative-roles/{id}");
    let mut desk = Desk::of_admin(&server).await;
    let page = desk.get(&format!("/ui/roles/{id}/edit")).await.expect(200);
    let path = format!("/ui/roles/{id}/edit");
    let mut sent = fields(&page.html, &path);
    sent.push(("allowed".into(), "All/All".into()));
    for proof in ["", "wrong"] {
        desk.post_with(&path, proof, &borrowed(&sent)).await.expect(403);
        desk.post_with(&format!("/ui/roles/{id}/delete"), proof, &[]).await.expect(403);
        desk.post_with("/ui/roles/new", proof, &[("name", "another")]).await.expect(403);
    }
    server.change(&api, json!({ "notes": "faster" })).await;
    desk.get(&path).await.expect(200);
    desk.post(&path, &borrowed(&sent)).await.expect(412).says("Somebody else has changed this").says("All/All");
    server.pass(Duration::from_secs(16 * 60)).await;
    let sent = fields(&desk.get(&path).await.expect(200).says("name=\"confirm\"").html, &path);
    desk.post(&path, &borrowed(&sent)).await.expect(422).says("is needed for this change");
    desk.post(&format!("/ui/roles/{id}/delete"), &[]).await.expect(422);
    let role = server.get(&api).await.expect(200).json;
    assert_eq!((&role["privileges"], &role["notes"]), (&json!([]), &json!("faster")));
    assert_eq!(server.get("/administrative-roles").await.names(), ["r", "System Administrator"]);
    desk.post(&format!("/ui/roles/{id}/delete"), &[("confirm", ADMIN_PASSWORD)]).await.expect(303);
    server.get(&api).await.expect(404);
}
