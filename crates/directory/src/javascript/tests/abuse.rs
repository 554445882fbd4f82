//! What scripts may try against the limits. None may get away with it, and the next script must not feel it.

use super::*;

const LIST: &str = "RangeError: the list is too long";
const TEXT: &str = "RangeError: the text is too long";
const PATTERN: &str = "RangeError: the regular expression is too long";

/// A list that is as long as lists can be, with nothing in it.
const SPARSE: &str = "var a = []; a.length = 4294967295; ";
/// Lists in lists, a few dozen of them, that are a thousand million when each is followed.
const FOLDED: &str = "var a = []; for (var i = 0; i < 30; i++) { a = [a, a]; } ";

/// Each runs beside a good one in the same engine, which has to be right before and after.
async fn all(cases: &[(String, Option<&str>)]) {
    let metrics = Metrics::default();
    let engine = Engine::start(1, metrics.clone()).expect("starts");
    let good = "return claims.user.groups.indexOf('y') === 1";
    for (version, (text, refusal)) in (1..).zip(cases) {
        let found = verdicts(&engine, version, &[good, text, good]).await;
        assert_eq!((&found[0], &found[2]), (&Ok(true), &Ok(true)), "beside {text}");
        match refusal {
            Some(message) => assert_eq!(found[1], Err(threw(message)), "{text}"),
            // Which limit it meets first depends on the machine.
            None => assert!(found[1].as_ref().is_err_and(ScriptFault::is_exhaustion), "{text}: {:?}", found[1]),
        }
    }
    assert_eq!(faults(&metrics, "stuck"), 0);
}

fn refused(head: &str, with: &'static str, texts: &[&str]) -> Vec<(String, Option<&'static str>)> {
    texts.iter().map(|text| (format!("{head}{text}; return true"), Some(with))).collect()
}

fn exhausted(head: &str, texts: &[&str]) -> Vec<(String, Option<&'static str>)> {
    texts.iter().map(|text| (format!("{head}{text}; return true"), None)).collect()
}

#[tokio::test]
async fn long_lists() {
    let methods = [
        "at",
        "indexOf",
        "includes",
        "lastIndexOf",
        "join",
        "sort",
        "reverse",
        "flat",
        "slice",
        "splice",
        "shift",
        "unshift",
        "copyWithin",
        "fill",
        "toReversed",
        "toSorted",
        "toSpliced",
        "with",
        "toLocaleString",
    ];
    let mut calls: Vec<String> = methods[1..].iter().map(|name| format!("a.{name}(1)")).collect();
    for name in
        ["forEach", "map", "filter", "every", "some", "find", "findIndex", "findLast", "findLastIndex", "flatMap"]
    {
        calls.push(format!("a.{name}(Boolean)"));
        calls.push(format!("Array.prototype.{name}.call({{ length: 9007199254740991 }}, Boolean)"));
    }
    calls.extend(
        ["a.reduce(Math.max, 0)", "a.reduceRight(Math.max, 0)", "[].concat(a, a)", "String(a)"].map(String::from),
    );
    calls.extend(
        ["JSON.stringify({}, a)", "new Set(a)", "Array.from(a)", "Object.keys(a)", "[a].flat()"].map(String::from),
    );
    calls.extend(
        ["[1].flatMap(function () { return a; })", "String.raw({ raw: a })", "Math.max.apply(null, a)"]
            .map(String::from),
    );
    calls.push("Array.prototype.indexOf.call({ length: Number.MAX_SAFE_INTEGER }, 1)".into());
    calls.push("String.raw({ raw: { length: 1e15 } })".into());
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    all(&refused(SPARSE, LIST, &calls)).await;
    all(&exhausted(
        SPARSE,
        &["[...a]", "Math.max(...a)", "var [b, ...c] = a", "JSON.stringify(a)", "JSON.stringify([a])"],
    ))
    .await;
}

