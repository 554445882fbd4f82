//! Nobody rises by another name of a tag, or by its end; and neither takes the last administrator away.

use serde_json::{Value, json};

use crate::{
    authority::{EVERYTHING, FIRST_POLICY},
    client::Call,
    harness::{LOCAL, PASSWORD, Server, at_once, person},
    roles::{holder, policy_for},
    tags_everywhere::{path_of, tagged},
};

/// Privileges of one who may rename and delete tags, as far as no more than that is needed, and more.
fn tagger(more: &[Value]) -> Value {
    let own = [
        json!({ "type": "Tag", "target": "All" }),
        json!({ "type": "View", "target": "All", "scope": { "all": true } }),
    ];
    own.iter().chain(more).cloned().collect()
}

/// Asserts that a call is refused because of this privilege.
async fn refused(call: Call, privilege: &str) {
    let message = call.send().await.expect(403).json["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&format!("the privilege {privilege}, which")), "{message}");
}

/// Makes a person who may do everything because of a tag, and gives their token and path.
async fn administrator(server: &Server, name: &str, tag: &str) -> (String, String) {
    let mut policy = policy_for(name, EVERYTHING.rsplit('/').next().unwrap());
    policy["expression"] = json!(format!("return claims.user.tags.indexOf({tag:?}) >= 0;"));
    server.make("/policies", policy).await;
    let mut body = person(name);
    body["tags"] = json!([tag]);
    let path = format!("/local-users/{}", server.make("/local-users", body).await);
    (server.token_of("local", name, PASSWORD).await, path)
}

/// Leaves those who may do everything because of a tag as the only ones.
async fn only_by_tags(server: &Server) {
    server.change(FIRST_POLICY, json!({ "disabled": true })).await;
    server.get("/tags").await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_scopes_wait_for_is_given_by_those_alone_who_may_do_what_the_scopes_are_for() {
    let server = Server::start().await;
    let scoped =
        |kind: &str, target: &str, tag: &str| json!({ "type": kind, "target": target, "scope": { "tags": [tag] } });
    let waiting = json!([
        scoped("Delete", "LocalUser", "vip"),
        scoped("View", "Blacklist", "dept"),
        scoped("Edit", "All", "any")
    ]);
    server.make("/administrative-roles", json!({ "name": "waiting", "privileges": waiting })).await;
    let bobby = tagged(&server, "bobby", &["crowd"]).await;
    let crowd = path_of(&server, "crowd").await;
    let some = [scoped("Delete", "LocalUser", "vip"), scoped("View", "Blacklist", "dept")];
    let all = json!({ "type": "Delete", "target": "LocalUser", "scope": { "all": true } });
    let poor = holder(&server, "poor", tagger(&[])).await;
    let part = holder(&server, "part", tagger(&some)).await;
    let rich = holder(&server, "rich", tagger(&[all])).await;
    let rename = |token: &str, name: &str| server.call("PUT", &crowd).token(token).json(json!({ "name": name }));
    for token in [&poor, &part] {
        refused(rename(token, "vip"), "Delete on LocalUser").await;
    }
    refused(rename(&poor, "any"), "Edit on LocalUser").await;
    // The scope over what belongs to providers is about the tags of providers. To view them all suffices.
    refused(rename(&rich, "dept"), "All on All").await;
    refused(rename(&rich, "vip"), "All on All").await;
    refused(rename(&poor, "nobody waits for this"), "All on All").await;
    assert_eq!(server.get(&crowd).await.expect(200).json["name"], "crowd");
    assert_eq!(server.get(&bobby).await.json["tags"], json!(["crowd"]));
    server.put(&crowd, json!({ "name": "vip" })).await.expect(200);
    assert_eq!(server.get(&bobby).await.json["tags"], json!(["vip"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scopes_by_provider_wait_for_is_no_other() {
    let server = Server::start().await;
    server.change(&format!("/identity-providers/{LOCAL}"), json!({ "tags": ["crowd"] })).await;
    let crowd = path_of(&server, "crowd").await;
    let waiting = json!([{ "type": "Create", "target": "Blacklist", "scope": { "tags": ["dept"] } }]);
    server.make("/administrative-roles", json!({ "name": "waiting", "privileges": waiting })).await;
    let poor = holder(&server, "poor", tagger(&[])).await;
    refused(server.call("PUT", &crowd).token(&poor).json(json!({ "name": "dept" })), "Create on Blacklist").await;
    assert_eq!(server.get(&crowd).await.expect(200).json["name"], "crowd");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_a_tag_away_that_they_have_to_give() {
    let server = Server::start().await;
    // Behind the policy that is looked at: what is missing first is named.
    server.change(FIRST_POLICY, json!({ "name": "zz" })).await;
    let create =
        json!({ "type": "Create", "target": "LocalUser", "scope": { "all": true }, "defaultTags": ["probation"] });
    let token = holder(&server, "maker", tagger(&[create])).await;
    let made = server.call("POST", "/local-users").token(&token).json(person("new")).send().await.expect(200);
    assert_eq!(made.json["tags"], json!(["probation"]));
    tagged(&server, "other", &["other"]).await;
    let (probation, other) = (path_of(&server, "probation").await, path_of(&server, "other").await);
    refused(server.call("DELETE", &probation).token(&token), "Create on LocalUser").await;
    refused(server.call("DELETE", &other).token(&token), "All on All").await;
    let another = json!({ "name": "another" });
    refused(server.call("PUT", &probation).token(&token).json(another), "All on All").await;
    let made = server.call("POST", "/local-users").token(&token).json(person("newer")).send().await.expect(200);
    assert_eq!(made.json["tags"], json!(["probation"]));
    server.delete(&probation).await.expect(204);
    let made = server.call("POST", "/local-users").token(&token).json(person("newest")).send().await.expect(200);
    assert_eq!(made.json["tags"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_and_colours_of_tags_give_nothing_to_anybody() {
    let server = Server::start().await;
    tagged(&server, "bobby", &["crowd"]).await;
    let crowd = path_of(&server, "crowd").await;
    let token = holder(&server, "tagger", tagger(&[])).await;
    let body = json!({ "name": "crowd", "notes": "many", "colorCode": 3 });
    let put = server.call("PUT", &crowd).token(&token).json(body).send().await.expect(200);
    assert_eq!((&put.json["notes"], &put.json["colorCode"]), (&json!("many"), &json!(3)));
    let made = server.call("POST", "/tags").token(&token).json(json!({ "name": "fresh" })).send().await.expect(200);
    let made = format!("/tags/{}", made.json["id"].as_str().unwrap());
    refused(server.call("PUT", &made).token(&token).json(json!({ "name": "fresher" })), "All on All").await;
    refused(server.call("DELETE", &made).token(&token), "All on All").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_follow_another_name_and_what_policies_say_does_not() {
    let server = Server::start().await;
    let bobby = tagged(&server, "bobby", &["crew"]).await;
    let crew = path_of(&server, "crew").await;
    let view = json!([{ "type": "View", "target": "LocalUser", "scope": { "tags": ["crew"] } }]);
    let by_name = holder(&server, "by name", view.clone()).await;
    let role = server.make("/administrative-roles", json!({ "name": "of the crew", "privileges": view })).await;
    let mut policy = policy_for("crew", &role);
    policy["expression"] = json!("return claims.user.tags.indexOf('crew') >= 0;");
    let policy = format!("/policies/{}", server.make("/policies", policy).await);
    let mut sailor = person("sailor");
    sailor["tags"] = json!(["crew"]);
    server.make("/local-users", sailor).await;
    let by_tag = server.token_of("local", "sailor", PASSWORD).await;
    let sees = async |token: &str, expected: u16| server.call("GET", &bobby).token(token).send().await.expect(expected);
    let expression = server.get(&policy).await.json["expression"].clone();
    for (name, by_tag_sees) in [("crew", 200), ("gang", 403), ("crew", 200)] {
        server.put(&crew, json!({ "name": name })).await.expect(200);
        sees(&by_name, 200).await;
        sees(&by_tag, by_tag_sees).await;
        assert_eq!(server.get(&policy).await.json["expression"], expression);
    }
    server.delete(&crew).await.expect(204);
    for token in [&by_name, &by_tag] {
        sees(token, 403).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_keeps_the_tag_that_makes_one() {
    let server = Server::start().await;
    let (chief, path) = administrator(&server, "anna", "chief").await;
    let (second, _) = administrator(&server, "bert", "second").await;
    let blacklisted = json!({ "userDistinguishedName": "CN=Trudy,OU=local" });
    server.post("/blacklist", blacklisted).await.expect(200);
    only_by_tags(&server).await;
    let call = |token: &str, method: &str, path: &str| server.call(method, path).token(token);
    let tags = call(&chief, "GET", "/tags").send().await.expect(200).json;
    let tag = |name: &str| {
        let found = tags["data"].as_array().unwrap().iter().find(|tag| tag["name"] == name).unwrap();
        format!("/tags/{}", found["id"].as_str().unwrap())
    };
    let rename = |token: &str, tag: &str, name: &str| call(token, "PUT", tag).json(json!({ "name": name }));
    // Of two, each may go.
    rename(&second, &tag("second"), "x").send().await.expect(200);
    call(&second, "GET", "/tags").send().await.expect(403);
    rename(&chief, &tag("second"), "second").send().await.expect(200);
    call(&second, "GET", "/tags").send().await.expect(200);
    call(&second, "DELETE", &tag("second")).send().await.expect(204);
    // The last one stays.
    for refused in [rename(&chief, &tag("chief"), "x"), call(&chief, "DELETE", &tag("chief"))] {
        let refused = refused.send().await.expect(409);
        assert!(refused.json["message"].as_str().unwrap().contains("All on All"), "{}", refused.json);
    }
    let mut anna = call(&chief, "GET", &path).send().await.expect(200).json;
    anna["name"] = json!("trudy");
    call(&chief, "PUT", &path).json(anna.clone()).send().await.expect(409);
    assert_eq!(call(&chief, "GET", &path).send().await.expect(200).json["name"], "anna");
    anna["name"] = json!("gertrude");
    call(&chief, "PUT", &path).json(anna).send().await.expect(200);
    let chief = server.token_of("local", "gertrude", PASSWORD).await;
    rename(&chief, &tag("builtin"), "x").send().await.expect(200);
}

/// Ways to take everything from anna, who has it by the tag `t0`, or from bert, who has it by `t1`.
const WAYS: [[&str; 2]; 9] = [
    ["rename", "rename"],
    ["rename", "blacklist"],
    ["blacklist", "blacklist"],
    ["delete", "blacklist"],
    ["delete", "rename"],
    ["name", "blacklist"],
    ["name", "delete"],
    ["rename", "policy"],
    ["blacklist", "policy"],
];

#[tokio::test(flavor = "multi_thread")]
async fn of_two_attempts_at_once_to_take_everything_from_the_last_two_one_fails() {
    for round in 0..2 * WAYS.len() {
        let server = Server::start().await;
        let names = ["anna", "bert"];
        let (mut tokens, mut people, mut tags, mut policies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (name, tag) in names.into_iter().zip(["t0", "t1"]) {
            let (token, path) = administrator(&server, name, tag).await;
            people.push((server.get(&path).await.json, path));
            tags.push(path_of(&server, tag).await);
            let policy = server.get(&format!("/policies?name=policy of {name}")).await.json["data"][0]["id"].clone();
            policies.push(format!("/policies/{}", policy.as_str().unwrap()));
            tokens.push(token);
        }
        server.post("/blacklist", json!({ "userDistinguishedName": "CN=trudy,OU=local" })).await.expect(200);
        only_by_tags(&server).await;
        let ways = WAYS[round % WAYS.len()];
        // Each does it to themselves, or to the other.
        let by = |number: usize| &tokens[if round < WAYS.len() { number } else { 1 - number }];
        let answers = at_once(2, |number| {
            let call = |method: &str, path: &str| server.call(method, path).token(by(number));
            let call = match ways[number] {
                "rename" => call("PUT", &tags[number]).json(json!({ "name": "x".repeat(number + 1) })),
                "delete" => call("DELETE", &tags[number]),
                "policy" => call("DELETE", &policies[number]),
                "blacklist" => {
                    let dn = format!("CN={},OU=local", names[number]);
                    call("POST", "/blacklist").json(json!({ "userDistinguishedName": dn }))
                }
                _ => {
                    let (mut body, path) = people[number].clone();
                    body["name"] = json!("trudy");
                    call("PUT", &path).json(body)
                }
            };
            call.send()
        });
        let statuses: Vec<u16> = answers.await.iter().map(|answer| answer.status).collect();
        let done = statuses.iter().filter(|status| matches!(status, 200 | 204)).count();
        assert_eq!(done, 1, "{ways:?} {statuses:?}");
        assert!(statuses.iter().any(|status| matches!(status, 401 | 403 | 409)), "{ways:?} {statuses:?}");
        let mut left = 0;
        for name in names {
            let login = server.login("local", name, PASSWORD).await;
            left += usize::from(login.status == 200 && login.json["user"]["privileges"] != json!([]));
        }
        assert_eq!(left, 1, "{ways:?} {statuses:?}");
    }
}
