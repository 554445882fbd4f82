//! Whether a script can reach out of its run: to what is outside, to other scripts, to its own next run.

use super::*;

/// What a script may try to leave behind, and whether anything is to be seen of it.
const LEAVING: &[(&str, &str)] = &[
    (
        "Array.prototype.left = 1; Array.prototype.indexOf = function () { return 0; };",
        "[].left || ['a'].indexOf('b') === 0",
    ),
    ("Object.prototype.left = 1; Object.prototype.__proto__ = { left: 1 };", "({}).left"),
    ("({}).__proto__.left = 1; ({}).constructor.prototype.left = 1;", "({}).left"),
    ("Object.defineProperty(Object.prototype, 'left', { value: 1 });", "({}).left"),
    ("Object.prototype.toString = function () { return 'left'; };", "String({}) === 'left'"),
    ("String.prototype.includes = function () { return true; };", "'a'.includes('b')"),
    ("left = 1; this.left = 1; globalThis.left = 1;", "typeof left !== 'undefined' || globalThis.left"),
    (
        "Array = null; globalThis.Object = null; delete globalThis.JSON;",
        "!Array || !Object || typeof JSON === 'undefined'",
    ),
    ("undefined = 1; NaN = 1;", "undefined || NaN"),
    (
        "claims.user.name = 'bob'; claims.device.ip = 1; claims.system = 1; claims.left = 1;",
        "claims.user.name !== 'ada' || claims.device.ip === 1 || claims.system === 1 || claims.left",
    ),
    ("claims.user.groups.push('left');", "claims.user.groups.includes('left')"),
    ("Object.defineProperty(claims, 'user', { value: 1 });", "claims.user === 1"),
    (
        "arguments.callee.left = 1; arguments.callee.prototype.left = 1;",
        "arguments.callee.left || arguments.callee.prototype.left",
    ),
    (
        "criterion.left = 1; criterion = null; criterion.prototype = 1;",
        "!criterion || criterion.left || criterion.prototype",
    ),
    ("Object.getPrototypeOf(criterion).left = 1;", "criterion.left"),
    (
        "(function f() { return /x/g; })().lastIndex = 1; RegExp.prototype.lastIndex = 1; RegExp.lastMatch = 1;",
        "(function f() { return /x/g; })().lastIndex || RegExp.prototype.lastIndex || RegExp.lastMatch",
    ),
    ("(function tag(s) { s.left = 1; return s; })`x`.left = 1;", "(function tag(s) { return s; })`x`.left"),
    (
        "Object.getPrototypeOf(function* () {}).left = 1; Object.getPrototypeOf(function* () {}).prototype.left = 1;",
        "(function* () {}).left || (function* () {})().left",
    ),
    ("Object.getPrototypeOf(async function () {}).left = 1;", "(async function () {}).left"),
    ("Object.getPrototypeOf(async function* () {}).left = 1;", "(async function* () {}).left"),
    ("Object.getPrototypeOf((async function () {})()).left = 1;", "(async function () {})().left"),
    ("Object.getPrototypeOf([].values()).next = function () { return { done: true }; };", "[...[1]].length === 0"),
    ("Object.getPrototypeOf(Object.getPrototypeOf([].values())).left = 1;", "[].values().left"),
    ("Object.getPrototypeOf(''.matchAll(/x/g)).left = 1;", "''.matchAll(/x/g).left"),
    (
        "Object.getPrototypeOf((function () { 'use strict'; return Object.getOwnPropertyDescriptor(arguments, 'callee'); })().get).left = 1;",
        "Object.getPrototypeOf(function () {}).left",
    ),
    (
        "(function () { 'use strict'; return Object.getOwnPropertyDescriptor(arguments, 'callee'); })().get.left = 1;",
        "(function () { 'use strict'; return Object.getOwnPropertyDescriptor(arguments, 'callee'); })().get.left",
    ),
    (
        "Error.stackTraceLimit = 5; Error.prepareStackTrace = function () { return 'left'; };",
        "Error.stackTraceLimit || new Error('x').stack",
    ),
    (
        "try { null.x; } catch (e) { Object.getPrototypeOf(e).left = 1; e.constructor.left = 1; }",
        "(function () { try { null.x; } catch (e) { return e.left || e.constructor.left; } })()",
    ),
    ("try { (function f() { f(); })(); } catch (e) { Object.getPrototypeOf(e).left = 1; }", "new RangeError('x').left"),
    ("Symbol.for('left').description; Symbol.iterator.left = 1; Symbol.prototype.left = 1;", "Symbol.iterator.left"),
    (
        "Math.max = Math.min; Math.left = 1; JSON.parse = null; Reflect.left = 1;",
        "Math.max(1, 2) === 1 || Math.left || !JSON.parse || Reflect.left",
    ),
    (
        "Object.getOwnPropertyDescriptor(Object.prototype, 'toString').get.left = 1;",
        "Object.getOwnPropertyDescriptor(Object.prototype, 'toString').get.left",
    ),
    (
        "new Map().set(Object, 1); new WeakMap().set(Object, 1); Map.prototype.get.left = 1;",
        "new Map().get(Object) || Map.prototype.get.left",
    ),
    ("import('left'); (async function () { await 1; Array.prototype.left = 1; })();", "[].left"),
    (
        "Object.setPrototypeOf(Array.prototype, { left: 1 }); Object.setPrototypeOf(globalThis, { left: 1 });",
        "[].left || globalThis.left",
    ),
    (
        "Date.prototype.getTime = function () { return 1; }; Date.UTC = 1;",
        "new Date(0).getTime() === 1 || Date.UTC === 1",
    ),
];

