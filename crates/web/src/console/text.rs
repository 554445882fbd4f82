//! Every word that the console says, by name: in `text/<language>/`, one file a page, in Fluent's form
//! (<https://projectfluent.org>), so that translators find them in one place. What the directory says of faults comes in
//! its own words, which are those of the API.

use std::{borrow::Cow, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use portreeve_directory::caller::Privilege;

/// The files of the one language that there is.
const ENGLISH: &[&str] = &[
    include_str!("text/en/common.ftl"),
    include_str!("text/en/accounts.ftl"),
    include_str!("text/en/home.ftl"),
    include_str!("text/en/own.ftl"),
    include_str!("text/en/identity_providers.ftl"),
    include_str!("text/en/tags.ftl"),
    include_str!("text/en/blacklist.ftl"),
    include_str!("text/en/audit_log.ftl"),
    include_str!("text/en/settings.ftl"),
    include_str!("text/en/policies.ftl"),
    include_str!("text/en/roles.ftl"),
];

static BUNDLE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| {
    let mut bundle = FluentBundle::new_concurrent(vec![unic_langid::langid!("en")]);
    // The marks that keep directions of writing apart would be in the way of whoever copies a name.
    bundle.set_use_isolating(false);
    for text in ENGLISH {
        let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(resource, _)| resource);
        // A name that is there twice is found by a test.
        let _ = bundle.add_resource(resource);
    }
    bundle
});

/// What the console says under a name. The name itself if there is nothing, which tests keep from happening.
pub fn t(name: &str) -> Cow<'static, str> {
    format(name, None)
}

/// As [`t`], with one value put in.
pub fn t_with<'a>(name: &str, what: &'a str, value: impl Into<FluentValue<'a>>) -> String {
    let mut values = FluentArgs::new();
    values.set(what, value);
    format(name, Some(&values)).into_owned()
}

/// As [`t`], with two values put in.
pub fn t_with_two<'a>(
    name: &str,
    (one, first): (&'a str, impl Into<FluentValue<'a>>),
    (two, second): (&'a str, impl Into<FluentValue<'a>>),
) -> String {
    let mut values = FluentArgs::new();
    values.set(one, first);
    values.set(two, second);
    format(name, Some(&values)).into_owned()
}

/// Which rows of how many a page of a list shows.
pub(crate) fn t_range(first: u64, last: u64, all: &u64) -> String {
    let mut values = FluentArgs::new();
    for (name, value) in [("first", &first), ("last", &last), ("all", all)] {
        values.set(name, grouped(value));
    }
    format("list-range", Some(&values)).into_owned()
}

/// Which objects a privilege is about.
pub(crate) fn scope_words(privilege: &Privilege) -> String {
    let Some(scope) = &privilege.scope else { return String::new() };
    if scope.all {
        return t("scope-everything").into_owned();
    }
    let mut words = Vec::new();
    if !scope.tags.is_empty() {
        words.push(t_with("scope-tags", "tags", scope.tags.join(", ")));
    }
    if !scope.ids.is_empty() {
        words.push(t_with("scope-ids", "count", scope.ids.len()));
    }
    if words.is_empty() { t("scope-nothing").into_owned() } else { words.join("; ") }
}

/// A span of whole minutes, in the largest unit that it is a whole number of.
pub(crate) fn minutes_words(minutes: i64) -> String {
    match minutes {
        0 => t_with("span-minutes", "count", 0),
        _ if minutes % 1_440 == 0 => t_with("span-days", "count", minutes / 1_440),
        _ if minutes % 60 == 0 => t_with("span-hours", "count", minutes / 60),
        _ => t_with("span-minutes", "count", minutes),
    }
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: &u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn format(name: &str, values: Option<&FluentArgs<'_>>) -> Cow<'static, str> {
    match BUNDLE.get_message(name).and_then(|message| message.value()) {
        // What cannot be put in is named in its place.
        Some(pattern) => BUNDLE.format_pattern(pattern, values, &mut Vec::new()).into_owned().into(),
        None => {
            debug_assert!(false, "{name} says nothing");
            name.to_owned().into()
        }
    }
}

/// The same in templates: `{{ "sign-in"|t }}`.
pub mod filters {
    use std::borrow::Cow;

    /// What the console says under a name.
    #[askama::filter_fn]
    pub fn t(name: impl AsRef<str>, _: &dyn askama::Values) -> askama::Result<Cow<'static, str>> {
        Ok(super::t(name.as_ref()))
    }

    /// As `t`, with one value put in: `{{ "signed-in-as"|t_with("name", name) }}`.
    #[askama::filter_fn]
    pub fn t_with<V: std::fmt::Display>(
        name: impl AsRef<str>,
        _: &dyn askama::Values,
        what: &str,
        value: V,
    ) -> askama::Result<String> {
        Ok(super::t_with(name.as_ref(), what, value.to_string()))
    }

    /// As `t`, with a number put in, which may decide between singular and plural.
    #[askama::filter_fn]
    pub fn t_count<N: std::fmt::Display>(
        name: impl AsRef<str>,
        _: &dyn askama::Values,
        count: N,
    ) -> askama::Result<String> {
        Ok(super::t_with(name.as_ref(), "count", count.to_string().parse().unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn files(folder: &Path, ending: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, ending, found);
            } else if path.extension().is_some_and(|own| own == ending) {
                found.push(fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn names() -> Vec<String> {
        let lines = ENGLISH.iter().flat_map(|text| text.lines());
        let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        names.filter_map(|line| Some(line.split_once(" =")?.0.to_owned())).collect()
    }

    fn is_name(text: &str) -> bool {
        text.contains('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }

    #[test]
    fn every_file_is_read_and_no_name_is_there_twice() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = Vec::new();
        files(&root.join("src/console/text/en"), "ftl", &mut all);
        assert_eq!(all.len(), ENGLISH.len(), "a file is not in the list");
        for text in ENGLISH {
            assert!(FluentResource::try_new((*text).to_owned()).is_ok(), "a file is not in Fluent's form:\n{text}");
        }
        let names = names();
        let once: BTreeSet<&String> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "a name is there twice: {names:?}");
        assert!(names.len() > 20);
    }

    #[test]
    fn every_name_that_is_used_says_something_and_every_name_is_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut sources, mut templates) = (Vec::new(), Vec::new());
        files(&root.join("src/console"), "rs", &mut sources);
        files(&root.join("templates/console"), "html", &mut templates);
        let names: BTreeSet<String> = names().into_iter().collect();
        let mut used = BTreeSet::new();
        for text in sources.iter().chain(&templates) {
            // Between quotes, and that in turn.
            for word in text.split('"').filter(|word| is_name(word)) {
                used.insert(word.to_owned());
            }
        }
        let unused: Vec<_> = names.difference(&used).collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
        // What is said by name in templates; the names that code says are looked up when it runs.
        for text in &templates {
            let mut pieces = text.split("\"|t").collect::<Vec<_>>();
            pieces.pop();
            for word in pieces.iter().filter_map(|before| before.rsplit('"').next()) {
                assert!(names.contains(word), "{word} says nothing");
            }
        }
    }
}