/// What a script says of itself when it is measured and what it says when it is used may be two things.
#[tokio::test]
async fn lists_and_texts_that_change() {
    let head = "var n = 0, a = { get length() { return n++ ? 1e15 : 1; } }, t = 'a'.repeat(1e6); ";
    all(&refused(
        head,
        "TypeError: this is not a list",
        &["Array.prototype.indexOf.call(a, 1)", "Array.prototype.join.call(a)"],
    ))
    .await;
    let lazy = "var n = 0, o = { toString: function () { return n++ ? 'a'.repeat(5e5) + 'b' : 'b'; } }; ";
    let head = format!("{lazy}var t = 'a'.repeat(1e6); ");
    let texts =
        ["t.includes(o)", "t.split(o)", "t.replace(o, '')", "t.indexOf(o)"].map(|call| format!("{call}; {call}"));
    all(&refused(&head, TEXT, &texts.each_ref().map(String::as_str))).await;
    let grows =
        "var a = [1, 2]; a.fill(0, { valueOf: function () { a.length = 4294967295; return 0; } }); return a[1] === 0";
    assert_eq!(verdict(grows).await, Ok(true));
}

#[tokio::test]
async fn lists_in_lists() {
    let calls = [
        "a.flat(Infinity)",
        "JSON.stringify(a)",
        "JSON.stringify(a, ['x'])",
        "a.join('')",
        "String(a)",
        "[a].toLocaleString()",
    ];
    all(&exhausted(FOLDED, &calls)).await;
    let object = "var a = {}; for (var i = 0; i < 30; i++) { a = { x: a, y: a }; } ";
    all(&exhausted(object, &["JSON.stringify(a)", "JSON.stringify(a, ['x', 'y'])"])).await;
    let deep = "var o = {}; for (var i = 0; i < 20000; i++) { o = { o }; } ";
    all(&exhausted(deep, &["JSON.stringify(o)"])).await;
    all(&exhausted("", &["JSON.parse('['.repeat(1e5))"])).await;
}

#[tokio::test]
async fn long_texts() {
    let head = "var t = 'a'.repeat(4e6), n = 'a'.repeat(2e6) + 'b', m = '\\u0301\\u0300\\u0323'.repeat(3e4); ";
    let calls = [
        "t.includes(n)",
        "t.indexOf(n)",
        "t.lastIndexOf(n)",
        "t.split(n)",
        "t.replace(n, '')",
        "t.replaceAll(n, '')",
        "t.toUpperCase()",
        "t.trim()",
        "m.normalize('NFD')",
        "m.localeCompare(m + 'a')",
        "t.match(n)",
        "t.search('a')",
        "/b/.test(t)",
        "t.slice(1)",
        "t.padEnd(1)",
        "JSON.parse(t)",
        "parseInt(t)",
        "encodeURIComponent(t)",
        "Date.parse(t)",
        "new Date(t)",
        "new Map().set(t, 1)",
        "new Set([]).has(t)",
        "t.slice(0, 9e5).includes('a'.repeat(4e5) + 'b')",
    ];
    all(&refused(head, TEXT, &calls)).await;
    all(&refused(head, PATTERN, &["new RegExp('a'.repeat(9e5))", "RegExp('[a-z]'.repeat(2000), 'iu')"])).await;
    all(&refused("", "InternalError: string too long", &["var s = 'x'; for (;;) { s += s; }"])).await;
}

