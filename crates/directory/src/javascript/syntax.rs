//! Whether a text is the body of a function, and where it is not. Nothing of it is run.

use std::time::Duration;

use rquickjs::{Coerced, Context, Ctx, Exception, FromJs, Runtime, Value, context::EvalOptions};

use super::{
    script::{SyntaxFault, one_line},
    sealed,
};
use crate::error::{Error, Result};

/// The longest script, in bytes.
const LONGEST: usize = 65_536;
/// Processor time for the compilation of one.
const TIME: Duration = Duration::from_millis(50);
/// Memory for the compilation of one.
const MEMORY: usize = 64 * 1024 * 1024;
/// The name of a script in positions.
pub(super) const FILE: &str = "script";

/// What stands before and behind a body. It is one if it fits into both: a `}` in it that closes the function early would
/// have to be followed by `,` or `}` in the first and cannot be by either in the second. What is thrown first keeps
/// whatever such a text holds from being run here.
const FRAMES: [(&str, &str); 2] = [("throw 0; ({ m(claims) {\n", "\n} })"), ("throw 0; function f(claims) {\n", "\n}")];

/// What an engine says of a text.
enum Verdict {
    Fits,
    /// Line and column from 1, the column in bytes.
    Wrong(Option<(u32, u32)>, String),
}

/// Where the text of a script is wrong, if it is.
pub(super) fn check(body: &str) -> Result<Option<SyntaxFault>> {
    let began = sealed::processor_time();
    let fault = Checker::new()?.fault(body);
    Ok(fault.or_else(|| (sealed::processor_time().saturating_sub(began) > TIME).then(too_slow)))
}

/// See [`Checker::assert_sealed`].
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_sealed(body: &str) {
    if let Ok(checker) = Checker::new() {
        checker.assert_sealed(body);
    }
}

/// The fault of a text that takes too long to compile.
pub(super) fn too_slow() -> SyntaxFault {
    at(1, 1, "the script takes too long to compile")
}

fn at(line: u32, column: u32, message: &str) -> SyntaxFault {
    SyntaxFault { line, column, message: message.into() }
}

fn broken(cause: impl std::fmt::Display) -> Error {
    Error::Internal(format!("the script checker: {cause}"))
}

/// An engine that only ever compiles.
pub(super) struct Checker {
    context: Context,
}

impl Checker {
    pub(super) fn new() -> Result<Self> {
        let runtime = Runtime::new().map_err(broken)?;
        runtime.set_memory_limit(MEMORY);
        runtime.set_max_stack_size(sealed::STACK);
        Ok(Self { context: Context::full(&runtime).map_err(broken)? })
    }

    /// Where a body is wrong, if it is.
    pub(super) fn fault(&self, body: &str) -> Option<SyntaxFault> {
        if body.len() > LONGEST {
            return Some(at(1, 1, &format!("the script is longer than {LONGEST} bytes")));
        }
        FRAMES.iter().find_map(|frame| self.framed(*frame, body)).or_else(|| self.big_integer(body))
    }

    /// Whether scripts can call a criteria script by this name: an identifier everywhere, and nothing that the language
    /// or its library means already.
    pub(super) fn is_callable(&self, name: &str) -> bool {
        let taken = ["claims", "await", "async", "undefined"];
        name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
            && !taken.contains(&name)
            && matches!(self.compile(&format!("'use strict'; throw 0; {{ let {name}; }}")), Verdict::Fits)
            && self.context.with(|ctx| !ctx.globals().contains_key(name).unwrap_or(true))
    }

    fn framed(&self, (head, tail): (&str, &str), body: &str) -> Option<SyntaxFault> {
        match self.compile(&format!("{head}{body}{tail}")) {
            Verdict::Fits => None,
            Verdict::Wrong(Some((line, column)), message) => Some(place(body, line, column, &message)),
            Verdict::Wrong(None, message) => Some(self.search(head, body, &message)),
        }
    }

    /// What is wrong within a regular expression has no position of its own: it is where the shortest beginning of the
    /// text ends that has the fault.
    fn search(&self, head: &str, body: &str, message: &str) -> SyntaxFault {
        let ends: Vec<usize> = body.char_indices().map(|(start, c)| start + c.len_utf8()).collect();
        let unlike = |end: &usize| {
            let same = |found: &str| found == message;
            let text = format!("{head}{}", &body[..*end]);
            !matches!(self.compile(&text), Verdict::Wrong(None, found) if same(&found))
        };
        let end = ends.get(ends.partition_point(unlike)).copied().unwrap_or(body.len());
        let line = body[..end].matches('\n').count() + 1;
        let start = body[..end].rfind('\n').map_or(0, |newline| newline + 1);
        at(number(line), number(body[start..end].chars().count()), message)
    }

