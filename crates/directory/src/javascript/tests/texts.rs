//! Whether a text is a script, and where it is not.

use super::*;

async fn fault(text: &str) -> Option<(u32, u32, String)> {
    let fault = engine().check(text.into()).await.expect("checks")?;
    Some((fault.line, fault.column, fault.message))
}

#[tokio::test]
async fn texts_that_are_scripts() {
    for text in [
        "",
        "return true",
        "return true // a comment to the end",
        "return true /* a comment */",
        "<!-- as in old pages\nreturn true\n--> here too",
        "'use strict'; return this === undefined",
        "function f(a) { return a; } return f(true)",
        "return (claims => ({ m() { return `${claims}}`; } }))(1).m() === '1}'",
        "async function f() { for await (var x of []) {} } function* g() { yield 1; } return true",
        "var n = 'ward 5n', m = /[0-9]n/; // 7n, 0x1fn\nreturn `${n} 8n` === m",
        "label: for (;;) { break label; } with (claims) { user; } return true;",
    ] {
        assert_eq!(fault(text).await, None, "{text}");
        assert!(!matches!(verdict(text).await, Err(ScriptFault::Threw(message)) if message.contains("line")), "{text}");
    }
}

#[tokio::test]
async fn faults_have_their_place_in_the_text() {
    for (text, line, column, message) in [
        ("var a = ;", 1, 9, "unexpected token in expression: ';'"),
        ("\n\n  var é𝒳 = 1;   \"äöü𝒳\" + ;", 3, 26, "unexpected token in expression: ';'"),
        ("var a;\r\nreturn a +* 1", 2, 11, "unexpected token in expression: '*'"),
        ("return true\n/* no end", 2, 1, "unexpected end of comment"),
        ("if (true) {", 1, 12, "at the end of the script: Unexpected token ')'"),
        ("if (true) {\n  return true\n", 3, 1, "at the end of the script: Unexpected token ')'"),
        ("return 'abc", 1, 8, "unexpected end of string"),
        ("return `abc", 1, 8, "unexpected end of string"),
        ("let a; let a;", 1, 13, "invalid redefinition of lexical identifier"),
        ("return 1;\nvar r = /(?<a>/;", 2, 15, "expecting ')'"),
        ("await x", 1, 7, "expecting ';'"),
        ("return super.x", 1, 13, "'super' is only valid in a method"),
        ("return 1n", 1, 9, "big integers cannot be used"),
        ("var n = '5n';\nreturn [0x1Fn, 'a', 1_0n]", 2, 13, "big integers cannot be used"),
        ("return `${ 2n ** 9n }`", 1, 13, "big integers cannot be used"),
        ("return '\0'", 1, 1, "the script has a character that no script may have"),
    ] {
        assert_eq!(fault(text).await, Some((line, column, message.into())), "{text}");
        let told = format!("line {line}, column {column}: {message}");
        assert_eq!(verdict(text).await, Err(threw(&told)), "{text}");
    }
}

#[tokio::test]
async fn texts_that_are_too_much() {
    let long = "x".repeat(65_537);
    assert_eq!(fault(&long).await.expect("is a fault").2, "the script is longer than 65536 bytes");
    for deep in ["(", "[", "{", "`${", "x => ", "(class { [", "new ", "- ", "a ** "] {
        let text = format!("return 1;\n{}", deep.repeat(60_000 / deep.len()));
        let (line, _, message) = fault(&text).await.expect("is a fault");
        assert_eq!((line, &*message), (2, "it is nested too deeply"), "{deep}");
    }
    let pattern = format!("return /{}/.test('')", "(?:".repeat(20_000));
    assert_eq!(fault(&pattern).await.expect("is a fault").2, "it is nested too deeply");
    let slow = format!("return /{}/iu.test('')", r"\p{L}".repeat(3_000));
    assert_eq!(fault(&slow).await.expect("is a fault").2, "the script takes too long to compile");
}

/// Each closes the function early and opens another, so that what is in between would run when the script is compiled, in
/// everybody's scope.
#[tokio::test]
async fn texts_that_break_out() {
    let engine = engine();
    let texts = [
        "return true; }); let Array = 1; (function () {",
        "return true; } }); let Array = 1; ({ m() {",
        "return true; }, function () {",
        "return true; }, x: (function () { for (;;) {} })(), m() {",
        "return true; } (function () { for (;;) {} })(); function g() {",
        "return true; } let f = 1; function g() {",
        "return true; } }); let f = 1; ({ m(claims) {",
        "return true; }; }); var Array = 1; (function () { return function () {",
        "return true; }[claims] = function () {",
        "return true; } * function () {",
        "return true; } `${f}` + function () {",
        "return true; } /* */ , { m() {",
        "return true; } static { } m() {",
        "return true;\n}\n-->, function () {",
        "}",
        "{",
        "*/ }, function () { /*",
    ];
    for text in texts {
        assert!(engine.check(text.into()).await.expect("checks").is_some(), "{text}");
    }
    // The stored ones are not trusted either.
    let mut policies = texts.to_vec();
    policies.push("return Array.isArray([]) && typeof f === 'undefined' && typeof g === 'undefined'");
    let mut found = verdicts(&engine, 1, &policies).await;
    assert_eq!(found.pop(), Some(Ok(true)));
    for (result, text) in found.into_iter().zip(texts) {
        assert!(matches!(result, Err(ScriptFault::Threw(message)) if message.starts_with("line ")), "{text}");
    }
}
