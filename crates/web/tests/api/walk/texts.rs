//! Texts that break things elsewhere, in every field, every parameter, every path and every header: each is refused in clear words
//! or kept and given back as it was sent; none becomes a fault of ours, a header, or a line of the log.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    document::{self, Operation, fields, key, may_be, operations, resolve, with_bodies},
    samples::Sample,
};
use crate::{
    client::Answer,
    harness::{DEVICE, PASSWORD, Server, logged},
};

/// In every text: what no log may hold, as no value of a request is logged.
const MARK: &str = "nasty4711";
/// Stands in a body for what is put there byte by byte.
const PLACE: &str = "put it here";

/// What stands between the quotes of a JSON text, and what it means, if it means anything.
fn texts() -> Vec<(Vec<u8>, Option<String>)> {
    let mut all: Vec<(Vec<u8>, Option<String>)> = Vec::new();
    let mut add = |text: &str| {
        let quoted = json!(text).to_string();
        all.push((quoted.as_bytes()[1..quoted.len() - 1].to_vec(), Some(text.to_owned())));
    };
    for text in [
        "a\r\nInjected: nasty4711",
        "a\nInjected nasty4711",
        "a\rInjected nasty4711",
        "a\u{0}nasty4711",
        "\u{202e}nasty4711\u{2066}",
        "nasty4711\u{200b}\u{200d}\u{feff}",
        "\u{1b}[2J\u{1b}]0;nasty4711\u{7}",
        "\u{85}nasty4711\u{2028}\u{2029}",
        "nasty4711\u{1}\u{2}",
        "nasty4711\"}],\"x\":{\"y\":\"",
        "nasty4711\\\"\\u0000\\",
        "nasty4711' OR '1'='1'; DROP TABLE accounts; --",
        "nasty4711%' ESCAPE '",
        "nasty4711%_\\%\\_",
        "nasty4711$1 $$ {{7*7}} ${jndi:ldap://x/} <%= 7 %> #{7}",
        "nasty4711%00%0d%0a%2e%2e%2f",
        "../../../../etc/passwd#nasty4711",
        "<script>alert('nasty4711')</script>\"><img src=x onerror=alert(1)>",
        "=cmd|' /C calc'!nasty4711",
        "nasty4711\u{fffe}\u{ffff}\u{10ffff}\u{e000}",
        "nasty4711\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "nasty4711\u{130} \u{df} \u{fdfa} \u{fb03}",
        "CN=nasty4711,OU=local,CN=admin",
        "CN=nasty4711\\2C\\,OU=service",
    ] {
        add(text);
    }
    add(&format!("nasty4711{}", "\u{fdfa}".repeat(300)));
    add(&format!("nasty4711x{}", "\u{301}".repeat(300)));
    add(&format!("nasty4711{}", "x".repeat(1_000_000)));
    for raw in [
        &b"nasty4711\\ud800"[..],
        b"nasty4711\\udc00\\ud800",
        b"nasty4711\xc0\xaf",
        b"nasty4711\xe0\x80\xaf",
        b"nasty4711\xed\xa0\x80",
        b"nasty4711\xf4\x90\x80\x80",
        b"nasty4711\xff\xfe",
        b"nasty4711\x00",
        b"nasty4711\n",
    ] {
        all.push((raw.to_vec(), None));
    }
    all
}

/// Where texts are in a body, with values in lists and maps.
fn places(schema: &'static Value, at: &str, found: &mut Vec<String>) {
    for (field, schema) in fields(schema) {
        let schema = resolve(schema);
        let at = format!("{at}/{field}");
        if may_be(schema, "array") {
            let item = resolve(&schema["items"]);
            let at = format!("{at}/0");
            if item["properties"].is_object() { places(item, &at, found) } else { found.push(at) }
        } else if schema["properties"].is_object() {
            places(schema, &at, found);
        } else if may_be(schema, "object") {
            found.extend([format!("{at}/key"), format!("{at}/{PLACE}")]);
        } else if may_be(schema, "string") {
            found.push(at);
        }
    }
}