    /// Big integers are refused: the engine computes with them for minutes without looking at the clock, in operators,
    /// where nothing can be put in between. A literal is one if the text no longer compiles with another character in
    /// place of its `n`; in a string, a comment or a regular expression it still does.
    fn big_integer(&self, body: &str) -> Option<SyntaxFault> {
        let marks = big_integer_marks(body);
        let compiles_without = |marks: &[usize]| {
            let mut text = body.as_bytes().to_vec();
            marks.iter().for_each(|mark| text[*mark] = b'@');
            let (head, tail) = FRAMES[0];
            let body = String::from_utf8_lossy(&text);
            matches!(self.compile(&format!("{head}{body}{tail}")), Verdict::Fits)
        };
        if marks.is_empty() || compiles_without(&marks) {
            return None;
        }
        let fine = (0..marks.len()).collect::<Vec<_>>().partition_point(|last| compiles_without(&marks[..=*last]));
        let mark = marks.get(fine).or(marks.first())?;
        let line = body[..*mark].matches('\n').count() + 1;
        let start = body[..*mark].rfind('\n').map_or(0, |newline| newline + 1);
        let column = body[start..=*mark].chars().count();
        Some(at(number(line), number(column), "big integers cannot be used"))
    }

    /// Fails unless a body that is taken can be defined, in either of the two ways, without anything of it being run.
    #[cfg(any(test, feature = "fuzzing"))]
    fn assert_sealed(&self, body: &str) {
        if self.fault(body).is_some() {
            return;
        }
        self.context.with(|ctx| {
            let names = |ctx: &Ctx<'_>| ctx.globals().keys::<String>().filter_map(std::result::Result::ok).count();
            let before = names(&ctx);
            // As the frames, and nothing is thrown before the body.
            for text in [format!("({{ m(claims) {{\n{body}\n}} }}).m"), format!("(function f(claims) {{\n{body}\n}})")]
            {
                let mut options = EvalOptions::default();
                options.strict = false;
                let defined = ctx.eval_with_options::<Value<'_>, _>(text.clone(), options);
                assert!(defined.is_ok_and(|defined| defined.is_function()), "{text} is no function");
            }
            assert_eq!(names(&ctx), before, "something has run");
        });
    }

    fn compile(&self, text: &str) -> Verdict {
        let options = || {
            let mut options = EvalOptions::default();
            options.strict = false;
            options.filename = Some(FILE.into());
            options
        };
        self.context.with(|ctx| match ctx.eval_with_options::<Value<'_>, _>(text, options()) {
            Ok(_) => Verdict::Wrong(Some((1, 1)), "the script runs where it must not".into()),
            Err(rquickjs::Error::Exception) => verdict(&ctx),
            Err(_) => Verdict::Wrong(Some((1, 1)), "the script has a character that no script may have".into()),
        })
    }
}

/// What the exception says that ended a compilation, or the `throw 0` behind it.
fn verdict(ctx: &Ctx<'_>) -> Verdict {
    let thrown = ctx.catch();
    if thrown.as_int() == Some(0) {
        return Verdict::Fits;
    }
    let Some(exception) = thrown.clone().into_object().and_then(Exception::from_object) else {
        let text = Coerced::<String>::from_js(ctx, thrown).map_or_else(|_| String::new(), |text| text.0);
        return Verdict::Wrong(Some((1, 1)), format!("the script cannot be compiled: {text}"));
    };
    let message = match exception.message().unwrap_or_default() {
        deep if deep == "Maximum call stack size exceeded" || deep == "stack overflow" => {
            "it is nested too deeply".into()
        }
        message => message,
    };
    let stack = exception.stack().unwrap_or_default();
    let position = stack.split_once(&format!("at {FILE}:")).and_then(|(_, rest)| {
        let (line, rest) = rest.lines().next()?.split_once(':')?;
        Some((line.parse().ok()?, rest.trim_end_matches(')').parse().ok()?))
    });
    Verdict::Wrong(position, one_line(&message))
}

/// A position in the body, of one in the framed text: a line less, characters for bytes, and never behind its end.
fn place(body: &str, line: u32, column: u32, message: &str) -> SyntaxFault {
    let lines: Vec<&str> = body.split('\n').collect();
    let wanted = usize::try_from(line.saturating_sub(2)).unwrap_or(0);
    let Some(text) = lines.get(wanted) else {
        let last = lines.last().map_or(0, |last| last.chars().count());
        let message = format!("at the end of the script: {message}");
        return at(number(lines.len()), number(last + 1), &message);
    };
    let before = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let characters = text.char_indices().take_while(|(start, _)| *start < before).count();
    at(number(wanted + 1), number(characters + 1), message)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Where each word ends that begins with a digit and ends with `n`.
fn big_integer_marks(body: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut marks = Vec::new();
    let mut word: Option<char> = None;
    let mut last = (0, ' ');
    for (start, c) in body.char_indices().chain([(body.len(), ' ')]) {
        if is_word(c) {
            word.get_or_insert(c);
        } else if word.take().is_some_and(|first| first.is_ascii_digit()) && last.1 == 'n' {
            marks.push(last.0);
        }
        last = (start, c);
    }
    marks
}
