//! A name is the same in every spelling that differs only in case or in Unicode's form.

use serde_json::json;

use crate::{
    accounts::{KINDS, least, with},
    harness::{PASSWORD, Server, at_once},
};

/// Spellings of one name. The first is the one that is stored.
const SPELLINGS: [&[&str]; 5] = [
    &["Alice", "alice", "ALICE", "aLiCe"],
    &["Straße", "STRASSE", "strasse", "straẞe"],
    &["caf\u{e9}", "cafe\u{301}", "CAF\u{c9}", "CAFE\u{301}"],
    &["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"],
    &["\u{212a}elvin", "kelvin", "KELVIN"],
];

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_account_and_one_counter_for_all_spellings() {
    let server = Server::start().await;
    for (path, provider) in KINDS {
        for spellings in SPELLINGS {
            let id = server.make(path, with(path, spellings[0], json!({ "password": PASSWORD }))).await;
            let stored = server.get(&format!("{path}/{id}")).await.json["name"].as_str().unwrap().to_owned();
            let other = server.make(path, least(path, "somebody else")).await;
            for spelling in spellings {
                server.post(path, least(path, spelling)).await.expect(409);
                server.put(&format!("{path}/{other}"), least(path, spelling)).await.expect(409);
                let answer = server.login(provider, spelling, PASSWORD).await.expect(200);
                assert_eq!(answer.json["user"]["name"], stored, "answers show the spelling that was stored");
                server.login(provider, spelling, "wrong").await.expect(401);
                let failed = server.get(&format!("{path}/{id}")).await.json["failedLoginAttempts"].clone();
                assert_eq!(failed, 1, "{spelling}");
            }
            server.delete(&format!("{path}/{other}")).await.expect(204);
            for number in 0..5 {
                server.login(provider, spellings[number % spellings.len()], "wrong").await.expect(401);
            }
            for spelling in spellings {
                server.login(provider, spelling, PASSWORD).await.expect(401);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_stored_in_normal_form_c() {
    let server = Server::start().await;
    let body = json!({ "name": "cafe\u{301}", "notes": "e\u{301}", "tags": ["e\u{301}", "\u{e9}", "E\u{301}"],
        "labels": { "o\u{308}": "u\u{308}" } });
    let made = server.post("/service-users", body).await.expect(200);
    let expected = ("caf\u{e9}", "\u{e9}", json!(["\u{e9}", "\u{c9}"]), json!({ "\u{f6}": "\u{fc}" }));
    let stored = &made.json;
    assert_eq!((stored["name"].as_str().unwrap(), stored["notes"].as_str().unwrap()), (expected.0, expected.1));
    assert_eq!((&stored["tags"], &stored["labels"]), (&expected.2, &expected.3));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_want_one_name_at_once_exactly_one_gets_it() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        for (round, spellings) in SPELLINGS.into_iter().enumerate() {
            let statuses = at_once(12, |number| {
                let call = server.call("POST", path).json(least(path, spellings[number % spellings.len()]));
                async move { call.send().await.status }
            });
            let statuses = statuses.await;
            let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
            assert_eq!((count(200), count(409)), (1, 11), "{statuses:?}");
            // The same for those that are renamed to it.
            let mut ids = Vec::new();
            for number in 0..6 {
                ids.push(server.make(path, least(path, &format!("{round} {number}"))).await);
            }
            let statuses = at_once(6, |number| {
                let call = server.call("PUT", &format!("{path}/{}", ids[number]));
                let call = call.json(least(path, &format!("{}{round}", spellings[number % spellings.len()])));
                async move { call.send().await.status }
            });
            let statuses = statuses.await;
            let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
            assert_eq!((count(200), count(409)), (1, 5), "{statuses:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_want_one_id_at_once_exactly_one_gets_it() {
    let server = Server::start().await;
    let statuses = at_once(12, |number| {
        let (path, _) = KINDS[number % 2];
        let fields = json!({ "id": "4c07bc67-57ea-42dd-b702-c2d6c45419fc" });
        let call = server.call("POST", path).json(with(path, &format!("name {number}"), fields));
        async move { call.send().await.status }
    });
    let statuses = statuses.await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(200), count(409)), (1, 11), "{statuses:?}");
}