/// The body with the place holder where a path leads.
fn with_place(body: &Value, place: &str) -> Value {
    let mut body = body.clone();
    let mut at = &mut body;
    let mut steps = place.trim_start_matches('/').split('/').peekable();
    while let Some(step) = steps.next() {
        let inner = if steps.peek().is_some_and(|next| *next == "0") { json!([]) } else { json!({}) };
        at = match at {
            Value::Array(items) => {
                if items.is_empty() {
                    items.push(json!({}));
                }
                &mut items[0]
            }
            object => {
                let slot = &mut object[step];
                if slot.is_null() && steps.peek().is_some() {
                    *slot = inner;
                }
                slot
            }
        };
    }
    *at = json!(PLACE);
    body
}

fn filled(body: &Value, text: &[u8]) -> Vec<u8> {
    let json = body.to_string();
    let (before, after) = json.split_once(PLACE).unwrap();
    [before.as_bytes(), text, after.as_bytes()].concat()
}

/// What is no fault of ours, and no header of somebody else's.
#[track_caller]
fn assert_well(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.json);
    for (name, value) in &answer.headers {
        assert!(!name.as_str().contains("injected") && !value.as_bytes().contains(&b'\n'), "{what}: {name}: {value:?}");
    }
    if answer.status >= 400 {
        let message = answer.json["message"].as_str().unwrap();
        assert!(message.len() < 2_000 && !message.contains(char::is_control), "{what}: {message:?}");
    }
}

