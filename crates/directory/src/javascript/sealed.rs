//! A JavaScript runtime in which scripts can do nothing but compute, and its limits.

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use rquickjs::{
    Array, Coerced, Context, Ctx, Exception, FromJs, Function, Object, Persistent, Runtime, Type, Value,
    context::{
        EvalOptions,
        intrinsic::{Date, Eval, Json, MapSet, Promise, RegExp, RegExpCompiler},
    },
};
use serde_json::Map;

use super::{
    pulse::Pulse,
    script::{ScriptFault, one_line},
    syntax::FILE,
};
use crate::error::{Error, Result};

/// Processor time of one script. Not time on the wall: a busy machine must not make scripts fail.
const TIME: Duration = Duration::from_millis(50);
/// Memory of one script, on top of what the language's library and the compiled scripts take.
const MEMORY: usize = 16 * 1024 * 1024;
/// Memory for the library and all compiled scripts.
const BUILD_MEMORY: usize = 256 * 1024 * 1024;
/// Stack of one script.
pub(super) const STACK: usize = 256 * 1024;
/// What scripts leave behind is collected when it is more than this, so that none pays for another's.
const LEFTOVERS: usize = 1024 * 1024;

/// What a user script may return, in bytes of JSON, and how many claims.
const LONGEST_RESULT: usize = 65_536;
const MOST_CLAIMS: usize = 200;

/// The function that seals a runtime. Its files go on in each other's scope.
const SEAL: &str = concat!(
    "(function (tick, noteCircumstances) { 'use strict';\n",
    include_str!("seal/bounds.js"),
    include_str!("seal/constructors.js"),
    include_str!("seal/library.js"),
    include_str!("seal/freeze.js"),
    include_str!("seal/claims.js"),
    "})"
);

/// The processor time that this thread has used.
pub(super) fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(used.tv_sec).unwrap_or(0), u32::try_from(used.tv_nsec).unwrap_or(0))
}

/// What is noted of the script that is running.
struct Meter {
    deadline: Cell<Duration>,
    is_late: Cell<bool>,
    reads_circumstances: Cell<bool>,
    pulse: Arc<Pulse>,
}

impl Meter {
    fn is_late(&self) -> bool {
        self.pulse.beat();
        let late = self.is_late.get() || processor_time() >= self.deadline.get();
        self.is_late.set(late);
        late
    }
}

/// The claims as scripts get them, in JSON.
pub(super) struct Texts {
    /// Another number for other texts.
    pub(super) revision: u64,
    pub(super) user: String,
    pub(super) device: String,
    pub(super) system: String,
}

/// A script in a realm, or why it is not there.
pub(super) type Compiled = Result<Persistent<Function<'static>>, String>;

/// What the text that seals gives back.
struct Tools {
    begin: Persistent<Function<'static>>,
    run: Persistent<Function<'static>>,
    render: Persistent<Function<'static>>,
    explain: Persistent<Function<'static>>,
}

/// A runtime and the scripts that are compiled in it. The runtime is the last field, as it has to outlive the others.
pub(super) struct Realm {
    tools: Tools,
    scripts: Vec<Compiled>,
    revision: Cell<u64>,
    meter: Rc<Meter>,
    baseline: usize,
    context: Context,
    runtime: Runtime,
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Error::Internal(format!("the script engine: {cause}"))
}

fn evaluate<'js, T: FromJs<'js>>(ctx: &Ctx<'js>, text: &str, file: &str) -> rquickjs::Result<T> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(file.into());
    ctx.eval_with_options(text, options)
}

/// The text of an exception. Runs what the script may have put into it.
fn caught<'js>(ctx: &Ctx<'js>, explain: &Function<'js>) -> ScriptFault {
    let thrown = ctx.catch();
    // The engine throws `null` when there is no memory left for an error.
    if thrown.is_null() {
        return ScriptFault::OutOfMemory;
    }
    let text = explain.call::<_, String>((thrown,));
    match text.as_deref() {
        Ok("InternalError: out of memory") => ScriptFault::OutOfMemory,
        Ok("RangeError: Maximum call stack size exceeded" | "InternalError: stack overflow") => ScriptFault::OutOfStack,
        Ok(text) => ScriptFault::Threw(one_line(text)),
        Err(_) => {
            ctx.catch();
            ScriptFault::Threw("something that cannot be shown".into())
        }
    }
}

