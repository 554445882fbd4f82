//! Fields, buttons and links, found by the name that a person reads and a screen reader says.

use serde_json::{Value, json};

use super::{Browser, done, webdriver::key};

const FIELDS: &str = "input:not([type=hidden]), select, textarea";
const CONTROLS: &str = "a[href], button, summary, input[type=submit], input[type=button], [role=button], [role=tab], \
     [role=menuitem], [role=switch]";
/// Fields into which the browser's own widgets put what is typed, each language's in another order.
const SET_BY_VALUE: [&str; 7] = ["date", "time", "datetime-local", "month", "week", "color", "range"];

fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Browser {
    /// Presses the one button or link of this name.
    #[track_caller]
    pub fn press(&self, name: &str) {
        self.press_in("", name);
    }

    /// As [`Browser::press`], inside of what CSS finds: the row of a table, say.
    #[track_caller]
    pub fn press_in(&self, css: &str, name: &str) {
        self.wait_until(&format!("a button or link {name:?}"), || {
            let control = self.one(CONTROLS, name, css)?;
            self.session.click(&control)
        });
    }

    /// Fills in the one field of this label, in place of what was in it. Of a list, chooses what reads so.
    ///
    /// Dates and times are written as HTML has them: `2030-01-31T12:00`.
    #[track_caller]
    pub fn fill(&self, label: &str, text: &str) {
        self.wait_until(&format!("a field {label:?}"), || {
            let field = self.one(FIELDS, label, "")?;
            if self.session.ask_text(&field, "name")? == "select" {
                self.choose(&field, text)
            } else if SET_BY_VALUE.contains(&self.session.ask_text(&field, "property/type")?.as_str()) {
                self.set(&field, text)
            } else {
                self.type_over(&field, text)
            }
        });
    }

    /// Ticks the one box of this label, or chooses the one button of a group; with `false` clears it.
    #[track_caller]
    pub fn tick(&self, label: &str, ticked: bool) {
        self.wait_until(&format!("a box {label:?}"), || {
            let field = self.one("input[type=checkbox], input[type=radio]", label, "")?;
            let already = self.session.ask(&field, "selected")? == ticked;
            if already { Ok(()) } else { self.session.click(&field) }
        });
    }

    /// What is in the one field of this label.
    #[track_caller]
    pub fn value(&self, label: &str) -> String {
        self.wait_until(&format!("a field {label:?}"), || {
            let field = self.one(FIELDS, label, "")?;
            self.session.ask_text(&field, "property/value")
        })
    }

    /// The name of what has the focus.
    #[track_caller]
    pub fn focused(&self) -> String {
        done(self.session.ask_text(&self.active(), "computedlabel"))
    }

    /// The one element of a kind with this name; or why there is none.
    fn one(&self, kind: &str, name: &str, css: &str) -> Result<Value, String> {
        let arguments = [json!(kind), json!(name), json!(css)];
        let mut found = Vec::new();
        for element in self.session.script(include_str!("find.js"), &arguments)?.as_array().into_iter().flatten() {
            if normal(&self.session.ask_text(element, "computedlabel")?) == normal(name) {
                found.push(element.clone());
            }
        }
        match (found.pop(), found.len()) {
            (None, _) => Err("nothing that can be seen is called so".to_owned()),
            (Some(_), others @ 1..) => Err(format!("{} are called so", others + 1)),
            (Some(element), _) if self.session.ask(&element, "enabled")? == true => Ok(element),
            _ => Err("it is disabled".to_owned()),
        }
    }

    fn choose(&self, list: &Value, text: &str) -> Result<(), String> {
        let script = "return [...arguments[0].options].map((option) => [option, option.label])";
        let options = self.session.script(script, std::slice::from_ref(list))?;
        let options: Vec<(Value, String)> = serde_json::from_value(options).expect("is what the script returns");
        match options.iter().find(|(_, name)| normal(name) == normal(text)) {
            Some((option, _)) => self.session.click(option),
            None => {
                let names: Vec<&String> = options.iter().map(|(_, name)| name).collect();
                Err(format!("there is no {text:?} among {names:?}"))
            }
        }
    }

    fn set(&self, field: &Value, value: &str) -> Result<(), String> {
        let script = "const [field, value] = arguments; field.focus(); field.value = value; \
             for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, {bubbles: true}))";
        self.session.script(script, &[field.clone(), json!(value)]).map(drop)
    }

    /// As a person does, by marking all: emptied first, a field would tell the page that it changed.
    fn type_over(&self, field: &Value, text: &str) -> Result<(), String> {
        self.session.send_keys(field, &format!("{}a", key::CONTROL))?;
        self.session.send_keys(field, if text.is_empty() { key::DELETE } else { text })
    }
}
