//! The form of a provider. What it does not show stays as it is.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use portreeve_directory::{
    Directory,
    caller::Target,
    error::Result,
    identity_providers::{self, ClaimMapping, ClaimMappingInput, IdentityProvider, IdentityProviderInput},
    version::{Expected, Versioned},
};

use super::{Choice, SECTION, choices, is_of_people, words};
use crate::{
    console::{
        form::{Form, Sent, as_sent},
        page::{Answer, Chrome, Note},
        problem::Problem,
        session::SignedIn,
        text::{filters, t},
    },
    extract::Id,
};

/// Empty rows for mappings below those that there are.
const SPARE_MAPPINGS: usize = 2;
/// Numbers that everybody's provider has.
const NUMBERS: [&str; 4] =
    ["userLockoutThreshold", "userLockoutDurationMinutes", "minPasswordLength", "deviceLimitPerUser"];
const IDLE: &str = "inactivityTimeoutMinutes";

/// A row for a mapping.
struct Mapping<'a> {
    attribute: &'a str,
    claim: &'a str,
    list: bool,
    encrypt: bool,
    fault: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "console/identity_provider_edit.html")]
struct Page {
    chrome: Chrome,
    name: String,
    /// Of the provider.
    path: String,
    is_person: bool,
    words: Vec<String>,
    /// Nothing if the reader may see no scripts.
    scripts: Option<Vec<Choice>>,
    form: Form,
}

/// The rows that are filled in: attribute, claim, whether it is a list, whether it is encrypted.
fn filled(form: &Form) -> impl Iterator<Item = (&str, &str, bool, bool)> {
    let pairs = form.all("attribute").zip(form.all("claim"));
    let marks = form.all("list").zip(form.all("encrypt"));
    let rows = pairs
        .zip(marks)
        .map(|((attribute, claim), (list, encrypt))| (attribute, claim, list == "true", encrypt == "true"));
    rows.filter(|(attribute, claim, ..)| !(attribute.is_empty() && claim.is_empty()))
}

impl Page {
    fn of(me: &SignedIn, provider: &IdentityProvider, scripts: Option<Vec<Choice>>, form: Form) -> Self {
        Self {
            chrome: me.chrome(SECTION),
            name: provider.name.clone(),
            path: format!("{}/{}", SECTION.path(), provider.id),
            is_person: is_of_people(provider),
            words: words::of_form(&form),
            scripts,
            form,
        }
    }

    /// What is wrong with all of the mappings together.
    fn mappings_fault(&self) -> Option<&str> {
        let fault = self.form.faults().iter().find(|fault| fault.field == "claimMappings");
        fault.map(|fault| fault.message.as_str())
    }

    /// Mappings, and room for more.
    fn mappings(&self) -> Vec<Mapping<'_>> {
        let rows = filled(&self.form).enumerate().map(|(index, (attribute, claim, list, encrypt))| {
            let fault = self.form.fault(&format!("claimMappings[{index}]"));
            Mapping { attribute, claim, list, encrypt, fault }
        });
        let spare = || Mapping { attribute: "", claim: "", list: false, encrypt: false, fault: None };
        rows.chain(std::iter::repeat_with(spare).take(SPARE_MAPPINGS)).collect()
    }
}

/// A form of the provider as it is.
fn form_of(seen: &Versioned<IdentityProvider>) -> Form {
    let (provider, settings) = (&seen.object, &seen.object.settings);
    let mut values = vec![
        ("version", seen.version.to_string()),
        ("userLockoutThreshold", provider.user_lockout_threshold.to_string()),
        ("userLockoutDurationMinutes", provider.user_lockout_duration_minutes.to_string()),
        ("minPasswordLength", provider.min_password_length.to_string()),
        ("deviceLimitPerUser", settings.device_limit_per_user.to_string()),
        ("dnsServers", settings.dns_servers.join("\n")),
        ("dnsSearchDomains", settings.dns_search_domains.join("\n")),
        ("notes", provider.notes.clone()),
        ("tags", provider.tags.join("\n")),
    ];
    for ClaimMapping { attribute_name, claim_name, list, encrypt } in &settings.claim_mappings {
        values.push(("attribute", attribute_name.clone()));
        values.push(("claim", claim_name.clone()));
        values.push(("list", list.to_string()));
        values.push(("encrypt", encrypt.to_string()));
    }
    values.extend(settings.user_scripts.iter().map(|id| ("userScripts", id.clone())));
    if let Some(people) = &settings.people {
        values.push((IDLE, people.inactivity_timeout_minutes.to_string()));
        values.extend(people.admin_provider.then(|| ("adminProvider", "true".into())));
    }
    Form::of(values)
}

