//! What the engine promises. What was tried against it is in the files beside this one.

mod abuse;
mod isolation;
mod texts;

use serde_json::{Value, json};

use super::*;

fn id(number: usize) -> Uuid {
    Uuid::from_u128(u128::try_from(number).expect("fits"))
}

fn sources(version: i64, criteria: &[(&str, &str)], user_scripts: &[&str], policies: &[&str]) -> Sources {
    let source =
        |number: usize, name: &str, text: &str| Source { id: id(number), name: name.into(), expression: text.into() };
    let numbered = |texts: &[&str]| {
        texts.iter().enumerate().map(|(number, text)| source(number, &format!("script {number}"), text)).collect()
    };
    let criteria = criteria.iter().enumerate().map(|(number, (name, text))| source(number, name, text)).collect();
    Sources { version, criteria, user_scripts: numbered(user_scripts), policies: numbered(policies) }
}

fn claims() -> Claims {
    let user = json!({ "name": "ada", "groups": ["x", "y"], "age": 36, "manager": null });
    let Value::Object(user) = user else { panic!("is an object") };
    Claims { user, device: json!({ "ip": "10.0.0.1" }), system: json!({ "hour": 7 }) }
}

fn engine() -> Arc<Engine> {
    Engine::start(1, Metrics::default()).expect("starts")
}

async fn evaluate(engine: &Engine, sources: Sources) -> Evaluation {
    let user_scripts = sources.user_scripts.iter().map(|script| script.id).collect();
    engine.evaluate(Arc::new(sources), user_scripts, claims()).await.expect("evaluates")
}

/// What the policies of this version say.
async fn verdicts(engine: &Engine, version: i64, policies: &[&str]) -> Vec<Result<bool, ScriptFault>> {
    let evaluation = evaluate(engine, sources(version, &[], &[], policies)).await;
    evaluation.policies.into_iter().map(|outcome| outcome.result).collect()
}

/// What one policy says in an engine of its own.
async fn verdict(policy: &str) -> Result<bool, ScriptFault> {
    verdicts(&engine(), 1, &[policy]).await.remove(0)
}

fn threw(message: &str) -> ScriptFault {
    ScriptFault::Threw(message.into())
}

fn wrong_type(what: &str) -> ScriptFault {
    ScriptFault::WrongType(what.into())
}

fn faults(metrics: &Metrics, kind: &'static str) -> u64 {
    metrics.script_faults.get_or_create(&crate::metrics::ScriptLabels { kind }).get()
}

#[tokio::test]
async fn policies_say_yes_or_no() {
    for (policy, expected) in [
        ("return true;", true),
        ("return claims.user.name === 'bob'", false),
        ("return claims.user.groups.includes('y') && claims.user.age > 30 // of age", true),
        ("return claims.device.ip.startsWith('10.') && claims.system.hour < 8", true),
        ("return claims.user.manager === null && claims.user.nobody === undefined", true),
        ("return /^a(d)a$/.exec(claims.user.name)[1] === 'd'", true),
        ("for (var i = 0, n = 0; i < 1e4; i++) { n += i % 3; } return n === 9999;", true),
        ("return new Set(claims.user.groups).has('x') && Object.keys(claims.user).length === 4", true),
    ] {
        assert_eq!(verdict(policy).await, Ok(expected), "{policy}");
    }
}

/// As the editor writes them.
#[tokio::test]
async fn policies_as_they_are_built_work() {
    let default =
        "// Write the policy's expression here; return true if it applies.\nvar result = false;\n\nreturn result;\n";
    assert_eq!(verdict(default).await, Ok(false));
    let built = r#"
        if/*claims.user.groups*/(claims.user.groups && claims.user.groups.indexOf("x") >= 0)/*end claims.user.groups*/ {
            return true;
        }
        return false;"#;
    assert_eq!(verdict(built).await, Ok(true));
    assert_eq!(verdict(&built.replace("\"x\"", "\"z\"")).await, Ok(false));
}

