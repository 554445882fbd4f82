//! Names that are one to whoever reads them are one.

use reqwest::Method;
use serde_json::json;

use super::{
    super::course::{figure, size},
    Ask, CROWD, KINDS, least, on_fleets,
};

/// Spellings of one name: in case, in Unicode's normal forms, and where one letter folds to several.
const SPELLINGS: [&[&str]; 9] = [
    &["Alice", "alice", "ALICE", "aLiCe"],
    &["Straße", "STRASSE", "strasse", "straẞe", "straſse"],
    &["caf\u{e9}", "cafe\u{301}", "CAF\u{c9}", "CAFE\u{301}"],
    &["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ", "\u{3c3}\u{3b9}\u{301}συφος"],
    &["\u{212a}elvin", "kelvin", "KELVIN"],
    &["\u{130}zmir", "I\u{307}zmir", "i\u{307}zmir", "i\u{307}ZMIR"],
    &["o\u{fb03}ce", "OFFICE", "office", "o\u{fb00}ice"],
    &["\u{390}ota", "\u{1fd3}ota", "\u{3b9}\u{308}\u{301}ota", "\u{399}\u{308}\u{301}OTA"],
    &["\u{212b}ngstr\u{f6}m", "\u{c5}NGSTR\u{d6}M", "a\u{30a}ngstro\u{308}m", "A\u{30a}NGSTRO\u{308}M"],
];

#[test]
fn of_many_who_want_a_name_in_any_spelling_one_gets_it() {
    let nodes = on_fleets(|town| {
        for (kind, number) in KINDS.into_iter().zip(0..) {
            let names = if number == 0 { SPELLINGS.len() } else { size(1, SPELLINGS.len()) };
            for (round, spellings) in SPELLINGS.iter().take(names).enumerate() {
                let spelling = |number: usize| spellings[number % spellings.len()];
                let winner =
                    town.once(200, &[409], |number| Ask::new(Method::POST, kind).with(least(kind, spelling(number))));
                if number + round >= size(1, KINDS.len() + SPELLINGS.len()) {
                    continue;
                }
                // Nor is anybody renamed to it, and of those who are to be renamed to another one is.
                let paths: Vec<String> =
                    (0..CROWD).map(|number| town.make(kind, &format!("{round} {number}")).0).collect();
                let taken = town.at_once(&town.admin, CROWD, |number| {
                    Ask::new(Method::PUT, &paths[number]).with(least(kind, spelling(winner + number)))
                });
                assert!(taken.iter().all(|answer| answer.status == 409), "{kind}: renamed to a name that is taken");
                town.once(200, &[409], |number| {
                    Ask::new(Method::PUT, &paths[number]).with(least(kind, &format!("{}-{round}", spelling(number))))
                });
            }
        }
    });
    figure("once", &format!("{CROWD} at a time for each of {} names, on fleets of {nodes:?}", SPELLINGS.len()));
}

#[test]
fn of_many_who_want_an_id_one_gets_it() {
    on_fleets(|town| {
        for round in 0..size(3, 40) {
            let id = format!("4c07bc67-57ea-42dd-b702-{round:012}");
            // It is one for people and machines.
            town.once(200, &[409], |number| {
                let kind = KINDS[number % 2];
                let mut body = least(kind, &format!("by id {round} {number}"));
                body["id"] = json!(id);
                Ask::new(Method::POST, kind).with(body)
            });
        }
    });
}