#[track_caller]
fn assert_unlogged() {
    let log = logged();
    let line = log.lines().find(|line| line.contains(MARK));
    assert!(line.is_none(), "{line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_in_bodies_are_refused_or_kept_as_they_are() {
    let server = Server::start().await;
    let texts = texts();
    let step = if std::env::var_os("WALK_ALL").is_some() { 1 } else { 3 };
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    let mut number = 0;
    for operation in with_bodies() {
        let schema = operation.takes().unwrap();
        let mut all = Vec::new();
        places(schema, "", &mut all);
        let sample = |number: usize| Sample::named(&format!("nasty {number}"));
        let (path, mut base) = sample(number).request(&server, &operation).await;
        for (index, place) in all.into_iter().enumerate() {
            // Unless all is asked for, each place has some of the texts, and each text comes to some of the places.
            for (text, meant) in texts.iter().skip(index % step).step_by(step) {
                number += 1;
                if operation.method == "POST" && operation.collection().is_none() {
                    base = sample(number).body(schema);
                }
                // Hashing is not what is looked at.
                if operation.makes() {
                    base.as_object_mut().unwrap().remove("password");
                }
                let body = filled(&with_place(&base, &place), text);
                let what =
                    format!("{} {place} {:?}", operation.name(), String::from_utf8_lossy(&text[..text.len().min(60)]));
                let token = match operation.path.as_str() {
                    // Its sessions may end by it.
                    path if operation.privilege().is_none() && operation.is_secured() => {
                        server.person(&format!("nasty {number}")).await;
                        assert!(!path.contains('{'));
                        server.token_of("local", &format!("nasty {number}"), PASSWORD).await
                    }
                    _ => server.token.clone(),
                };
                let answer = server.call(&operation.method, &path).token(&token).body(body).send().await;
                assert_well(&answer, &what);
                *counts.entry(answer.status).or_default() += 1;
                match meant {
                    None => assert_eq!(answer.status, 400, "{what}: {}", answer.json),
                    Some(meant) if answer.status == 200 => {
                        check_kept(&server, &operation, &path, &place, meant, &answer, &what).await
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert!(counts[&200] > 200 && counts[&422] > 400, "{counts:?}");
    assert_unlogged();
}

/// What was taken is there as it was sent, wherever the answer has the field.
async fn check_kept(
    server: &Server,
    operation: &Operation,
    path: &str,
    place: &str,
    meant: &str,
    answer: &Answer,
    what: &str,
) {
    let expected = if place.ends_with(PLACE) { json!(PLACE) } else { json!(meant) };
    let place = place.replace(PLACE, &meant.replace('~', "~0").replace('/', "~1"));
    let stored = if operation.makes() {
        let escaped: String = form_urlencoded::byte_serialize(key(&answer.json).as_bytes()).collect();
        server.get(&format!("{path}/{}", escaped.replace('+', "%20"))).await.expect(200).json
    } else if operation.method == "PUT" && document::operation("GET", &operation.path).is_some() {
        server.get(path).await.expect(200).json
    } else {
        return;
    };
    for json in [&answer.json, &stored].into_iter().filter(|json| !json.is_null()) {
        match json.pointer(&place) {
            Some(kept) => assert_eq!(*kept, expected, "{what}"),
            None => assert_eq!(place, "/password", "{what}: is not there: {json}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_in_parameters_and_paths_are_refused_or_mean_nothing() {
    let server = Server::start().await;
    server.person("bobby").await;
    let mut asked = 0;
    for operation in operations() {
        for (text, meant) in texts() {
            // Longer ones do not come through the head of a request.
            let bytes = meant.map_or(text, String::into_bytes);
            let bytes = &bytes[..bytes.len().min(20_000)];
            let escaped = form_urlencoded::byte_serialize(bytes).collect::<String>().replace('+', "%20");
            let what = |part: &str| format!("{} with {escaped:.90} in {part}", operation.name());
            let mut names = operation.parameters("query");
            if operation.lists() {
                names.extend(["filterBy[name]", "id", "state", "disabled", "failedLoginAttempts", "created"]);
            }
            for name in names {
                let path = format!("{}?{name}={escaped}", operation.filled(DEVICE));
                let answer = server.call(&operation.method, &path).send().await;
                assert_well(&answer, &what(name));
                asked += 1;
            }
            if operation.lists() {
                let path = format!("{}?{escaped}=x&filterBy[{escaped}]=x", operation.path);
                let answer = server.call("GET", &path).send().await.expect(422);
                assert_well(&answer, &what("the name of a parameter"));
            }
            if operation.collection().is_some() {
                let answer = server.call(&operation.method, &operation.filled(&escaped)).send().await;
                assert_well(&answer, &what("the path"));
                assert!([400, 403, 404].contains(&answer.status), "{}: {}", what("the path"), answer.json);
                asked += 1;
            }
        }
    }
    assert!(asked > 3_000, "{asked}");
    assert_unlogged();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_in_headers_are_refused_or_mean_nothing() {
    let server = Server::start().await;
    let values: Vec<Vec<u8>> = texts()
        .into_iter()
        .map(|(text, meant)| {
            let mut value = meant.map_or(text, String::into_bytes);
            // What no header can hold does not come so far.
            value.retain(|byte| *byte >= 0x20 && *byte != 0x7f);
            value.truncate(60_000);
            value
        })
        .collect();
    let send = async |method: &str, path: &str, name: &str| {
        for value in &values {
            let call = server.call(method, path);
            let call = if name == "authorization" { call.anonymous() } else { call };
            let answer = call.header(name, value).send().await;
            assert_well(&answer, &format!("{method} {path} with {name}: {value:?}"));
        }
    };
    for operation in operations() {
        for name in operation.parameters("header") {
            send(&operation.method, &operation.filled(DEVICE), name).await;
        }
    }
    let others =
        ["accept", "accept-language", "authorization", "content-type", "cookie", "origin", "range", "user-agent"];
    for name in others {
        for path in ["/local-users?range=0-0", "/version", "/healthz", "/nowhere"] {
            send("GET", path, name).await;
        }
    }
    assert_unlogged();
}
