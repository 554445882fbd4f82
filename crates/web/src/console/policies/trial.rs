//! Looking at an expression before it is saved: where it is no JavaScript, and what it says of an account.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use portreeve_directory::{
    Directory, dn,
    error::Error,
    kind::AccountKind,
    trial::{self, SyntaxFault, Trial},
};

use super::edit;
use crate::console::{
    form::{Form, Sent},
    page::Answer,
    problem::Problem,
    session::SignedIn,
    text::{filters, t, t_with_two},
};

/// What was found of the text of an expression.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked {
    pub(super) fault: Option<Quoted>,
    /// What else is wrong with it.
    pub(super) refused: Option<String>,
}

/// A fault, with the line that it is in.
#[derive(Debug, Clone)]
pub(super) struct Quoted {
    pub(super) line: u32,
    /// Line and column, in words.
    pub(super) place: String,
    pub(super) message: String,
    /// The line up to the fault, the character that it begins with, and what is behind it.
    pub(super) quote: (String, String, String),
}

impl Quoted {
    fn of(fault: SyntaxFault, expression: &str) -> Self {
        let line = expression.lines().nth(fault.line.saturating_sub(1) as usize).unwrap_or_default();
        let column = fault.column.saturating_sub(1) as usize;
        let part = |skipped, taken| line.chars().skip(skipped).take(taken).collect::<String>();
        // Behind the last character there is nothing to mark.
        let mark = Some(part(column, 1)).filter(|mark| !mark.is_empty()).unwrap_or_else(|| " ".into());
        let quote = (part(0, column), mark, part(column + 1, usize::MAX));
        let place = t_with_two("policies-check-fault", ("line", fault.line), ("column", fault.column));
        Self { line: fault.line, place, message: fault.message, quote }
    }
}

/// What was asked about an account, and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) account: String,
    pub(super) trial: Option<Trial>,
    /// Why it could not be tried.
    pub(super) refused: Option<String>,
    /// The claims, to be read.
    pub(super) claims: Option<String>,
}

#[derive(Template)]
#[template(path = "console/policy_checked.html")]
struct CheckPart {
    checked: Option<Checked>,
}

#[derive(Template)]
#[template(path = "console/policy_tried.html")]
struct TryPart {
    tried: Option<Tried>,
}

fn by_script(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// Where the expression of a form is wrong.
pub(super) async fn look(directory: &Directory, me: &SignedIn, form: &Form) -> Result<Checked, Problem> {
    let expression = form.get("expression");
    match trial::check_syntax(directory, &me.caller, expression.to_owned()).await {
        Ok(fault) => Ok(Checked { fault: fault.map(|fault| Quoted::of(fault, expression)), refused: None }),
        Err(error) => Ok(Checked { fault: None, refused: Some(refusal(error)?) }),
    }
}

/// Why it could not be done, where that is for whoever writes the expression to know.
fn refusal(error: Error) -> Result<String, Problem> {
    match error {
        Error::Invalid(faults) => Ok(faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")),
        Error::NotFound(message) => Ok(message),
        Error::Overloaded { .. } => Ok(t("problem-busy").into_owned()),
        other => Err(other.into()),
    }
}

/// `POST /ui/policies/check`.
pub(super) async fn check(State(directory): State<Directory>, headers: HeaderMap, sent: Sent) -> Answer {
    let Sent { me, form } = sent;
    let checked = Some(look(&directory, &me, &form).await?);
    if by_script(&headers) {
        return me.page(StatusCode::OK, &CheckPart { checked });
    }
    edit::show_looked_at(&directory, me, form, checked, None).await
}

/// `POST /ui/policies/try`.
pub(super) async fn try_on(State(directory): State<Directory>, headers: HeaderMap, sent: Sent) -> Answer {
    let Sent { me, form } = sent;
    let tried = Some(run(&directory, &me, &form).await?);
    if by_script(&headers) {
        return me.page(StatusCode::OK, &TryPart { tried });
    }
    edit::show_looked_at(&directory, me, form, None, tried).await
}

async fn run(directory: &Directory, me: &SignedIn, form: &Form) -> Result<Tried, Problem> {
    let name = form.get("tryAccount").trim().to_owned();
    let kinds = [AccountKind::Local, AccountKind::Service];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == form.get("tryProvider")).unwrap_or(AccountKind::Local);
    if name.is_empty() {
        let refused = Some(t("policies-try-nobody").into_owned());
        return Ok(Tried { account: name, trial: None, refused, claims: None });
    }
    let account = dn::Account { kind, name: name.clone() };
    match trial::try_on(directory, &me.caller, form.get("expression").to_owned(), &account).await {
        Ok(trial) => {
            let claims = trial.claims.as_ref().and_then(|claims| serde_json::to_string_pretty(claims).ok());
            Ok(Tried { account: name, trial: Some(trial), refused: None, claims })
        }
        Err(error) => Ok(Tried { account: name, trial: None, refused: Some(refusal(error)?), claims: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_quoted_where_it_is() {
        let quote = |line, column, text| Quoted::of(SyntaxFault { line, column, message: String::new() }, text).quote;
        let parts = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(quote(2, 3, "one\nzw\u{f6}lf"), parts("zw", "\u{f6}", "lf"));
        assert_eq!(quote(1, 4, "one"), parts("one", " ", ""));
        assert_eq!(quote(9, 1, "one"), parts("", " ", ""));
    }
}