/// What a value is, for people.
fn kind(value: &Value<'_>) -> String {
    match value.type_of() {
        Type::Undefined | Type::Uninitialized => "nothing",
        Type::Null => "null",
        Type::Bool => "a boolean",
        Type::Int | Type::Float => "a number",
        Type::String => "a string",
        Type::Array => "an array",
        Type::Function | Type::Constructor => "a function",
        Type::Symbol => "a symbol",
        _ => "an object",
    }
    .into()
}

impl Realm {
    /// A sealed runtime with these scripts, each of them wrapped already; `criteria` are the places and names of those
    /// that others can call.
    pub(super) fn new(
        wrapped: &[Result<String, String>],
        criteria: &[(usize, String)],
        pulse: Arc<Pulse>,
    ) -> Result<Self> {
        let runtime = Runtime::new().map_err(broken)?;
        runtime.set_memory_limit(BUILD_MEMORY);
        runtime.set_max_stack_size(STACK);
        let meter = Rc::new(Meter {
            deadline: Cell::new(Duration::MAX),
            is_late: Cell::new(false),
            reads_circumstances: Cell::new(false),
            pulse,
        });
        let polled = meter.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || polled.is_late())));
        let context = Context::builder()
            .with::<(Date, Eval, RegExpCompiler, RegExp, Json, MapSet, Promise)>()
            .build(&runtime)
            .map_err(broken)?;
        let (tools, scripts) =
            context.with(|ctx| build(&ctx, &meter, wrapped, criteria).map_err(|cause| failed(&ctx, cause)))?;
        runtime.run_gc();
        let baseline = usize::try_from(runtime.memory_usage().malloc_size).unwrap_or(BUILD_MEMORY);
        runtime.set_memory_limit(baseline + MEMORY);
        Ok(Self { tools, scripts, revision: Cell::new(0), meter, baseline, context, runtime })
    }

    /// What a policy says of the claims, and whether it read circumstances.
    pub(super) fn policy(&self, place: usize, texts: &Texts) -> (Result<bool, ScriptFault>, bool) {
        self.run(place, texts, |_, value| Ok(value.as_bool().ok_or_else(|| ScriptFault::WrongType(kind(&value)))))
    }

    /// The claims that a user script returns, and whether it read circumstances.
    pub(super) fn user_script(
        &self,
        place: usize,
        texts: &Texts,
    ) -> (Result<Map<String, serde_json::Value>, ScriptFault>, bool) {
        self.run(place, texts, |render, value| {
            let kind = kind(&value);
            Ok(object(render.call((value,))?, kind).map_err(ScriptFault::WrongType))
        })
    }

    /// Whether a script left work for later. It is never done, and would only take the memory of others.
    pub(super) fn has_jobs(&self) -> bool {
        self.runtime.is_job_pending()
    }

    /// Whether scripts left memory behind that cannot be collected, such as tables of the engine that have grown.
    pub(super) fn is_bloated(&self) -> bool {
        let is_too_much = || self.used().saturating_sub(self.baseline) > LEFTOVERS;
        let is_garbage = || {
            self.runtime.run_gc();
            !is_too_much()
        };
        is_too_much() && !is_garbage()
    }

    fn used(&self) -> usize {
        usize::try_from(self.runtime.memory_usage().malloc_size).unwrap_or(0)
    }

    fn run<T>(&self, place: usize, texts: &Texts, read: Reader<T>) -> (Result<T, ScriptFault>, bool) {
        self.runtime.set_gc_threshold(self.baseline + LEFTOVERS);
        let result = match self.scripts.get(place) {
            Some(Ok(script)) => self.context.with(|ctx| self.run_in(&ctx, script, texts, read)),
            Some(Err(message)) => Err(ScriptFault::Threw(message.clone())),
            None => Err(ScriptFault::Threw("there is no such script".into())),
        };
        let is_exhausted = result.as_ref().is_err_and(ScriptFault::is_exhaustion);
        (result, self.meter.reads_circumstances.take() || is_exhausted)
    }

    fn run_in<T>(
        &self,
        ctx: &Ctx<'_>,
        script: &Persistent<Function<'static>>,
        texts: &Texts,
        read: Reader<T>,
    ) -> Result<T, ScriptFault> {
        let lost = |_| ScriptFault::OutOfMemory;
        let tool = |tool: &Persistent<Function<'static>>| tool.clone().restore(ctx).map_err(lost);
        let (run, render, explain) = (tool(&self.tools.run)?, tool(&self.tools.render)?, tool(&self.tools.explain)?);
        self.meter.deadline.set(Duration::MAX);
        self.meter.is_late.set(false);
        if self.revision.get() != texts.revision {
            let told = tool(&self.tools.begin)?.call::<_, ()>((&*texts.user, &*texts.device, &*texts.system));
            told.map_err(|_| caught(ctx, &explain))?;
            self.revision.set(texts.revision);
        }
        self.meter.deadline.set(processor_time() + TIME);
        let result = run.call((tool(script)?,)).and_then(|value| read(&render, value));
        let result = result.unwrap_or_else(|_| Err(caught(ctx, &explain)));
        // Also where it came to an end by itself, in something that could not be interrupted.
        if self.meter.is_late() { Err(ScriptFault::OutOfTime) } else { result }
    }
}