#[tokio::test]
async fn what_fails_is_told_and_fails_alone() {
    let metrics = Metrics::default();
    let engine = Engine::start(1, metrics.clone()).expect("starts");
    let cases = [
        ("throw new Error('no\\nway\\u001b[2J')", threw("Error: no way [2J")),
        ("throw 'just text'", threw("just text")),
        ("throw { toString: function () { throw 1 } }", threw("something that cannot be shown")),
        ("throw 'x'.repeat(5000)", threw(&"x".repeat(200))),
        ("return claims.user.nobody.name", threw("TypeError: cannot read property 'name' of undefined")),
        ("return nowhere", threw("ReferenceError: nowhere is not defined")),
        ("return 1", wrong_type("a number")),
        ("return 'true'", wrong_type("a string")),
        ("return new Boolean(true)", wrong_type("an object")),
        ("return claims.user.groups", wrong_type("an array")),
        ("return null", wrong_type("null")),
        ("var result = true;", wrong_type("nothing")),
        ("return function () {}", wrong_type("a function")),
        ("for (;;) {}", ScriptFault::OutOfTime),
        ("var a = []; for (;;) { a.push('x'.repeat(10000) + a.length); }", ScriptFault::OutOfMemory),
        ("function f() { return f() + 1; } return f() > 0;", ScriptFault::OutOfStack),
        ("return +", threw("line 1, column 9: at the end of the script: unexpected token in expression: '}'")),
    ];
    let mut policies = vec!["return claims.user.name === 'ada'"];
    cases.iter().for_each(|(policy, _)| policies.extend([policy, "return claims.user.name === 'ada'"]));
    let found = verdicts(&engine, 1, &policies).await;
    assert_eq!(found[0], Ok(true));
    for (number, (policy, fault)) in cases.iter().enumerate() {
        assert_eq!(found[2 * number + 1], Err(fault.clone()), "{policy}");
        assert_eq!(found[2 * number + 2], Ok(true), "behind {policy}");
        assert_eq!(fault.is_exhaustion(), fault.to_string().contains("out of") || fault.to_string().contains("deeply"));
    }
    let counted = ["threw", "type", "time", "memory", "stack", "stuck"].map(|kind| faults(&metrics, kind));
    assert_eq!(counted, [7, 7, 1, 1, 1, 0]);
    assert_eq!(verdicts(&engine, 1, &policies).await, found, "the second time");
}

#[tokio::test]
async fn reading_circumstances_is_noticed() {
    let criteria =
        [("at_work", "return claims.device.ip === '10.0.0.1'"), ("is_ada", "return claims.user.name === 'ada'")];
    let policies = [
        ("return claims.user.name === 'ada'", false),
        ("return claims.device.ip === '10.0.0.1'", true),
        ("return claims.system.hour === 7", true),
        ("return JSON.stringify(claims).length > 0", true),
        ("return at_work(claims)", true),
        ("return is_ada(claims) || at_work(claims)", false),
        ("return Object.keys(claims).join() === 'user,device,system'", false),
        ("if (claims.system.hour) { throw 1; }", true),
        ("return claims.system.providerName === undefined", false),
        ("throw 1", false),
        ("for (;;) {}", true),
    ];
    let texts = policies.map(|(text, _)| text);
    let user_scripts = ["return { a: claims.system.hour }", "return { b: 1 }"];
    let evaluation = evaluate(&engine(), sources(1, &criteria, &user_scripts, &texts)).await;
    for (outcome, (text, expected)) in evaluation.policies.iter().zip(policies) {
        assert_eq!(outcome.reads_circumstances, expected, "{text}");
    }
    assert!(evaluation.user_scripts[0].reads_circumstances);
    assert!(!evaluation.user_scripts[1].reads_circumstances);
}

#[tokio::test]
async fn criteria_are_called_by_name() {
    let criteria = [
        ("admins", "return claims.user.groups.includes('x')"),
        ("adults", "return claims.user.age >= 18"),
        ("both", "return admins(claims) && adults(claims)"),
        ("vague", "return 'yes'"),
        ("broken", "return }"),
        ("endless", "return endless(claims)"),
        ("spoiler", "claims.user.groups.push('z'); claims.user = null; return true"),
        ("not a name", "return true"),
        ("return", "return true"),
        ("claims", "return true"),
        ("Array", "return true"),
        ("größer", "return claims.user.age > 1"),
    ];
    let policies = [
        ("return admins(claims)", Ok(true)),
        ("return both(claims)", Ok(true)),
        ("return größer(claims)", Ok(true)),
        ("return !admins({ user: { groups: [] } })", Ok(true)),
        ("return admins()", Err(threw("TypeError: cannot read property 'user' of null"))),
        ("return !vague(claims)", Err(threw("TypeError: the criteria script vague did not return true or false"))),
        ("return !broken(claims)", Err(threw("TypeError: the criteria script broken cannot be compiled"))),
        ("return spoiler(claims) && claims.user.groups.length === 2", Ok(true)),
        ("claims.user.groups = []; return admins(claims)", Ok(true)),
        ("var user = { groups: ['x'] }; return spoiler({ user: user }) && user.groups.length === 1", Ok(true)),
        ("return endless(claims)", Err(ScriptFault::OutOfStack)),
        ("return Array.isArray([])", Ok(true)),
        ("var admins = 1; let both = 2; return admins + both === 3", Ok(true)),
        ("admins = function () { return false }; return admins(claims)", Ok(false)),
        ("return admins(claims) && adults(claims)", Ok(true)),
    ];
    let texts = policies.clone().map(|(text, _)| text);
    let evaluation = evaluate(&engine(), sources(1, &criteria, &["return { found: admins(claims) }"], &texts)).await;
    for (outcome, (text, expected)) in evaluation.policies.into_iter().zip(policies) {
        assert_eq!(outcome.result, expected, "{text}");
    }
    assert_eq!(evaluation.user["found"], true);
}

