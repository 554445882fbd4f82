//! Ending the sessions of devices: whose, when, and in which order.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    client::Answer,
    harness::{DEVICE, Server, person},
    on_boarded_devices::{PHONE, TABLET, dn, good, names, object, token_from},
};

async fn revoke(server: &Server, body: Value) -> Answer {
    server.post("/on-boarded-devices/revoke-tokens", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_revoked_at_once_where_the_name_fits() {
    let server = Server::start().await;
    for name in ["bobby", "carol"] {
        server.person(name).await;
    }
    let all = [("bobby", PHONE), ("bobby", TABLET), ("carol", PHONE), ("carol", TABLET)];
    let phone =
        |name: &str| format!("cn={},CN={},ou=local", PHONE.replace('-', "").to_uppercase(), name.to_uppercase());
    let nothing: [usize; 0] = [];
    for (body, concerned) in [
        (json!({ "distinguishedNameFilter": ",CN=BOBBY,OU=local" }), &[0, 1][..]),
        (json!({ "distinguishedNameFilter": PHONE.replace('-', "").to_uppercase() }), &[0, 2]),
        (json!({ "distinguishedNameFilter": "cn=%" }), &nothing),
        (json!({ "specificDistinguishedNames": [phone("bobby")] }), &[0]),
        (json!({ "specificDistinguishedNames": [phone("bobby"), phone("bobby"), phone("nobody")] }), &[0]),
        (json!({ "specificDistinguishedNames": [phone("nobody")] }), &nothing),
        (
            json!({ "specificDistinguishedNames": [phone("bobby"), phone("carol")],
            "distinguishedNameFilter": "carol" }),
            &[2],
        ),
        (
            json!({ "distinguishedNameFilter": ",cn=carol,", "specificDistinguishedNames": [], "tokenType": "adminclaims",
            "siteId": 7 }),
            &[2, 3],
        ),
        (json!({ "distinguishedNameFilter": "bobby", "tokenType": "Entitlement" }), &nothing),
        (json!({ "distinguishedNameFilter": "bobby", "tokenType": "claims" }), &nothing),
    ] {
        let mut tokens = Vec::new();
        for (name, device) in all {
            tokens.push(token_from(&server, name, device).await);
        }
        let answer = revoke(&server, body.clone()).await.expect(200);
        let mut listed = names(&answer);
        listed.sort_unstable();
        let mut expected: Vec<String> = concerned.iter().map(|&index| dn(all[index].1, all[index].0)).collect();
        expected.sort_unstable();
        assert_eq!(listed, expected, "{body}");
        assert_eq!(answer.json["totalCount"], 5);
        let range = if concerned.is_empty() {
            "0-0/0".into()
        } else {
            format!("0-{0}/{1}", concerned.len() - 1, concerned.len())
        };
        assert_eq!(answer.json["range"], range);
        for (index, token) in tokens.iter().enumerate() {
            assert_eq!(good(&server, token).await, !concerned.contains(&index), "{body} {index}");
        }
        assert!(good(&server, &server.token).await);
    }
    // Nothing said means everybody, also whoever says it.
    let token = token_from(&server, "bobby", PHONE).await;
    let body = json!({ "distinguishedNameFilter": "", "tokenType": "", "specificDistinguishedNames": null });
    assert_eq!(names(&revoke(&server, body).await.expect(200)).len(), 5);
    assert!(!good(&server, &token).await && !good(&server, &server.token).await);
    assert_eq!(server.rows("SELECT source FROM sessions").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_revoked_later_and_one_device_after_the_other() {
    let server = Server::start().await;
    server.person("bobby").await;
    let mut tokens = Vec::new();
    for device in [TABLET, PHONE, DEVICE] {
        tokens.push(token_from(&server, "bobby", device).await);
    }
    let second = token_from(&server, "bobby", DEVICE).await;
    let body = json!({ "distinguishedNameFilter": ",CN=bobby,", "delayMinutes": 60, "devicesPerSecond": 0.001 });
    let answer = revoke(&server, body.clone()).await.expect(200);
    assert_eq!(
        names(&answer),
        [DEVICE, PHONE, TABLET].map(|device| dn(device, "bobby")),
        "in the order of their turns"
    );
    let alive = async || {
        let mut alive = Vec::new();
        for token in tokens.iter().chain([&second]) {
            alive.push(good(&server, token).await);
        }
        alive
    };
    assert_eq!(alive().await, [true; 4]);
    server.pass(Duration::from_secs(1_800)).await;
    assert_eq!(alive().await, [true; 4]);
    server.pass(Duration::from_secs(1_800 + 500)).await;
    assert_eq!(alive().await, [true, true, false, false], "both sessions of the device that was seen last");
    server.pass(Duration::from_secs(1_000)).await;
    assert_eq!(alive().await, [true, false, false, false]);
    // What is to end already does not end later.
    let later = json!({ "distinguishedNameFilter": ",CN=bobby,", "delayMinutes": 525_600 });
    assert_eq!(names(&revoke(&server, later).await.expect(200)).len(), 3);
    let changes = last_changes(&server).await;
    assert_eq!((&changes["devices"]["after"], &changes["sessions"]["after"]), (&json!(3), &json!(0)));
    server.pass(Duration::from_secs(1_000)).await;
    assert_eq!(alive().await, [false; 4]);
    assert!(good(&server, &server.token).await);
}

/// What the audit log says of the last revocation.
async fn last_changes(server: &Server) -> Value {
    let list = server.get("/audit-logs?act=revoke&range=0-0").await.expect(200);
    list.json["data"][0]["changes"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turns_are_exact() {
    let server = Server::start().await;
    server.person("bobby").await;
    for device in [TABLET, PHONE, DEVICE] {
        token_from(&server, "bobby", device).await;
    }
    let ends = async || {
        let sql = "SELECT CAST(s.expires AS TEXT) FROM sessions s JOIN devices d
             ON d.account_id = s.account_id AND d.device_id = s.device_id
             WHERE s.account_id = (SELECT id FROM accounts WHERE name = 'bobby') ORDER BY d.last_seen DESC";
        let rows = server.rows(sql).await;
        rows.iter().map(|row| row[0].parse::<i64>().unwrap()).collect::<Vec<_>>()
    };
    // The longest first: a later end never replaces an earlier one.
    for (minutes, per_second, apart) in
        [(500, json!(0.1), 10_000_000), (300, json!(7), 142_857), (200, json!(2.5), 400_000), (5, json!(1e18), 0)]
    {
        let body =
            json!({ "distinguishedNameFilter": "bobby", "delayMinutes": minutes, "devicesPerSecond": per_second });
        revoke(&server, body).await.expect(200);
        let ends = ends().await;
        assert_eq!(ends[1] - ends[0], apart);
        assert!((2 * apart..=2 * apart + 1).contains(&(ends[2] - ends[0])));
    }
    let before = ends().await;
    // So far apart that only the first device's turn ever comes.
    revoke(&server, json!({ "distinguishedNameFilter": "bobby", "devicesPerSecond": 1e-300 })).await.expect(200);
    let after = ends().await;
    assert!(after[0] < before[0] && after[1..] == before[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_revocation_is_named() {
    let server = Server::start().await;
    let wrong = revoke(
        &server,
        json!({ "distinguishedNameFilter": "a\u{0}b", "specificDistinguishedNames": [dn(PHONE, "bobby"), "x", "CN=a,OU=local"],
            "tokenType": "Refresh", "revocationReason": "x".repeat(4_097), "delayMinutes": 1.5, "devicesPerSecond": 0 }),
    );
    assert_eq!(
        wrong.await.faults(),
        [
            "distinguishedNameFilter",
            "specificDistinguishedNames[1]",
            "specificDistinguishedNames[2]",
            "tokenType",
            "revocationReason",
            "delayMinutes",
            "devicesPerSecond"
        ]
    );
    for (field, value) in [
        ("delayMinutes", json!(-1)),
        ("delayMinutes", json!(525_601)),
        ("devicesPerSecond", json!(-0.5)),
        ("specificDistinguishedNames", json!(vec![dn(PHONE, "b"); 10_001])),
    ] {
        let mut body = json!({});
        body[field] = value;
        assert_eq!(revoke(&server, body).await.faults(), [field]);
    }
    for body in [json!({ "devicesPerSecond": "7" }), json!({ "specificDistinguishedNames": [7] }), json!([])] {
        revoke(&server, body).await.expect(400);
    }
    assert!(good(&server, &server.token).await, "nothing was done");
    server.get("/on-boarded-devices/revoke-tokens").await.expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_devices_all_are_revoked_and_listed() {
    let server = Server::start().await;
    server.person("bobby").await;
    server.execute("DELETE FROM devices").await;
    // More than is read at once.
    let account = "(SELECT id FROM accounts WHERE name = 'bobby')";
    let mut sql = String::from("BEGIN;");
    for number in 0..1_300 {
        let id = format!("{number:032x}");
        let id = if server.place().is_postgres() { format!("'\\x{id}'") } else { format!("x'{id}'") };
        sql += &format!(
            "INSERT INTO devices (id, account_id, kind, device_id, on_boarded, last_seen)
               VALUES ({id}, {account}, 'local', {id}, {number}, {number});
             INSERT INTO sessions (id, account_id, credential_version, device_id, source, created, expires)
               VALUES ({id}, {account}, 0, {id}, '', 0, 9000000000000000);"
        );
    }
    server.execute(&(sql + "COMMIT")).await;
    let left = "SELECT source FROM sessions WHERE expires = 9000000000000000";
    let body =
        json!({ "distinguishedNameFilter": "", "delayMinutes": 5, "devicesPerSecond": 7, "revocationReason": "drill" });
    let answer = revoke(&server, body).await.expect(200);
    let expected: Vec<String> = (0..1_300).rev().map(|number| format!("CN={number:032x},CN=bobby,OU=local")).collect();
    assert_eq!(names(&answer), expected);
    assert_eq!(server.rows(left).await.len(), 0);
    let changes = last_changes(&server).await;
    for (field, value) in [
        ("devices", json!(1_300)),
        ("sessions", json!(1_300)),
        ("delaySeconds", json!(300)),
        ("distinguishedNameFilter", json!("")),
    ] {
        assert_eq!(changes[field]["after"], value, "{field}");
    }
    let rows = server.rows("SELECT act, outcome, reason FROM audit_log WHERE object_kind = 'RegisteredDevice'").await;
    assert_eq!(rows, [["revoke tokens", "done", "drill"]]);
    revoke(&server, json!({ "distinguishedNameFilter": "bobby" })).await.expect(200);
    assert_eq!(server.rows("SELECT source FROM sessions").await.len(), 1, "the administrator's");
}

#[tokio::test(flavor = "multi_thread")]
async fn awkward_names_are_found_by_their_own_distinguished_name() {
    let server = Server::start().await;
    for name in ["a,b", "a\\b", "\"a\"", "#a", "a#", "a+b=c;d<e>f", "a/b%c_d", "STRASSE", "straße 2", "字 🦀", "x'; --"]
    {
        server.make("/local-users", person(name)).await;
        let token = token_from(&server, name, PHONE).await;
        let list = server.get("/on-boarded-devices?range=0-0").await.expect(200);
        let own = names(&list)[0].to_owned();
        assert_eq!(list.json["data"][0]["username"], name);
        assert_eq!(server.get(&object(&own)).await.expect(200).json, list.json["data"][0]);
        for body in [json!({ "distinguishedNameFilter": own }), json!({ "specificDistinguishedNames": [own] })] {
            let token = token_from(&server, name, PHONE).await;
            assert_eq!(names(&revoke(&server, body).await.expect(200)), [own.as_str()]);
            assert!(!good(&server, &token).await);
        }
        assert!(!good(&server, &token).await);
        server.delete(&object(&own)).await.expect(204);
    }
}
