//! What the numbers of a provider come to, in sentences.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use portreeve_directory::{
    Directory,
    caller::Target,
    identity_providers::IdentityProvider,
    login::{BLOCK_AT, CONSOLE_IDLE_MINUTES},
};
use serde::Deserialize;

use crate::console::{
    form::Form,
    page::{Answer, html},
    session::SignedIn,
    text::{minutes_words, t, t_with, t_with_two},
};

/// The numbers as they are typed. Only a provider of people has the last one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Numbers {
    user_lockout_threshold: String,
    user_lockout_duration_minutes: String,
    min_password_length: String,
    inactivity_timeout_minutes: Option<String>,
}

/// A sentence for each thing that is held of accounts. What is no number is said to be none.
fn sentences(numbers: &Numbers) -> Vec<String> {
    let number = |text: &str| text.trim().parse::<i64>().ok().filter(|number| *number >= 0);
    let unclear = || t("provider-words-unclear").into_owned();
    let lock = number(&numbers.user_lockout_threshold).zip(number(&numbers.user_lockout_duration_minutes));
    let length = number(&numbers.min_password_length);
    let mut said = vec![
        lock.map_or_else(unclear, |(wrong, minutes)| {
            t_with_two("provider-words-lock", ("count", wrong), ("span", minutes_words(minutes)))
        }),
        t_with("provider-words-block", "count", BLOCK_AT),
        // No password is empty, whatever the number is.
        length.map_or_else(unclear, |length| t_with("provider-words-length", "count", length.max(1))),
    ];
    if let Some(text) = &numbers.inactivity_timeout_minutes {
        said.push(match number(text) {
            None => unclear(),
            Some(0) => {
                let own = i64::try_from(CONSOLE_IDLE_MINUTES).unwrap_or(i64::MAX);
                t_with("provider-words-idle-default", "span", minutes_words(own))
            }
            Some(minutes) => t_with("provider-words-idle", "span", minutes_words(minutes)),
        });
    }
    said
}

/// What the provider holds of its accounts.
pub(super) fn of(provider: &IdentityProvider) -> Vec<String> {
    let people = provider.settings.people.as_ref();
    sentences(&Numbers {
        user_lockout_threshold: provider.user_lockout_threshold.to_string(),
        user_lockout_duration_minutes: provider.user_lockout_duration_minutes.to_string(),
        min_password_length: provider.min_password_length.to_string(),
        inactivity_timeout_minutes: people.map(|people| people.inactivity_timeout_minutes.to_string()),
    })
}

/// What a form of it says as it is filled in.
pub(super) fn of_form(form: &Form) -> Vec<String> {
    let number = |name| form.get(name).to_owned();
    sentences(&Numbers {
        user_lockout_threshold: number("userLockoutThreshold"),
        user_lockout_duration_minutes: number("userLockoutDurationMinutes"),
        min_password_length: number("minPasswordLength"),
        inactivity_timeout_minutes: form.some("inactivityTimeoutMinutes"),
    })
}

#[derive(Template)]
#[template(path = "console/identity_provider_words.html")]
struct Partial {
    words: Vec<String>,
}

/// `GET /ui/identity-providers/words`: while numbers are being typed, what they would come to.
pub(super) async fn partial(State(_): State<Directory>, me: SignedIn, Query(numbers): Query<Numbers>) -> Answer {
    me.caller.authorize_edit(Target::IdentityProvider)?;
    html(StatusCode::OK, &Partial { words: sentences(&numbers) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_to_sentences() {
        let numbers = |threshold: &str, minutes: &str, idle: Option<&str>| {
            sentences(&Numbers {
                user_lockout_threshold: threshold.into(),
                user_lockout_duration_minutes: minutes.into(),
                min_password_length: "8".into(),
                inactivity_timeout_minutes: idle.map(str::to_owned),
            })
        };
        let said = numbers("5", "1", Some("0"));
        assert_eq!(said[0], "5 wrong passwords in a row lock an account for one minute.");
        assert_eq!(said[1], "After 100 wrong passwords in a row an account is blocked until an administrator acts.");
        assert_eq!(said[2], "A new password has at least 8 characters.");
        assert_eq!(said[3], "A session of the console ends after 30 minutes without use.");
        let said = numbers("1", "120", None);
        assert_eq!(said[0], "One wrong password locks an account for 2 hours.");
        assert_eq!(said.len(), 3);
        assert_eq!(numbers("x", "1", None)[0], numbers("-1", "1", None)[0]);
        assert!(numbers("", "1", None)[0].contains("whole number"));
        assert!(numbers("3", "2880", Some("90"))[0].ends_with("for 2 days."));
        assert_eq!(numbers("3", "1", Some("90"))[3], "A session of the console ends after 90 minutes without use.");
    }
}