/// Calls that are short each, so short that the engine would not look at the clock for a long time.
#[tokio::test]
async fn short_calls_without_end() {
    let head = "var t = 'a'.repeat(5e5), l = Array(5e4).fill(1), s = new Set(l.map(function (_, i) { return i; })), \
                o = Object.fromEntries(l.slice(0, 9e3).map(function (_, i) { return ['k' + i, i]; })); for (;;) { ";
    let calls = [
        "t.toUpperCase()",
        "t.includes('b')",
        "t.split('b')",
        "t.slice(0, 9e3).normalize()",
        "t.slice(0, 4e3).localeCompare(t.slice(0, 4e3))",
        "encodeURIComponent(t)",
        "parseFloat(t)",
        "t.slice(1)",
        "'a'.repeat(1e6)",
        "'a'.padEnd(1e6)",
        "t.replace('b', 'c')",
        "/b/.test(t)",
        "t.match(/b/g)",
        "l.indexOf(2)",
        "l.slice()",
        "l.join('')",
        "l.concat(l)",
        "l.map(Boolean)",
        "l.sort()",
        "l.reverse()",
        "l.fill(2)",
        "new Set(l)",
        "s.union(s)",
        "s.isSubsetOf(s)",
        "Array.from(s)",
        "Object.keys(o)",
        "Object.assign({}, o)",
        "JSON.stringify(o)",
        "JSON.parse('[' + l + ']')",
        "Math.max.apply(null, l)",
        "new RegExp('[a-z]'.repeat(900), 'iu')",
        "new Date('1'.repeat(1e5))",
        "try { t.repeat(9) } catch (e) {}",
        "(async function () {})()",
    ];
    let calls = calls.map(|call| format!("{call}; }}"));
    all(&exhausted(head, &calls.each_ref().map(String::as_str))).await;
}

#[tokio::test]
async fn without_end() {
    let texts = [
        "for (;;) {}",
        "while (true) { try { throw 1; } catch (e) {} finally { continue; } }",
        "function f() { try { f(); } finally { f(); } } f()",
        "(function f() { return f(...arguments, 1); })()",
        "for (var x of { [Symbol.iterator]: function () { return { next: function () { return { done: false }; } }; } }) {}",
        "(function* g() { for (;;) { yield* g(); } })().next()",
        "new (class { constructor() { for (;;) {} } })",
        "/(a+)+b/.test('a'.repeat(100))",
        "/(a*)*b/.test('a'.repeat(1e5))",
        "'a'.repeat(1e4).replace(/a*a*a*a*b/g, '')",
        "'a'.repeat(1e6).replace(/a/g, '')",
        "[3, 1, 2].sort(function () { for (;;) {} })",
        "JSON.parse('[1]', function () { for (;;) {} })",
        "`${{ toString: function () { for (;;) {} } }}`",
        "var m = new Map([[1, 1]]); m.forEach(function (v, k) { m.delete(k); m.set(k + 1, 1); })",
        "var f = function (x) { return x; }; for (var i = 0; i < 1e5; i++) { f = f.bind(null, i); } f()",
        "var a = [1]; for (var x of a) { a.push(x); }",
        "var o = {}; for (var i = 0; ; i++) { o['k' + i] = i; }",
        "var t = 'x'.repeat(1e6), u = t + 'a', v = t + 'a', a = []; for (var i = 0; i < 3e4; i++) { a.push(i % 2 ? u : v); } a.sort()",
        "throw { get message() { for (;;) {} } }",
        "throw { toString: function () { for (;;) {} } }",
        "var s = ''; for (;;) { s += 'abc'; s = s + s.slice(0, 5); }",
    ];
    all(&exhausted("", &texts)).await;
}

