//! Global Settings: what they hold, and that it has an effect.

use portreeve_directory::time::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::harness::{ADMIN_PASSWORD, PASSWORD, Server};

const PATH: &str = "/global-settings";

/// The defaults, with the id that this installation was given.
fn defaults(id: &Value) -> Value {
    json!({
        "collectiveId": id,
        "claimsTokenExpiration": 1440,
        "administrationTokenExpiration": 720,
        "loginBannerMessage": "",
        "messageOfTheDay": "",
        "geoIpUpdates": false,
        "geoIpSettings": { "updates": "Default" }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_got_and_what_is_left_out_is_as_at_first() {
    let server = Server::start().await;
    let first = server.get(PATH).await.expect(200);
    let id = first.json["collectiveId"].clone();
    assert_eq!(id.as_str().unwrap().len(), 36);
    assert_eq!(first.json, defaults(&id));
    let all = json!({
        "collectiveId": "acme",
        "claimsTokenExpiration": 1,
        "administrationTokenExpiration": 525_600,
        "loginBannerMessage": "Keep out.\nYou are watched.",
        "messageOfTheDay": "Good morning",
        "geoIpUpdates": true,
        "geoIpSettings": { "updates": "Custom", "license": null },
        "spaMode": "TCP",
        "spaTimeWindowSeconds": 0.5,
        "appDiscoveryDomains": [{ "deep": [null, 1] }],
        "profileHostname": null
    });
    let mut sent = all.clone();
    // A secret that nobody here uses, and nobody gets back.
    sent["backupPassphrase"] = json!("tSW3!QBv(rj{UuLY");
    server.put(PATH, sent).await.expect(204);
    let got = server.get(PATH).await.expect(200);
    assert_eq!(got.json, all);
    assert_ne!(got.header("etag"), first.header("etag"));
    server.call("GET", PATH).header("if-none-match", got.header("etag")).send().await.expect(304);
    for kept in [json!({}), json!({ "collectiveId": "", "messageOfTheDay": null, "geoIpSettings": null })] {
        server.put(PATH, all.clone()).await.expect(204);
        server.put(PATH, kept).await.expect(204);
        assert_eq!(server.get(PATH).await.json, defaults(&json!("acme")));
    }
    server.put(PATH, all).await.expect(204);
    server.delete(PATH).await.expect(204);
    assert_eq!(server.get(PATH).await.json, defaults(&json!("acme")));
    server.put(PATH, json!({ "collectiveId": id, "claimsTokenExpiration": 1440.0 })).await.expect(204);
    let server = server.restart().await;
    assert_eq!(server.get(PATH).await.json, first.json);
    let recorded = server.rows("SELECT changes FROM audit_log").await;
    assert!(!format!("{recorded:?}").contains("tSW3"), "a secret was recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named() {
    let server = Server::start().await;
    let before = server.get(PATH).await.json;
    let body = json!({
        "collectiveId": "a\u{7}",
        "claimsTokenExpiration": 0,
        "administrationTokenExpiration": 525_601,
        "loginBannerMessage": "x".repeat(4_097),
        "messageOfTheDay": "\u{0}"
    });
    let mut faults = server.put(PATH, body).await.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "administrationTokenExpiration",
            "claimsTokenExpiration",
            "collectiveId",
            "loginBannerMessage",
            "messageOfTheDay"
        ]
    );
    let fraction = json!({ "administrationTokenExpiration": 1.5, "collectiveId": "x".repeat(256) });
    assert_eq!(server.put(PATH, fraction).await.faults(), ["administrationTokenExpiration", "collectiveId"]);
    for wrong in [
        json!({ "geoIpUpdates": "yes" }),
        json!({ "geoIpSettings": [] }),
        json!({ "administrationTokenExpiration": "720" }),
        json!([]),
    ] {
        server.put(PATH, wrong).await.expect(400);
    }
    assert_eq!(server.get(PATH).await.json, before);
    server.post(PATH, json!({})).await.expect(405);
}

/// Minutes from now until then.
fn minutes_ahead(login: &Value) -> i64 {
    let until = Timestamp::parse(login["expires"].as_str().unwrap()).unwrap();
    (until.micros() - Clock::system().now().micros() + 30_000_000) / 60_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn they_reach_whoever_logs_in() {
    let server = Server::start().await;
    let login = server.login("local", "admin", ADMIN_PASSWORD).await.expect(200).json;
    assert_eq!((minutes_ahead(&login), &login["messageOfTheDay"]), (720, &json!("")));
    let settings = json!({ "administrationTokenExpiration": 5, "loginBannerMessage": "Keep out.\nOr else.",
        "messageOfTheDay": "Good morning" });
    server.put(PATH, settings).await.expect(204);
    let names = server.call("GET", "/identity-providers/names").anonymous().send().await.expect(200);
    assert_eq!(names.json["bannerMessage"], "Keep out.\nOr else.");
    let login = server.login("local", "admin", ADMIN_PASSWORD).await.expect(200).json;
    assert_eq!((minutes_ahead(&login), &login["messageOfTheDay"]), (5, &json!("Good morning")));
    let again = server.call("GET", "/authorization").token(login["token"].as_str().unwrap()).send().await.expect(200);
    assert_eq!(again.json["messageOfTheDay"], "Good morning");
    // The session that was there before goes on.
    server.delete(PATH).await.expect(204);
    let names = server.call("GET", "/identity-providers/names").anonymous().send().await.expect(200);
    assert_eq!(names.json["bannerMessage"], "");
    let login = server.login("local", "admin", ADMIN_PASSWORD).await.expect(200).json;
    assert_eq!((minutes_ahead(&login), &login["messageOfTheDay"]), (720, &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_is_needed() {
    let server = Server::start().await;
    server.person("bobby").await;
    let token = server.token_of("local", "bobby", PASSWORD).await;
    for (method, privilege) in [("GET", "View"), ("PUT", "Edit"), ("DELETE", "Delete")] {
        // Before anything is said of the body.
        let refused = server.call(method, PATH).token(&token).body("{").send().await.expect(403);
        let message = refused.json["message"].as_str().unwrap();
        assert!(message.contains(&format!("{privilege} on GlobalSetting")), "{message}");
        server.call(method, PATH).anonymous().send().await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_recorded() {
    let server = Server::start().await;
    server.put(PATH, json!({ "messageOfTheDay": "Good morning", "spaMode": "TCP" })).await.expect(204);
    server.delete(PATH).await.expect(204);
    let sql = "SELECT actor, act, object_id, object_name, outcome, changes FROM audit_log \
               WHERE object_kind = 'GlobalSetting' ORDER BY at";
    let rows = server.rows(sql).await;
    for (row, act, day, mode) in [
        (&rows[0], "edit", ["", "Good morning"], [Value::Null, json!("TCP")]),
        (&rows[1], "delete", ["Good morning", ""], [json!("TCP"), Value::Null]),
    ] {
        assert_eq!(row[..5], ["admin", act, "", "", "done"]);
        let changes: Value = serde_json::from_str(&row[5]).unwrap();
        let change = |pair: [Value; 2]| json!({ "before": pair[0], "after": pair[1] });
        assert_eq!(changes, json!({ "messageOfTheDay": change(day.map(Value::from)), "spaMode": change(mode) }));
    }
    assert_eq!(rows.len(), 2);
}
