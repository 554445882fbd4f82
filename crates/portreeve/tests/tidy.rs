//! What a reader relies on, held by a test: short files, a true map, borders, no circles, nothing unfinished.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root is there")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    rust_files(&root().join(folder), &mut found);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).expect("the file can be read"))).collect()
}

/// Tests at the end of a file do not make it harder to read.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\n").next().unwrap_or_default()
}

#[test]
fn files_are_short_and_begin_with_what_they_are_for() {
    for (path, text) in sources("crates") {
        let (path, lines) = (path.display(), code(&text).lines().count());
        assert!(lines <= LONGEST_FILE, "{path} has {lines} lines");
        assert!(text.starts_with("//! "), "{path} does not begin with its purpose");
    }
}

#[test]
fn nothing_is_unfinished() {
    // Put together here, so that this file does not find itself.
    let words = [["to", "do!("], ["unimpl", "emented!("], ["FIX", "ME"], ["#[ign", "ore"]].map(|parts| parts.concat());
    for (path, text) in sources("crates") {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

#[test]
fn every_path_on_the_map_exists_and_every_crate_has_its_reason() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    let (mut section, mut checked) = (String::new(), 0);
    for line in map.lines() {
        if let Some(title) = line.strip_prefix("### `").or_else(|| line.strip_prefix("## ")) {
            section = title.trim_end_matches('`').to_owned();
        }
        let Some(cell) = line.strip_prefix("| ").and_then(|rest| rest.split(" | ").next()) else { continue };
        for path in cell.split('`').skip(1).step_by(2).filter(|path| path.contains('/') || path.ends_with(".rs")) {
            let inside = root().join(&section).join(path);
            assert!(inside.exists() || root().join(path).exists(), "ARCHITECTURE.md names {path}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 30, "the map has lost its tables: {checked}");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let begin = manifest.find("[workspace.dependencies]").expect("dependencies");
    for line in manifest[begin..].lines().skip(1).take_while(|line| !line.starts_with('[')) {
        let Some((name, _)) = line.split_once(" = ") else { continue };
        let named = map.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).any(|word| word == name);
        assert!(named || name.starts_with("portreeve-"), "ARCHITECTURE.md gives no reason for {name}");
    }
    let reasons = map.split_once("\n## Dependencies\n").expect("the map has dependencies").1;
    let reasons = reasons.lines().take_while(|line| !line.starts_with("## "));
    let crates =
        reasons.filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).flat_map(|cell| cell.split(", "));
    for name in crates.filter(|name| *name != "Crate") {
        let is_there = manifest[begin..].contains(&format!("\n{name} = "));
        assert!(is_there, "ARCHITECTURE.md gives a reason for {name}, on which nothing depends");
    }
}

/// The rows of all tables of a document, as cells.
fn rows(document: &str) -> Vec<Vec<&str>> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(str::trim).collect()).collect()
}

/// The file that a test is said to be in: `api/lists.rs` is one of those that go through the router.
fn file_of_test(name: &str) -> PathBuf {
    let (room, rest) = name.split_once('/').unwrap_or(("", name));
    let folder = match room {
        "api" => "crates/web/tests/api",
        "program" | "browser" | "proof" => return root().join("crates/portreeve/tests").join(name),
        "directory" | "web" => return root().join("crates").join(room).join("src").join(rest),
        _ => "crates/portreeve/tests",
    };
    root().join(folder).join(rest)
}

fn is_test(text: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let mut lines = text.lines().map(str::trim);
    let Some(at) = lines.position(|line| line.trim_start_matches("async ").starts_with(&function)) else {
        return false;
    };
    let before = text.lines().take(at).collect::<Vec<_>>();
    let mut attributes = before.iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("#["));
    attributes.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