#[tokio::test]
async fn nothing_is_left_behind() {
    let engine = engine();
    for (number, (leave, look)) in (1..).zip(LEAVING) {
        let look = format!("return !({look});");
        let leave = format!("try {{ {leave} }} catch (e) {{}} return true;");
        let strict = format!("'use strict'; {leave}");
        let policies = [&*look, &*leave, &*look, &*strict, &*look];
        let found = evaluate(&engine, sources(number, &[("criterion", "return true")], &[], &policies)).await;
        for (outcome, text) in found.policies.into_iter().zip(policies) {
            assert_eq!(outcome.result, Ok(true), "{leave}\n{text}");
        }
    }
}

/// What a script must not reach, each an expression that is true where it does not.
const ABSENT: &[&str] = &[
    "typeof eval === 'undefined' && typeof Function === 'undefined' && typeof Proxy === 'undefined'",
    "typeof Promise === 'undefined' && typeof setTimeout === 'undefined' && typeof queueMicrotask === 'undefined'",
    "typeof console === 'undefined' && typeof print === 'undefined' && typeof performance === 'undefined'",
    "typeof Atomics === 'undefined' && typeof SharedArrayBuffer === 'undefined' && typeof ArrayBuffer === 'undefined'",
    "typeof WeakRef === 'undefined' && typeof FinalizationRegistry === 'undefined' && typeof Iterator === 'undefined'",
    "typeof BigInt === 'undefined' && typeof Intl === 'undefined' && typeof require === 'undefined'",
    "typeof structuredClone === 'undefined' && typeof DOMException === 'undefined' && typeof std === 'undefined'",
    "Math.random === undefined && Date.now === undefined && Error.captureStackTrace === undefined",
    "(function () {}).constructor === Object && (() => 1).constructor === Object && Array.constructor === Object",
    "(function* () {}).constructor === Object && (async function () {}).constructor === Object",
    "(async function* () {}).constructor === Object && criterion.constructor === Object && claims.constructor === Object",
    "Object.getOwnPropertyDescriptor(claims, 'user').get.constructor === Object",
    "(async function () {})().constructor === Object && (async function () {})().then === undefined",
    "(function () { return this; })() === globalThis && arguments.callee.caller === undefined",
    "Object.isFrozen(globalThis) && Object.isFrozen(criterion) && !('import' in globalThis)",
    "criterion.prototype === undefined && String(criterion) === 'function criterion() { [native code] }'",
    "String([].indexOf) === 'function indexOf() { [native code] }' && [].indexOf.name === 'indexOf' && [].map.length === 1",
    // The engine's own `bind`, with which it crashes where memory runs out, makes functions without this.
    "Object.hasOwn((function () {}).bind(), 'prototype')",
    "!new Error('x').stack",
    "(function () { try { new Array.prototype.indexOf(); } catch (e) { return e instanceof TypeError; } })()",
    "(function () { try { Reflect.construct(Object, [], [].map); } catch (e) { return e instanceof TypeError; } })()",
];