/// The scripts that are to run, in the order in which they ran. Those that the reader may not see are not theirs to take
/// away.
fn scripts_of(form: &Form, present: &[String], shown: &[Choice]) -> Vec<String> {
    let is_shown = |id: &str| shown.iter().any(|choice| choice.id == id);
    let kept = present.iter().filter(|id| !is_shown(id) || form.has_value("userScripts", id));
    let added = form.all("userScripts").filter(|id| !present.iter().any(|own| own == id));
    kept.map(String::as_str).chain(added).map(str::to_owned).collect()
}

/// The provider as it was filled in.
fn input_of(provider: &IdentityProvider, form: &Form, scripts: Option<&[Choice]>) -> Result<IdentityProviderInput> {
    let mut input: IdentityProviderInput = as_sent(provider)?;
    input.notes = form.some("notes");
    input.tags = Some(form.lines("tags"));
    input.user_lockout_threshold = form.number("userLockoutThreshold");
    input.user_lockout_duration_minutes = form.number("userLockoutDurationMinutes");
    input.min_password_length = form.number("minPasswordLength");
    input.device_limit_per_user = form.number("deviceLimitPerUser");
    input.dns_servers = Some(form.lines("dnsServers"));
    input.dns_search_domains = Some(form.lines("dnsSearchDomains"));
    let mapping = |(attribute, claim, list, encrypt): (&str, &str, bool, bool)| ClaimMappingInput {
        attribute_name: Some(attribute.to_owned()),
        claim_name: Some(claim.to_owned()),
        list: Some(list),
        encrypt: Some(encrypt),
    };
    input.claim_mappings = Some(filled(form).map(mapping).collect());
    if let Some(shown) = scripts {
        input.user_scripts = Some(scripts_of(form, &provider.settings.user_scripts, shown));
    }
    if is_of_people(provider) {
        input.admin_provider = Some(form.has("adminProvider"));
        input.inactivity_timeout_minutes = form.number(IDLE);
    }
    Ok(input)
}

/// What the rule would take for something else than was meant.
fn check(provider: &IdentityProvider, form: &mut Form) {
    let people = provider.settings.people.as_ref();
    for field in NUMBERS.into_iter().chain(people.map(|_| IDLE)) {
        if form.get(field).trim().is_empty() {
            form.add_fault(field, t("provider-number-missing"));
        }
    }
    let closes = people.is_some_and(|people| people.admin_provider) && !form.has("adminProvider");
    if closes && !form.has("closes") {
        form.add_fault("adminProvider", t("provider-closes"));
    }
}

/// `GET /ui/identity-providers/{id}/edit`.
pub(super) async fn page(State(directory): State<Directory>, me: SignedIn, Id(id): Id) -> Answer {
    me.caller.authorize_edit(Target::IdentityProvider)?;
    let seen = identity_providers::get(&directory, &me.caller, id).await?;
    let scripts = choices(&directory, &me).await?;
    me.page(StatusCode::OK, &Page::of(&me, &seen.object, scripts, form_of(&seen)))
}

/// `POST /ui/identity-providers/{id}/edit`.
pub(super) async fn save(State(directory): State<Directory>, Id(id): Id, sent: Sent) -> Answer {
    let Sent { mut me, mut form } = sent;
    me.caller.authorize_edit(Target::IdentityProvider)?;
    let provider = identity_providers::get(&directory, &me.caller, id).await?.object;
    let version = form.get("version").parse().map_err(|_| Problem::stale_form())?;
    let scripts = choices(&directory, &me).await?;
    check(&provider, &mut form);
    if !me.confirm(&directory, &mut form).await? || !form.faults().is_empty() {
        return me.page(StatusCode::UNPROCESSABLE_ENTITY, &Page::of(&me, &provider, scripts, form));
    }
    let input = input_of(&provider, &form, scripts.as_deref())?;
    let expected = Expected::OneOf(vec![version]);
    match identity_providers::replace(&directory, &me.caller, id, expected, input).await {
        Ok(saved) => me.go(&format!("{}/{id}", SECTION.path()), Note::new("done-saved", saved.object.name)),
        Err(error) => {
            let status = form.refused(error)?;
            me.page(status, &Page::of(&me, &provider, scripts, form))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scripts_that_are_shown_are_taken_away() {
        let choice = |id: &str| Choice { id: id.into(), name: String::new() };
        let shown = [choice("a"), choice("b"), choice("c")];
        let present = ["c", "hidden", "a"].map(str::to_owned);
        let run = |ticked: &[&str]| {
            let form = Form::of(ticked.iter().map(|id| ("userScripts", (*id).to_owned())));
            scripts_of(&form, &present, &shown)
        };
        assert_eq!(run(&["a", "c"]), ["c", "hidden", "a"], "in their order");
        assert_eq!(run(&["a", "b"]), ["hidden", "a", "b"]);
        assert_eq!(run(&[]), ["hidden"]);
    }
}