#[test]
fn every_test_that_is_named_for_a_standard_exists() {
    let standards = fs::read_to_string(root().join("docs/standards.md")).expect("the standards are there");
    let mut checked = BTreeSet::new();
    for named in standards.split('`').skip(1).step_by(2).filter(|named| named.contains(".rs::")) {
        let (file, test) = named.split_once("::").expect("is both");
        let path = file_of_test(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{named}: {}: {fault}", path.display()));
        assert!(is_test(&text, test), "docs/standards.md names {named}, and there is no such test");
        checked.insert(named);
    }
    assert!(checked.len() > 100, "the tests were not read: {checked:?}");
}

#[test]
fn no_standard_is_met_without_something_that_shows_it() {
    let standards = fs::read_to_string(root().join("docs/standards.md")).expect("the standards are there");
    let (mut seen, mut counts) = (BTreeSet::new(), BTreeMap::<&str, usize>::new());
    for row in rows(&standards).into_iter().filter(|row| row.len() == 5 && row[0] != "No.") {
        let [number, _, _, state, how] = row[..] else { continue };
        assert!(seen.insert(number), "{number} is there twice");
        assert!(["met", "partly", "not met", "not applicable"].contains(&state), "{number} is {state:?}");
        let shown = how.contains(".rs::") || how.contains("](");
        assert!(shown || state.starts_with("not "), "{number} is {state}, and nothing shows it");
        assert!(how.len() > 10, "{number} has no reason");
        *counts.entry(state).or_default() += 1;
    }
    // What the page says of itself at its beginning.
    let summary: Vec<_> =
        rows(&standards).into_iter().filter(|row| row.len() == 2 && counts.contains_key(row[0])).collect();
    let said: BTreeMap<&str, usize> = summary.iter().map(|row| (row[0], row[1].parse().unwrap_or_default())).collect();
    assert_eq!(said, counts);
}

#[test]
fn web_knows_no_database_and_directory_no_http() {
    let dependencies = |name: &str| {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("is there");
        manifest.split("[dev-dependencies]").next().unwrap_or_default().to_owned()
    };
    for http in ["axum", "hyper", "tower", "reqwest"] {
        assert!(!dependencies("directory").contains(&format!("\n{http}.")), "directory depends on {http}");
    }
    for database in ["rusqlite", "tokio-postgres", "deadpool-postgres"] {
        assert!(!dependencies("web").contains(&format!("\n{database}.")), "web depends on {database}");
    }
    for (path, text) in sources("crates/web/src") {
        for word in ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "] {
            assert!(!text.contains(word), "{} has SQL", path.display());
        }
    }
}

/// The paths that `use` declarations of the crate name: `use crate::{a::{b, c}, d};` gives `a::b`, `a::c` and `d`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code(text).match_indices("use crate::") {
        let tree = text[at + "use crate::".len()..].split(';').next().unwrap_or_default();
        expand("", &tree.split_whitespace().collect::<String>(), &mut found);
    }
    found
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        // Behind a last comma there is nothing.
        found.extend((!tree.is_empty()).then(|| format!("{prefix}{tree}")));
        return;
    };
    let (mut depth, mut begin) = (0, 0);
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&format!("{prefix}{head}"), &inner[begin..at], found);
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// The files of a crate and the files that each imports. The root is left out: everything may know it.
fn arrows(crate_source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let base = root().join(crate_source);
    let name = |path: &Path| {
        let relative = path.strip_prefix(&base).expect("is below").with_extension("");
        relative.to_string_lossy().replace('/', "::").trim_end_matches("::mod").to_owned()
    };
    let files = sources(crate_source);
    let modules: BTreeSet<String> = files.iter().map(|(path, _)| name(path)).collect();
    let target = |import: &String| {
        let parts: Vec<&str> = import.split("::").collect();
        (1..=parts.len()).rev().map(|length| parts[..length].join("::")).find(|path| modules.contains(path))
    };
    let of = |(path, text): &(PathBuf, String)| {
        let own = name(path);
        let to = imports(text).iter().filter_map(target).filter(|to| *to != own).collect();
        (own, to)
    };
    files.iter().map(of).filter(|(own, _)| own != "lib" && own != "main").collect()
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for folder in ["crates/directory/src", "crates/web/src"] {
        let arrows = arrows(folder);
        assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 20, "{folder}: the imports were not read");
        for start in arrows.keys() {
            let (mut reached, mut open) = (BTreeSet::new(), vec![start]);
            while let Some(at) = open.pop() {
                for to in arrows.get(at).into_iter().flatten() {
                    assert!(to != start, "{folder}: {start} imports itself by way of {at}");
                    if reached.insert(to) {
                        open.push(to);
                    }
                }
            }
        }
    }
}

#[test]
fn the_store_knows_no_rule() {
    let rules =
        ["accounts", "local_users", "service_users", "identity_providers", "login", "sessions", "list", "audit"];
    for (file, to) in arrows("crates/directory/src").into_iter().filter(|(file, _)| file.starts_with("store")) {
        let back = to.iter().find(|to| rules.contains(&to.split("::").next().unwrap_or_default()));
        assert!(back.is_none(), "{file} imports {back:?}");
    }
}

#[test]
fn imports_are_read() {
    let text = "use crate::{\n    a::{self, B, c::{D, E}},\n    f,\n};\nuse crate::g;\n#[cfg(test)]\nmod tests {\n use crate::h; }";
    assert_eq!(imports(text), ["a::self", "a::B", "a::c::D", "a::c::E", "f", "g"]);
}