#[tokio::test]
async fn user_scripts_add_claims_in_order() {
    let scripts = [
        "return { rank: claims.user.groups.length, name: 'Ada', when: new Date(0), none: undefined, list: [1, { a: null }] }",
        "return { higher: claims.user.rank + 1 }",
        "claims.user.rank = 99; return { }",
        "return [1]",
        "return null",
        "return true",
        "return new Map([[1, 2]])",
        "return { toJSON: function () { return 1 } }",
        "var o = {}; for (var i = 0; i < 201; i++) { o['k' + i] = i; } return o",
        "return { text: 'x'.repeat(70000) }",
        "var o = {}; for (var i = 0; i < 500; i++) { o = { o: o }; } return o",
        "var o = {}; o.o = o; return o",
        "throw new Error('none')",
        "return { get a() { for (;;) {} } }",
        "return { ['__proto__']: 1, last: claims.user.higher }",
    ];
    let expected = [
        Ok(()),
        Ok(()),
        Ok(()),
        Err(wrong_type("an array")),
        Err(wrong_type("null")),
        Err(wrong_type("a boolean")),
        Err(wrong_type("an object")),
        Err(wrong_type("an object that is something else in JSON")),
        Err(wrong_type("an object of more than 200 keys")),
        Err(wrong_type("an object of more than 65536 bytes of JSON")),
        Err(wrong_type("an object that is nested too deeply")),
        Err(threw("TypeError: circular reference")),
        Err(threw("Error: none")),
        Err(ScriptFault::OutOfTime),
        Ok(()),
    ];
    let policies = ["return claims.user.rank === 2 && claims.user.last === 3 && claims.user.name === 'Ada'"];
    let evaluation = evaluate(&engine(), sources(1, &[], &scripts, &policies)).await;
    for ((outcome, expected), script) in evaluation.user_scripts.into_iter().zip(expected).zip(scripts) {
        assert_eq!(outcome.result, expected, "{script}");
    }
    assert_eq!(evaluation.policies[0].result, Ok(true));
    let user = json!({
        "name": "Ada", "groups": ["x", "y"], "age": 36, "manager": null, "rank": 2, "when": "1970-01-01T00:00:00.000Z",
        "list": [1, { "a": null }], "higher": 3, "__proto__": 1, "last": 3,
    });
    assert_eq!(Value::Object(evaluation.user), user);
}

#[tokio::test]
async fn only_the_user_scripts_that_were_asked_for_run() {
    let sources = sources(1, &[], &["return { a: 1 }", "return { b: 1 }", "return { a: 2 }"], &[]);
    let ids = vec![id(2), id(7), id(0)];
    let evaluation = engine().evaluate(Arc::new(sources), ids.clone(), claims()).await.expect("evaluates");
    let found: Vec<_> = evaluation.user_scripts.iter().map(|outcome| outcome.id).collect();
    assert_eq!(found, ids);
    assert_eq!(evaluation.user_scripts[1].result, Err(threw("there is no such script")));
    assert_eq!((evaluation.user.get("a"), evaluation.user.get("b")), (Some(&json!(1)), None));
}

