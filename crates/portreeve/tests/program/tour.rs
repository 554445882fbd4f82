//! The tour of `README.md` and the examples of `docs/authority.md`, walked line by line as a reader would, each on a server
//! of its own.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::support::{Place, Server, run};

/// Where the README says that the server is.
const ADDRESS: &str = "http://127.0.0.1:8080";
/// Stands in the output behind that of each step.
const END_OF_STEP: &str = "=== end of step ===";

/// A block of commands, and what the README shows as their output, with its form.
struct Step {
    commands: String,
    shown: Option<(String, String)>,
}

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(path).expect("is there")
}

/// The fenced blocks of a text: form and content.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(form) = line.strip_prefix("```") {
            let content: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((form.to_owned(), content.join("\n") + "\n"));
        }
    }
    blocks
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (form, content) in blocks(text) {
        if form == "sh" {
            steps.push(Step { commands: content, shown: None });
            continue;
        }
        assert!(["json", "text"].contains(&form.as_str()), "a block of {form}: commands are sh, answers json or text");
        let step = steps.last_mut().expect("commands come before their output");
        assert!(step.shown.replace((form, content)).is_none(), "two outputs of {}", step.commands);
    }
    steps
}

/// Replaces what differs from one walk to the next by what kind of thing it is. Ids are numbered as they turn up, so that
/// what was the same one stays the same one.
#[derive(Default)]
struct Mask {
    ids: Vec<String>,
}

impl Mask {
    fn apply(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|value| self.apply(value)),
            Value::Array(items) => items.iter_mut().for_each(|value| self.apply(value)),
            Value::String(text) => {
                let shape: String = text.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
                if shape == "xxxx-xx-xxTxx:xx:xx.xxxxxxZ" {
                    *text = "(time)".into();
                } else if shape == "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" {
                    *text = format!("(id {})", self.number(text));
                } else if text.len() == 44 && text.ends_with('=') {
                    *text = "(token)".into();
                }
            }
            _ => {}
        }
    }

    fn number(&mut self, id: &str) -> usize {
        let known = self.ids.iter().position(|known| known == id);
        known.unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        })
    }

    fn json(&mut self, text: &str) -> Value {
        let mut value = serde_json::from_str(text).unwrap_or_else(|wrong| panic!("{wrong} in {text}"));
        self.apply(&mut value);
        value
    }
}

#[test]
fn every_line_of_the_tour_does_what_it_says() {
    let readme = document("README.md");
    walk(readme.split("\n## ").find(|section| section.starts_with("A tour")).expect("has a tour"));
}

#[test]
fn every_example_of_roles_and_policies_does_what_it_says() {
    walk(&document("docs/authority.md"));
}

fn walk(text: &str) {
    let steps = steps(text);
    assert!(steps.len() > 10 && steps[0].commands.contains(ADDRESS), "the tour has lost its way");
    let readme = document("README.md");
    let chosen = readme.split("PORTREEVE_ADMIN_PASSWORD='").nth(1).and_then(|rest| rest.split('\'').next());
    let chosen = chosen.expect("the README says how to choose the password");

    let place = Place::new();
    let server = Server::start_with(&place, |command| command.env("PORTREEVE_ADMIN_PASSWORD", chosen));
    let mut script = String::new();
    for step in &steps {
        script += &step.commands.replace(ADDRESS, &server.url);
        script += &format!("echo '{END_OF_STEP}'\n");
    }
    let file = place.path().join("tour.sh");
    std::fs::write(&file, script).expect("is written");
    let walked = run(Command::new("bash").arg("-e").arg(&file).env("no_proxy", "127.0.0.1"));
    assert_eq!((walked.code, walked.err.as_str()), (Some(0), ""), "{}", walked.out);

    let end = format!("{END_OF_STEP}\n");
    let mut outputs = walked.out.split(&end);
    let (mut seen, mut said) = (Mask::default(), Mask::default());
    for step in &steps {
        let output = outputs.next().expect("each step ended");
        match &step.shown {
            Some((form, shown)) if form == "json" => {
                assert_eq!(seen.json(output), said.json(shown), "{}", step.commands)
            }
            Some((_, shown)) => assert_eq!(output, shown, "{}", step.commands),
            None => assert_eq!(output, "", "it is not shown what this prints:\n{}", step.commands),
        }
    }
}

#[test]
fn the_two_commands_are_there() {
    let readme = document("README.md");
    for command in ["$ cargo run --release -- serve\n", "$ cargo test --workspace\n"] {
        assert!(readme.contains(command), "{command}");
    }
}