/// What makes a result of what a script returned. Gets the tool that makes text of an object.
type Reader<T> = for<'js> fn(&Function<'js>, Value<'js>) -> rquickjs::Result<Result<T, ScriptFault>>;

/// The claims in what a user script returned, or what that is instead.
fn object(text: Option<String>, kind: String) -> Result<Map<String, serde_json::Value>, String> {
    let text = text.ok_or(kind)?;
    if text.len() > LONGEST_RESULT {
        return Err(format!("an object of more than {LONGEST_RESULT} bytes of JSON"));
    }
    match serde_json::from_str(&text) {
        Ok(serde_json::Value::Object(claims)) if claims.len() <= MOST_CLAIMS => Ok(claims),
        Ok(serde_json::Value::Object(_)) => Err(format!("an object of more than {MOST_CLAIMS} keys")),
        Ok(_) => Err("an object that is something else in JSON".into()),
        Err(_) => Err("an object that is nested too deeply".into()),
    }
}

/// Seals the runtime, then compiles the scripts in it.
fn build(
    ctx: &Ctx<'_>,
    meter: &Rc<Meter>,
    wrapped: &[Result<String, String>],
    criteria: &[(usize, String)],
) -> rquickjs::Result<(Tools, Vec<Compiled>)> {
    let (ticking, noting) = (meter.clone(), meter.clone());
    let tick = Function::new(ctx.clone(), move |ctx: Ctx<'_>| match ticking.is_late() {
        true => Err(Exception::throw_range(&ctx, "the script ran out of time")),
        false => Ok(()),
    })?;
    let note = Function::new(ctx.clone(), move || noting.reads_circumstances.set(true))?;
    let seal: Function<'_> = evaluate(ctx, SEAL, "seal")?;
    let tools: Object<'_> = seal.call((tick, note))?;
    let tool = |name| tools.get::<_, Function<'_>>(name).map(|tool| Persistent::save(ctx, tool));
    let explain: Function<'_> = tools.get("explain")?;
    let compile = |text: &Result<String, String>| {
        meter.pulse.beat();
        let text = text.as_ref().map_err(Clone::clone)?;
        let script = evaluate::<Function<'_>>(ctx, text, FILE).map_err(|_| match caught(ctx, &explain) {
            ScriptFault::Threw(message) => message,
            fault => fault.to_string(),
        })?;
        Ok(Persistent::save(ctx, script))
    };
    let scripts: Vec<Compiled> = wrapped.iter().map(compile).collect();
    let (names, callable) = (Array::new(ctx.clone())?, Array::new(ctx.clone())?);
    for (index, (place, name)) in criteria.iter().enumerate() {
        names.set(index, name.as_str())?;
        let script = scripts.get(*place).and_then(|script| script.as_ref().ok());
        callable.set(index, script.map(|script| script.clone().restore(ctx)).transpose()?)?;
    }
    tools.get::<_, Function<'_>>("connect")?.call::<_, ()>((names, callable))?;
    Ok((
        Tools { begin: tool("begin")?, run: tool("run")?, render: tool("render")?, explain: tool("explain")? },
        scripts,
    ))
}

/// Why the runtime could not be sealed. That is a fault of ours, or no memory.
fn failed(ctx: &Ctx<'_>, cause: rquickjs::Error) -> Error {
    let thrown = ctx.catch();
    let text = Coerced::<String>::from_js(ctx, thrown).map_or_else(|_| String::new(), |text| text.0);
    broken(format!("{cause}: {text}"))
}
