//! What the readers of a configuration promise, as properties of any bytes: for `fuzz/`, and for tests that try changed seeds.

#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use seeds::SECRET;

use crate::settings::{Given, Settings, masked};

/// A configuration file: an error quotes no value, and what is shown of one that is taken holds no secret and is read the same
/// again.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let is_secret = |shown: &str| text.matches(SECRET).count() > 0 && shown.contains(SECRET);
    let given = match Given::from_file(text) {
        Ok(given) => given,
        Err(wrong) => {
            // The name of a field that is not known is quoted.
            assert!(!is_secret(&wrong) || wrong.contains("unknown field"), "{wrong}");
            return;
        }
    };
    let other = Given { admin_password: given.admin_password.as_ref().map(|_| "another".to_owned()), ..given.clone() };
    let Ok(settings) = Settings::of(&Given::default(), given, None) else { return };
    let shown = settings.describe();
    let other = Settings::of(&Given::default(), other, None).expect("differs in its password alone").describe();
    assert_eq!(shown, other, "whatever the password is");
    let again = Given::from_file(&shown).expect("what is shown is a file");
    let again = Settings::of(&Given::default(), again, None).expect("what is shown can be taken").describe();
    let values = |shown: &str| {
        let lines: Vec<String> =
            shown.lines().filter_map(|line| Some(line.rsplit_once('#')?.0.trim().to_owned())).collect();
        lines
    };
    assert_eq!(values(&again), values(&shown));
}

/// An address with a password in it is shown without.
pub fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let shown = masked(text);
    let Ok(url) = url::Url::parse(text) else {
        assert_eq!(shown, "********");
        return;
    };
    let again = url::Url::parse(&shown).expect("what is shown is an address");
    assert!(again.query_pairs().all(|(key, value)| key != "password" || value == "********"), "{shown}");
    let mut other = url.clone();
    if url.password().is_some() && other.set_password(Some("another")).is_ok() {
        assert_eq!(shown, masked(other.as_str()), "whatever the password is");
    }
}

#[cfg(test)]
mod tests {
    use super::{seeds::around, *};

    #[test]
    fn configurations_are_read_as_they_are_shown_and_quoted_nowhere() {
        around("configuration", 10_000, configuration);
    }

    #[test]
    fn addresses_are_shown_without_their_passwords() {
        around("address", 20_000, address);
    }
}
