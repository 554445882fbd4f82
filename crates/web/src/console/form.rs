//! Forms: what was filled in, and what is wrong with it, so that a page can show both again.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode},
};
use portreeve_directory::error::{Error, Fault};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    problem::Problem,
    session::{SignedIn, Visitor},
    text::t,
};
use crate::{App, extract::body};

/// What was filled in, in its order, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    values: Vec<(String, String)>,
    faults: Vec<Fault>,
    /// What stood in the way, of no field in particular.
    problem: Option<String>,
}

impl Form {
    /// A form that is filled in already.
    pub(crate) fn of<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { values, ..Self::default() }
    }

    /// The names of all fields, as often as each is there.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let values = form_urlencoded::parse(bytes).into_owned();
        // Browsers send the line breaks of texts as CR LF, whatever they were.
        Self { values: values.map(|(name, value)| (name, value.replace("\r\n", "\n"))).collect(), ..Self::default() }
    }

    /// What a field holds; empty if there is none of that name.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.values.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// What a field holds, if there is such a field.
    pub(crate) fn some(&self, name: &str) -> Option<String> {
        self.has(name).then(|| self.get(name).to_owned())
    }

    /// What a field holds, if anything is in it.
    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|value| !value.is_empty())
    }

    /// What all fields of one name hold.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is such a field; of a box, whether it is ticked.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(own, _)| own == name)
    }

    /// Whether a box of several is ticked.
    pub(crate) fn has_value(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|own| own == value)
    }

    /// What a field holds, which is then empty: secrets are not shown again.
    pub(crate) fn take(&mut self, name: &str) -> String {
        let at = self.values.iter().position(|(own, _)| own == name);
        at.map_or(String::new(), |at| self.values.remove(at).1)
    }

    /// A whole number, or what stands there instead for the rule to refuse.
    pub(crate) fn number(&self, name: &str) -> Option<serde_json::Number> {
        let text = self.get(name).trim();
        let wrong = || serde_json::Number::from_f64(0.5);
        if text.is_empty() { None } else { text.parse::<i64>().ok().map(Into::into).or_else(wrong) }
    }

    /// What stands in a field line by line, as tags are written. Empty lines are none.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        lines(self.get(name), &[])
    }

    pub(crate) fn add_fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(Fault { field: field.into(), message: message.into() });
    }

    /// What is wrong with a field, or with a part of it.
    pub(crate) fn fault(&self, name: &str) -> Option<&str> {
        let of_field = |fault: &&Fault| {
            fault.field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
        };
        self.faults.iter().find(of_field).map(|fault| fault.message.as_str())
    }

    /// All that is wrong with fields.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What stood in the way, of no field in particular.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Notes what stood in the way.
    pub(crate) fn stopped(&mut self, problem: impl Into<String>) {
        self.problem = Some(problem.into());
    }

    /// Notes why a rule refused, and gives the status of the page that shows the form again. What the one who filled it in
    /// cannot mend is a problem of its own.
    pub(crate) fn refused(&mut self, error: Error) -> Result<StatusCode, Problem> {
        let (status, problem) = match error {
            Error::Invalid(faults) => {
                self.faults.extend(faults);
                return Ok(StatusCode::UNPROCESSABLE_ENTITY);
            }
            Error::Conflict(message) => (StatusCode::CONFLICT, message),
            Error::Forbidden(message) => (StatusCode::FORBIDDEN, message),
            Error::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, t("form-changed-meanwhile").into_owned()),
            error => return Err(error.into()),
        };
        self.problem = Some(problem);
        Ok(status)
    }
}

/// An object as somebody would send it who changes nothing of it: with all that it has, also what no form shows.
pub(crate) fn as_sent<T: DeserializeOwned>(object: &impl Serialize) -> Result<T, Error> {
    let sent = serde_json::to_value(object).and_then(serde_json::from_value);
    sent.map_err(|wrong| Error::Internal(format!("an object cannot be sent as it was read: {wrong}")))
}

/// What stands in a field line by line, as tags are written. White space around a line is a slip, unless it was there before.
pub(crate) fn lines(text: &str, before: &[String]) -> Vec<String> {
    let kept = |line: &str| before.iter().any(|own| own == line);
    let lines = text.lines().map(|line| if kept(line) { line } else { line.trim() });
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

async fn read(request: Request) -> Result<Form, Problem> {
    Ok(Form::parse(&body(request).await?))
}

/// A form that somebody sent who has signed in.
pub(crate) struct Sent {
    pub(crate) me: SignedIn,
    pub(crate) form: Form,
}

impl FromRequest<App> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let me = SignedIn::from_request_parts(&mut parts, app).await?;
        let form = read(Request::from_parts(parts.clone(), body)).await?;
        me.check(&parts.headers, &form)?;
        Ok(Self { me, form })
    }
}

/// A form that somebody sent who has not signed in.
pub(crate) struct SentByVisitor {
    pub(crate) visitor: Visitor,
    pub(crate) headers: HeaderMap,
    pub(crate) form: Form,
}

impl FromRequest<App> for SentByVisitor {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let headers = parts.headers.clone();
        let form = read(Request::from_parts(parts, body)).await?;
        Ok(Self { visitor, headers, form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_belongs_to_its_field_and_no_other() {
        let mut form = Form::parse(b"name=a&tags=x%0D%0A+y%0D%0A%0D%0A&notes=one%0D%0Atwo");
        form.add_fault("tags[1]", "wrong");
        assert_eq!(form.fault("tags"), Some("wrong"));
        assert_eq!(form.fault("tag"), None);
        assert_eq!(form.fault("name"), None);
        assert_eq!(form.lines("tags"), ["x", "y"]);
        assert_eq!(form.get("notes"), "one\ntwo");
    }

    #[test]
    fn what_is_no_number_is_left_for_the_rule_to_refuse() {
        let form = Form::parse(b"a=7&b=x&c=");
        assert_eq!(form.number("a"), Some(7.into()));
        assert!(form.number("b").is_some_and(|number| number.as_i64().is_none()));
        assert_eq!(form.number("c"), None);
    }
}