/// What a wrapper does before it hands over to the engine, told by the signs of life that a look at the clock gives.
#[tokio::test]
async fn no_call_that_may_take_long_is_made_without_a_look_at_the_clock() {
    let engine = engine();
    let Ok(Answer::Done(pulse)) = engine.ask(|worker| worker.pulse.clone()).await else { panic!("it answers") };
    let head = "var t = 'a'.repeat(1200), l = Array(1200).fill(1), s = new Set(l), m = new Map([[1, 2]]), o = { a: 1 }, r = /b/g; \
                for (var i = 0; i < 30; i++) { ";
    let calls = [
        "t.toUpperCase()",
        "t.trim()",
        "t.includes('b')",
        "t.split('b')",
        "t.replace('b', 'c')",
        "t.match(r)",
        "t.search(r)",
        "t.slice(1)",
        "t.normalize()",
        "t.localeCompare('b')",
        "'a'.repeat(9)",
        "'a'.padEnd(9)",
        "'a'.concat('b')",
        "r.test(t)",
        "r.exec(t)",
        "encodeURIComponent(t)",
        "parseFloat(t)",
        "l.indexOf(2)",
        "l.includes(2)",
        "l.lastIndexOf(2)",
        "l.slice()",
        "l.join('')",
        "l.concat(l)",
        "l.map(Boolean)",
        "l.flat()",
        "i < 3 ? l.sort() : l.reverse()",
        "l.reverse()",
        "l.fill(2)",
        "[1].join()",
        "new Set(l)",
        "new Map()",
        "s.union(s)",
        "s.isSubsetOf(s)",
        "s.has(t)",
        "m.get(t)",
        "Array.from(s)",
        "Object.keys(o)",
        "Object.assign({}, o)",
        "Object.freeze([])",
        "Reflect.ownKeys(o)",
        "JSON.stringify(o)",
        "JSON.parse('\"' + t + '\"')",
        "Math.max.apply(null, l)",
        "Reflect.apply(Math.max, null, l)",
        "new RegExp('a')",
        "new Date(t)",
        "String.raw({ raw: l })",
    ];
    for (version, call) in (1..).zip(calls) {
        let text = format!("{head}{call}; }} return true");
        // The first time the engine is made, which is a sign of life too.
        assert_eq!(verdicts(&engine, version, &[&text]).await, [Ok(true)], "{text}");
        let before = pulse.beats();
        assert_eq!(verdicts(&engine, version, &[&text]).await, [Ok(true)], "{text}");
        assert!(pulse.beats() - before >= 30, "{text}");
    }
}

/// A limit that is met is met for good, whatever the script does about it.
#[tokio::test]
async fn limits_cannot_be_caught() {
    let texts = [
        "try { for (;;) {} } catch (e) { return true; } finally { return true; }",
        "try { for (;;) { 'a'.repeat(1e6).toUpperCase(); } } catch (e) { return true; } finally { return true; }",
        "for (;;) { try { for (;;) {} } catch (e) {} }",
        "new Set([1]).forEach(function () { try { for (;;) {} } finally { return true; } })",
    ];
    all(&exhausted("", &texts)).await;
    let criteria = [("endless", "for (;;) {}")];
    let policies = ["try { endless(claims); } catch (e) {} return true", "return claims.user.age === 36"];
    let found = evaluate(&engine(), sources(1, &criteria, &[], &policies)).await.policies;
    assert_eq!((&found[0].result, &found[1].result), (&Err(ScriptFault::OutOfTime), &Ok(true)));
}

#[tokio::test]
async fn all_scripts_of_one_login_have_one_second() {
    let policies: Vec<&str> = std::iter::repeat_n("for (;;) {}", 40).chain(["return true"]).collect();
    let engine = engine();
    let found = verdicts(&engine, 1, &policies).await;
    assert!(found.iter().all(|result| *result == Err(ScriptFault::OutOfTime)));
    assert_eq!(verdicts(&engine, 2, &["return true"]).await, [Ok(true)]);
}

/// What one leaves behind is not taken from the memory of the next.
#[tokio::test]
async fn memory_is_given_back() {
    let circles =
        "var a = []; for (var i = 0; i < 9; i++) { var b = ['x'.repeat(1e6) + i]; b.push(b, a); a = b; } return true";
    let jobs = "var s = 'x'.repeat(6e6); (async function () { await 1; return s; })(); return true";
    for leaving in [circles, jobs] {
        let found = verdicts(&engine(), 1, &[leaving; 20]).await;
        assert!(found.iter().all(|result| *result == Ok(true)), "{leaving}: {found:?}");
    }
}

/// The engine's own tables never shrink.
#[tokio::test]
async fn what_cannot_be_given_back_is_thrown_away() {
    let engine = engine();
    let names = "var o = {}; for (var i = 0; i < 1.1e5; i++) { o['k' + i] = 1; } return true";
    assert_eq!(verdicts(&engine, 1, &["return true"]).await, [Ok(true)]);
    assert!(matches!(engine.ask(|worker| worker.has_realm()).await, Ok(Answer::Done(true))));
    assert_eq!(verdicts(&engine, 2, &[names]).await, [Ok(true)]);
    assert!(matches!(engine.ask(|worker| worker.has_realm()).await, Ok(Answer::Done(false))));
}
