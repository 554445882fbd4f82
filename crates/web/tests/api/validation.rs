//! Which values are accepted, and that all faults are told at once.

use serde_json::{Value, json};

use crate::{
    accounts::{KINDS, with},
    harness::Server,
};

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_are_told_at_once() {
    let server = Server::start().await;
    let answer = server.post("/local-users", json!({})).await.expect(422);
    assert_eq!(
        answer.json["errors"],
        json!([
            { "field": "name", "message": "may not be null" },
            { "field": "firstName", "message": "may not be null" },
            { "field": "lastName", "message": "may not be null" }
        ])
    );
    assert_eq!(server.post("/service-users", json!({})).await.faults(), ["name"]);
    let body = json!({ "id": "x", "name": "", "firstName": null, "lastName": "", "notes": "\u{0}", "tags": ["", "ok", "\u{7}"],
        "email": "\n", "phone": "\u{2066}", "password": "a", "failedLoginAttempts": -1, "lockStart": "yesterday" });
    let mut expected = [
        "id",
        "name",
        "firstName",
        "lastName",
        "notes",
        "tags[0]",
        "tags[2]",
        "email",
        "phone",
        "password",
        "failedLoginAttempts",
        "lockStart",
    ];
    expected.sort_unstable();
    let id = server.person("bobby").await;
    for answer in
        [server.post("/local-users", body.clone()).await, server.put(&format!("/local-users/{id}"), body).await]
    {
        let mut faults = answer.faults();
        faults.sort();
        assert_eq!(faults, expected);
    }
    let body = json!({ "name": "a\u{85}b", "labels": { "": "", "k\u{0}": "v", "k": "\u{200f}" } });
    let faults = server.post("/service-users", body).await.faults();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert_eq!((faults[0].as_str(), &faults[1][..6]), ("name", "labels"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_are_counted_in_code_points() {
    let server = Server::start().await;
    // Four bytes each in UTF-8, two units each in UTF-16; the second is one code point only in normal form C.
    for letter in ["😀", "e\u{301}"] {
        for (path, field, longest) in [
            ("/local-users", "name", 255),
            ("/local-users", "firstName", 255),
            ("/local-users", "lastName", 255),
            ("/local-users", "email", 255),
            ("/local-users", "phone", 255),
            ("/local-users", "notes", 4_096),
            ("/local-users", "tags", 128),
            ("/service-users", "name", 255),
            ("/service-users", "labels", 255),
        ] {
            let body = |length: usize| {
                let text = letter.repeat(length);
                let value = match field {
                    "tags" => json!([text]),
                    "labels" => json!({ text.clone(): text }),
                    _ => json!(text),
                };
                with(path, &format!("{field} {letter}"), json!({ field: value }))
            };
            server.post(path, body(longest)).await.expect(200);
            assert!(server.post(path, body(longest + 1)).await.faults()[0].starts_with(field), "{field}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_may_be_200_tags_and_labels() {
    let server = Server::start().await;
    let tags = |count: usize| json!({ "tags": (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>() });
    let labels = |count: usize| {
        let all: serde_json::Map<_, _> = (0..count).map(|number| (format!("k{number}"), json!("v"))).collect();
        json!({ "labels": all })
    };
    for (path, _) in KINDS {
        let made = server.post(path, with(path, "tagged", tags(200))).await.expect(200);
        assert_eq!(made.json["tags"], tags(200)["tags"]);
        assert_eq!(server.post(path, with(path, "more", tags(201))).await.faults(), ["tags"]);
        // The same one many times is one.
        let same = json!({ "tags": (["b", "a", "b"].repeat(100)) });
        assert_eq!(server.post(path, with(path, "same", same)).await.expect(200).json["tags"], json!(["b", "a"]));
    }
    let made = server.post("/service-users", with("/service-users", "labelled", labels(200))).await.expect(200);
    assert_eq!(made.json["labels"], labels(200)["labels"]);
    assert_eq!(server.post("/service-users", with("/service-users", "more", labels(201))).await.faults(), ["labels"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_and_those_that_turn_text_around_are_refused() {
    let server = Server::start().await;
    let refused = [
        "\u{0}", "\u{1}", "\u{1b}", "\u{7f}", "\u{85}", "\u{9f}", "\u{61c}", "\u{200e}", "\u{202e}", "\u{2066}",
        "\u{2069}",
    ];
    let fields = ["name", "firstName", "lastName", "email", "phone", "notes"];
    for wrong in refused {
        for field in fields {
            let body = with("/local-users", "bobby", json!({ field: format!("a{wrong}b") }));
            assert_eq!(server.post("/local-users", body).await.faults(), [field], "{wrong:?}");
        }
        let body = with("/local-users", "bobby", json!({ "tags": [format!("a{wrong}b")] }));
        assert_eq!(server.post("/local-users", body).await.faults(), ["tags[0]"], "{wrong:?}");
        for labels in [json!({ "k": format!("a{wrong}b") }), json!({ format!("a{wrong}b"): "v" })] {
            let body = json!({ "name": "deploy", "labels": labels });
            assert_eq!(server.post("/service-users", body).await.faults().len(), 1, "{wrong:?}");
        }
    }
    for line in ["\n", "\r", "\t"] {
        for field in &fields[..5] {
            let body = with("/local-users", "bobby", json!({ *field: format!("a{line}b") }));
            assert_eq!(server.post("/local-users", body).await.faults(), [*field], "{line:?}");
        }
    }
    for space in [" ", "\u{a0}", "\u{3000}", "\u{2003}"] {
        for name in [format!("{space}bobby"), format!("bobby{space}"), space.to_owned()] {
            let body = with("/local-users", &name, json!({}));
            assert_eq!(server.post("/local-users", body).await.faults(), ["name"], "{name:?}");
        }
        server.make("/local-users", with("/local-users", &format!("bobby{space}tables"), json!({}))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_may_be_written_with_a_fraction_of_zero() {
    let server = Server::start().await;
    for (path, _) in KINDS {
        for (number, (text, stored)) in [
            ("0", Some(0)),
            ("0.0", Some(0)),
            ("-0.0", Some(0)),
            ("3.0", Some(3)),
            ("1e2", Some(100)),
            ("2147483647", Some(2_147_483_647)),
            ("1.5", None),
            ("-1", None),
            ("-1.0", None),
            ("2147483648", None),
            ("99999999999999999999", None),
            ("1e300", None),
        ]
        .into_iter()
        .enumerate()
        {
            let mut body = with(path, &format!("user {number}"), json!({ "failedLoginAttempts": "here" })).to_string();
            body = body.replace("\"here\"", text);
            let answer = server.call("POST", path).body(body).send().await;
            match stored {
                Some(stored) => {
                    let answer = answer.expect(200);
                    assert!(answer.json["failedLoginAttempts"].is_i64(), "{text}");
                    assert_eq!(answer.json["failedLoginAttempts"], stored, "{text}");
                }
                None => assert_eq!(answer.faults(), ["failedLoginAttempts"], "{text}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_come_in_any_offset_and_are_answered_in_one_form() {
    let server = Server::start().await;
    let id = server.person("bobby").await;
    let object = format!("/local-users/{id}");
    for (sent, answered) in [
        ("2020-08-20T10:00:00Z", Some("2020-08-20T10:00:00.000000Z")),
        ("2020-08-20t10:00:00z", Some("2020-08-20T10:00:00.000000Z")),
        ("2020-08-20T12:00:00+02:00", Some("2020-08-20T10:00:00.000000Z")),
        ("2020-08-20T00:30:00.5-09:30", Some("2020-08-20T10:00:00.500000Z")),
        ("2020-08-20T10:00:00-00:00", Some("2020-08-20T10:00:00.000000Z")),
        ("2020-08-20T10:00:00.123456789Z", Some("2020-08-20T10:00:00.123456Z")),
        ("1969-12-31T23:59:59.999999Z", Some("1969-12-31T23:59:59.999999Z")),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000000Z")),
        ("9999-12-30T21:59:59.999999Z", Some("9999-12-30T21:59:59.999999Z")),
        ("", None),
        ("2020-08-20", None),
        ("2020-08-20T10:00:00", None),
        ("2020-02-30T10:00:00Z", None),
        ("-000001-01-01T00:00:00Z", None),
        ("+012020-01-01T00:00:00Z", None),
        ("1597917600", None),
    ] {
        let body = with("/local-users", "bobby", json!({ "lockStart": sent }));
        let answer = server.put(&object, body).await;
        match answered {
            Some(time) => {
                assert_eq!(answer.expect(200).json["lockStart"], time);
                assert_eq!(server.get(&object).await.json["lockStart"], time);
            }
            None => assert_eq!(answer.faults(), ["lockStart"], "{sent}"),
        }
    }
    let body = with("/local-users", "bobby", json!({ "lockStart": null }));
    assert_eq!(server.put(&object, body).await.expect(200).json["lockStart"], Value::Null);
}