#[tokio::test]
async fn nothing_is_in_reach_but_the_language() {
    let texts: Vec<String> = ABSENT.iter().map(|text| format!("return {text}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = evaluate(&engine(), sources(1, &[("criterion", "return true")], &[], &texts)).await;
    for (outcome, text) in found.policies.into_iter().zip(texts) {
        assert_eq!(outcome.result, Ok(true), "{text}");
    }
}

/// By whatever way an object is reached: it can be neither changed nor added to.
#[tokio::test]
async fn everything_is_frozen() {
    let walk = "
        var seen = new Set(), open = [globalThis, criterion, function* () {}, async function () {}, async function* () {},
            (async function () {})(), [].values(), ''.matchAll(/x/g), ''[Symbol.iterator](),
            new Map().keys(), new Set().keys(), (function () { 'use strict'; return arguments; })()];
        var own = new Set(open.slice(2)), loose = [], count = 0;
        while (open.length > 0) {
            var o = open.pop();
            if ((typeof o !== 'object' && typeof o !== 'function') || o === null || seen.has(o)) { continue; }
            seen.add(o);
            count++;
            if (!own.has(o) && !Object.isFrozen(o)) { loose.push(String(o)); }
            open.push(Object.getPrototypeOf(o));
            Reflect.ownKeys(o).forEach(function (key) {
                var property = Object.getOwnPropertyDescriptor(o, key);
                // What a function of this script has is its own.
                if (!own.has(o) || key !== 'prototype') { open.push(property.value, property.get, property.set); }
            });
        }
        if (loose.length > 0) { throw loose.join(); }
        return count > 300 && count < 600;";
    let found = evaluate(&engine(), sources(1, &[("criterion", "return true")], &[], &[walk])).await;
    assert_eq!(found.policies[0].result, Ok(true));
}

/// Scripts may do with their own objects what scripts do, although what these inherit is frozen.
#[tokio::test]
async fn own_objects_are_their_own() {
    for text in [
        "var o = {}; o.toString = function () { return 'mine'; }; return String(o) === 'mine' && String({}) !== 'mine'",
        "var o = {}; o.valueOf = function () { return 1; }; o.hasOwnProperty = 2; return o + 1 === 2 && o.hasOwnProperty === 2",
        "function F() {} F.prototype.toString = function () { return 'F'; }; return String(new F()) === 'F'",
        "function F() {} F.prototype = Object.create(Array.prototype); F.prototype.constructor = F; return new F().constructor === F",
        "var e = new Error('m'); e.name = 'Mine'; e.message = 'n'; return String(e) === 'Mine: n' && new Error('m').name === 'Error'",
        "class E extends TypeError { constructor() { super('m'); this.name = 'E'; } } var e = new E(); \
         return e instanceof TypeError && String(e) === 'E: m'",
        "class A extends Array { sum() { return this.reduce(function (a, b) { return a + b; }, 0); } } \
         return A.from([1, 2]).map(function (x) { return x * 2; }).sum() === 6",
        "class M extends Map { get(k) { return super.get(k) || 0; } } var m = new M([[1, 2]]); \
         return m.get(1) === 2 && m.get(2) === 0 && m.size === 1",
        "return new Date('2024-01-02T03:04:05').getTime() === Date.UTC(2024, 0, 2, 3, 4, 5)",
        "return new Date(2024, 0, 2, 3).toISOString() === '2024-01-02T03:00:00.000Z' && new Date(0).getTimezoneOffset() === 0",
        "var d = new Date('2024-01-02T03:04:05+02:00'); return d.getHours() === 1 && d.getUTCHours() === 1 && +new Date(d) === +d",
        "return new Date(5).toString() === 'Thu, 01 Jan 1970 00:00:00 GMT' && JSON.stringify([new Date(0)]).includes('1970-01-01T')",
        "return ['b', undefined, 'a', 10, 9].sort().join() === '10,9,a,b,' && [3, 10, 2].sort(function (a, b) { return a - b; })[0] === 2",
        "return [1, [2, [3, [4]]]].flat().length === 3 && [1, [2, [3]]].flat(Infinity).join() === '1,2,3' && [[1, 2], 3].concat([4], 5).length === 4",
        "return [1, , 3].indexOf(undefined) === -1 && [1, , 3].includes(undefined) && [NaN].includes(NaN) && [1, 2, 1].lastIndexOf(1) === 2",
        "return [1, 2, 3].indexOf(1, -3) === 0 && [1, 2, 3].indexOf(1, 1) === -1 && [1, 2, 3].lastIndexOf(3, -2) === -1",
        "return 'a-b-c'.split('-').length === 3 && 'a1b2'.replace(/\\d/g, function (d) { return d * 2; }) === 'a2b4' && 'aXa'.replaceAll('a', '$&$&') === 'aaXaa'",
        "return 'x'.split().length === 1 && 'abc'.split('').length === 3 && 'a,b,c'.split(',', 2).length === 2 && 'a b'.match(/(?<f>a)/).groups.f === 'a'",
        "return [...'a1b22'.matchAll(/\\d+/g)].map(function (m) { return m[0]; }).join() === '1,22' && 'abc'.search('c') === 2",
        "return JSON.stringify({ b: 1, a: [1, { c: 2 }] }, ['a', 'c']) === '{\"a\":[1,{\"c\":2}]}' && JSON.stringify({ a: 1 }, null, 1) === '{\\n \"a\": 1\\n}'",
        "return JSON.stringify(undefined) === undefined && JSON.stringify({ a: undefined, d: 1 }, function (k, v) { return k === 'd' ? 2 : v; }) === '{\"d\":2}'",
        "return String.raw`a\\n${1}` === 'a\\\\n1' && 'ÄÖ'.toLowerCase() === 'äö' && 'a'.localeCompare('b') < 0 && 'e\\u0301'.normalize() === 'é'",
        "return Array.prototype.slice.call(arguments).length === 1 && Array.from({ length: 3 }, function (_, i) { return i; }).join() === '0,1,2'",
        "return new RegExp('A+', 'i').test('xaa') && RegExp(/b/g).flags === 'g' && new RegExp(/b/g, 'i').flags === 'i' && /a/ instanceof RegExp",
        "function P(a, b) { this.sum = a + b; } var B = P.bind(null, 1), p = new B(2); return p.sum === 3 && p instanceof P && \
         p instanceof B && B.name === 'bound P' && B.length === 1 && function () { return this.x; }.bind({ x: 5 })() === 5",
        "return Object.entries({ a: 1 }).map(function ([k, v]) { return k + v; })[0] === 'a1' && parseInt('12px', 10) === 12 && isNaN('x')",
    ] {
        assert_eq!(verdict(text).await, Ok(true), "{text}");
    }
}

#[tokio::test]
async fn there_is_no_clock() {
    for text in [
        "return new Date() > 0",
        "return Date() > ''",
        "return Date.now() > 0",
        "return Reflect.construct(Date, []) > 0",
    ] {
        assert!(matches!(verdict(text).await, Err(ScriptFault::Threw(_))), "{text}");
    }
    let hidden = "return new (new Date(0).constructor)() > 0";
    assert_eq!(verdict(hidden).await, Err(threw("TypeError: there is no clock: Date needs new and a time")));
}