#[tokio::test]
async fn another_version_is_compiled_and_the_same_is_not() {
    let engine = engine();
    assert_eq!(verdicts(&engine, 1, &["return true"]).await, [Ok(true)]);
    assert_eq!(verdicts(&engine, 2, &["return false"]).await, [Ok(false)]);
    assert_eq!(verdicts(&engine, 1, &["return true"]).await, [Ok(true)]);
    // The version is what counts: the text is not looked at again.
    assert_eq!(verdicts(&engine, 1, &["return 1"]).await, [Ok(true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_evaluated_at_once() {
    let metrics = Metrics::default();
    let engine = Engine::start(4, metrics.clone()).expect("starts");
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let text = format!("return claims.user.number === {number}");
                let endless = sources(-1, &[], &[], &["return claims.user.number >= 0", "for (;;) {}"]);
                let sources = if number % 40 == 39 { endless } else { sources(number, &[], &[], &[&text]) };
                let mut claims = claims();
                claims.user.insert("number".into(), number.into());
                engine.evaluate(Arc::new(sources), vec![], claims).await.expect("evaluates").policies.remove(0).result
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("ran"), Ok(true));
    }
    assert_eq!((faults(&metrics, "time"), faults(&metrics, "stuck")), (5, 0));
}

/// A job that goes on until the other end is dropped or sends, without a sign of life.
fn block(until: &crossbeam_channel::Receiver<()>) -> impl FnOnce(&mut Worker) + Send + 'static {
    let until = until.clone();
    move |_| assert!(until.recv().is_err())
}

#[tokio::test]
async fn a_full_queue_is_told() {
    let engine = engine();
    let (release, released) = crossbeam_channel::bounded(0);
    let waiting = futures_util::future::join_all((0..QUEUE_LIMIT + 20).map(|_| engine.pool.ask(block(&released))));
    let later = async {
        tokio::task::yield_now().await;
        drop(release);
    };
    let (results, ()) = tokio::join!(waiting, later);
    let refused = results.iter().filter(|result| matches!(result, Err(Error::Overloaded { retry_after_seconds: 1 })));
    // The worker may have taken one already.
    assert!((19..=20).contains(&refused.count()));
}

#[tokio::test]
async fn stuck_threads_are_replaced_up_to_a_number() {
    let metrics = Metrics::default();
    let engine = Engine::patient(6, metrics.clone(), Duration::from_millis(500)).expect("starts");
    let (release, released) = crossbeam_channel::bounded(0);
    let answers = futures_util::future::join_all((0..6).map(|_| engine.ask(block(&released)))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Answer::Stuck))));
    assert_eq!(faults(&metrics, "stuck"), 6);
    assert_eq!(engine.pool.abandoned.load(Ordering::Acquire), MOST_ABANDONED);
    for _ in 0..20 {
        assert!(matches!(engine.ask(|_| ()).await, Ok(Answer::Done(()))));
    }
    drop(release);
    while engine.pool.abandoned.load(Ordering::Acquire) > 0 {
        assert!(matches!(engine.ask(|_| ()).await, Ok(Answer::Done(()))));
    }
}

#[tokio::test]
async fn a_stuck_thread_is_noticed_when_nobody_waits() {
    let metrics = Metrics::default();
    let engine = Engine::patient(1, metrics.clone(), Duration::from_millis(500)).expect("starts");
    let (_release, released) = crossbeam_channel::bounded(0);
    tokio::select! {
        biased;
        _ = engine.ask(block(&released)) => panic!("it is blocked"),
        () = tokio::task::yield_now() => {}
    }
    while faults(&metrics, "stuck") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(verdicts(&engine, 1, &["return true"]).await, [Ok(true)]);
}

/// The engine does not look at the clock within operators, and these take long. Nothing else is known to be left of that
/// kind.
#[tokio::test]
async fn where_a_script_cannot_be_stopped_none_says_yes() {
    let metrics = Metrics::default();
    let engine = Engine::patient(1, metrics.clone(), Duration::from_millis(500)).expect("starts");
    let long = "var s = 'x'; for (var i = 0; i < 22; i++) { s += s; } var o = {};
        for (var i = 0; i < 2000; i++) { o[s + i]; } return true";
    let evaluation = evaluate(&engine, sources(1, &[], &["return { a: 1 }"], &["return true", long])).await;
    assert_eq!(evaluation.user_scripts, [worker::lost(id(0))]);
    assert_eq!(evaluation.policies, [worker::lost(id(0)), worker::lost(id(1))]);
    assert_eq!(evaluation.user, claims().user);
    assert_eq!(faults(&metrics, "stuck"), 1);
    assert_eq!(verdicts(&engine, 2, &["return claims.user.name === 'ada'"]).await, [Ok(true)]);
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let engine = engine();
    assert!(matches!(engine.ask(|_| panic!("on purpose")).await, Err(Error::Internal(_))));
    assert_eq!(verdicts(&engine, 1, &["return true"]).await, [Ok(true)]);
}

#[tokio::test]
async fn threads_end_with_the_engine() {
    let engine = engine();
    assert_eq!(verdicts(&engine, 1, &["return true"]).await, [Ok(true)]);
    let pulse = match engine.ask(|worker| worker.pulse.clone()).await {
        Ok(Answer::Done(pulse)) => pulse,
        _ => panic!("it answers"),
    };
    drop(engine);
    // Ours is the last that is left of it.
    while Arc::strong_count(&pulse) > 1 {
        tokio::task::yield_now().await;
    }
}
