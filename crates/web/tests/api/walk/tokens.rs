//! Tokens that are almost right, in headers that are almost right, for every operation that takes one: 401, and nothing done.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    document::{Operation, operations},
    snapshot::Snapshot,
};
use crate::{
    client::Call,
    harness::{ADMIN_PASSWORD, DEVICE, Server},
};

/// A token with both letters in which the two alphabets of base64 differ.
async fn telling_token(server: &Server) -> String {
    loop {
        let token = server.token_of("local", "admin", ADMIN_PASSWORD).await;
        if token.contains('+') && token.contains('/') {
            return token;
        }
    }
}

/// Every other text of the same bits that some reader of base64 takes for the same.
fn spellings(token: &str) -> Vec<String> {
    let bits = STANDARD.decode(token).unwrap();
    let (bare, last) = (token.trim_end_matches('='), token.len() - 2);
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    // The last letter has two bits that say nothing.
    let value = letters.iter().position(|letter| token[last..].starts_with(*letter)).unwrap();
    let spare = (1..4).map(|more| format!("{}{}=", &token[..last], letters[value + more]));
    let mut all: Vec<String> = spare.collect();
    assert_eq!(value % 4, 0, "of the canonical spelling both are zero");
    all.extend([
        STANDARD_NO_PAD.encode(&bits),
        URL_SAFE.encode(&bits),
        format!("{bare}=="),
        format!("{token}="),
        format!("{token} "),
        format!("{token}\t"),
        format!(" {token}"),
        format!("{} {}", &token[..20], &token[20..]),
        format!("\"{token}\""),
        token.replace('=', "%3D"),
        token.replace('+', " "),
        token.replace('/', "%2F"),
        token.to_lowercase(),
        token.to_uppercase(),
        STANDARD.encode(token),
        // What the database holds of it opens nothing.
        STANDARD.encode(Sha256::digest(token)),
        STANDARD.encode(Sha256::digest(&bits)),
        bits.iter().map(|byte| format!("{byte:02x}")).collect(),
        Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect(),
        token.chars().rev().collect(),
        format!("{token}{token}"),
        format!("{token},{token}"),
        format!("{token}\u{e9}"),
    ]);
    // More than one space may stand before a token.
    all.retain(|spelling| spelling.trim_start_matches(' ') != token);
    all
}

/// Values of the header that are almost the token's.
fn wrong_values(token: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut bearer = |token: &[u8]| all.push([b"Bearer ", token].concat());
    (0..token.len()).for_each(|length| bearer(&token.as_bytes()[..length]));
    (1..token.len()).for_each(|begin| bearer(&token.as_bytes()[begin..]));
    for bit in 0..token.len() * 8 {
        let mut flipped = token.as_bytes().to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // What no header can hold does not come so far.
        if flipped[bit / 8] >= 0x20 && flipped[bit / 8] != 0x7f {
            bearer(&flipped);
        }
    }
    spellings(token).iter().for_each(|spelling| bearer(spelling.as_bytes()));
    let basic = STANDARD.encode(format!("admin:{token}"));
    let shapes = [
        token.to_owned(),
        format!("Bearer{token}"),
        format!("Bearer: {token}"),
        format!("Bearer={token}"),
        format!("Bearer\t{token}"),
        format!("Bearer token={token}"),
        format!("Bearer Bearer Bearer {token}"),
        format!("Bearer Basic {token}"),
        format!("Token {token}"),
        format!("Basic {token}"),
        format!("Basic {basic}"),
        format!("Digest username=\"admin\", response=\"{token}\""),
        format!("Bearer x, Bearer {token}"),
        format!("Bearer {token}, Bearer x"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
    ];
    all.extend(shapes.map(String::into_bytes));
    assert!(all.len() > 400, "{}", all.len());
    all
}

fn secured() -> Vec<Operation> {
    operations().into_iter().filter(Operation::is_secured).collect()
}

/// A request for an operation, without any token.
fn call(server: &Server, operation: &Operation, query: &str) -> Call {
    let path = format!("{}{query}", operation.filled(DEVICE));
    server.call(&operation.method, &path).anonymous()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_almost_a_token_is_none() {
    let server = Server::start().await;
    let token = telling_token(&server).await;
    let wrong = wrong_values(&token);
    let secured = secured();
    let before = Snapshot::of(&server).await;
    // All of them, a part with each operation, so that each operation has some of every sort.
    for (number, value) in wrong.iter().enumerate() {
        let operation = &secured[number % secured.len()];
        let answer = call(&server, operation, "").header("authorization", value).send().await;
        assert_eq!(answer.status, 401, "{} with {:?}", operation.name(), String::from_utf8_lossy(value));
    }
    for operation in &secured {
        for value in wrong.iter().step_by(wrong.len() / 12) {
            call(&server, operation, "").header("authorization", value).send().await.expect(401);
        }
    }
    Snapshot::of(&server).await.assert_same(&before, &[], "tokens that are none");
    server.call("GET", "/local-users").token(&token).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_once_and_in_its_header_alone() {
    let server = Server::start().await;
    let token = telling_token(&server).await;
    let good = format!("Bearer {token}");
    let before = Snapshot::of(&server).await;
    for operation in secured() {
        for pair in [[&good, &good], [&good, &"Bearer x".to_owned()], [&"Bearer x".to_owned(), &good]] {
            let twice = call(&server, &operation, "").header("authorization", pair[0]).header("authorization", pair[1]);
            twice.send().await.expect(401);
        }
        for name in ["access_token", "token", "authorization", "bearer"] {
            let escaped = form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>();
            call(&server, &operation, &format!("?{name}={escaped}")).send().await.expect(401);
            let form = call(&server, &operation, "").header("content-type", "application/x-www-form-urlencoded");
            form.body(format!("{name}={escaped}")).send().await.expect(401);
        }
        for name in ["cookie", "x-auth-token", "proxy-authorization", "x-authorization", "x-forwarded-authorization"] {
            call(&server, &operation, "").header(name, &good).send().await.expect(401);
        }
        for name in ["token", "session", "__Host-portreeve-session", "authorization"] {
            call(&server, &operation, "").header("cookie", format!("{name}={token}")).send().await.expect(401);
        }
    }
    Snapshot::of(&server).await.assert_same(&before, &[], "tokens in the wrong place");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_has_no_case() {
    let server = Server::start().await;
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer Bearer", "bearer BEARER", "Bearer  "] {
        let value = format!("{scheme} {}", server.token);
        let answer = server.call("GET", "/authorization").anonymous().header("authorization", value).send().await;
        assert_ne!(answer.expect(200).json["token"], Value::Null);
    }
}
