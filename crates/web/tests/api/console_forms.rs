//! Forms as a browser without scripts fills them in: what a page's form holds, and sending it back with something changed.

use serde_json::{Value, json};

use crate::{
    console::{Desk, Page},
    harness::Server,
};

/// The value of an attribute in a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(text(rest.split('"').next()?))
}

fn has(tag: &str, name: &str) -> bool {
    tag.split([' ', '>']).any(|word| word == name)
}

/// Text as it was before it was made safe to stand in a page.
fn text(html: &str) -> String {
    let mut parts = html.split("&#");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';').unwrap();
        text.push(char::from_u32(number.parse().unwrap()).unwrap());
        text.push_str(rest);
    }
    assert!(!html.contains("&amp;") && !html.contains("&lt;"), "{html}");
    text
}

/// What the form that goes to `action` holds, field by field, without what proves that it is ours.
pub fn fields(html: &str, action: &str) -> Vec<(String, String)> {
    let (_, form) = html.split_once(&format!("action=\"{action}\"")).expect("the form is there");
    let form = form.split("</form>").next().unwrap();
    let mut fields = Vec::new();
    for (at, _) in form.match_indices('<') {
        let rest = &form[at + 1..];
        let tag = rest.split('>').next().unwrap();
        let Some(name) = attribute(tag, "name").filter(|name| name != "proof") else { continue };
        match tag.split_whitespace().next().unwrap() {
            "textarea" => {
                let inside = rest.split_once('>').unwrap().1.split("</textarea>").next().unwrap();
                // The first line break of a text is not part of it; the others are sent as CR LF.
                let inside = text(inside.strip_prefix('\n').unwrap_or(inside));
                fields.push((name, inside.replace('\n', "\r\n")));
            }
            "select" => {
                let inside = rest.split("</select>").next().unwrap();
                let options: Vec<&str> = inside.split("<option").skip(1).collect();
                let chosen = options.iter().find(|option| has(option.split('>').next().unwrap(), "selected"));
                let chosen = chosen.or(options.first()).unwrap();
                let (tag, rest) = chosen.split_once('>').unwrap();
                let inside = text(rest.split('<').next().unwrap());
                fields.push((name, attribute(tag, "value").unwrap_or(inside)));
            }
            "input" => {
                let kind = attribute(tag, "type").unwrap_or_else(|| "text".into());
                if !matches!(kind.as_str(), "checkbox" | "radio") || has(tag, "checked") {
                    fields.push((name, attribute(tag, "value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    fields
}

/// The fields of a form, as they are sent.
pub fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The fields of a page's form as they would be sent.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Those of the first form that something is filled in on.
    pub fn of(page: &Page) -> Self {
        let (before, _) = page.html.split_once("class=\"stack\">").expect("a form");
        let form = &before[before.rfind('<').unwrap()..];
        Self(fields(&page.html, &attribute(form, "action").expect("it leads somewhere")))
    }

    /// With another value in the first field of a name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.0.iter_mut().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no field {name}"));
        value.clone_into(&mut field.1);
        self
    }

    /// Without any of the fields of a name that hold this.
    pub fn without(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(own, held)| !(own == name && held == value));
        self
    }

    pub async fn send(&self, desk: &mut Desk<'_>, path: &str) -> Page {
        desk.post(path, &borrowed(&self.0)).await
    }
}

/// Opens a page and reads its form.
pub async fn open(desk: &mut Desk<'_>, path: &str) -> Fields {
    Fields::of(&desk.get(path).await.expect(200))
}

#[test]
fn forms_are_read_as_browsers_read_them() {
    let html = "<form action=\"/x\"><input name=\"proof\" value=\"p\"><input name=\"a\" value=\"1 &#60; 2\">\
        <input type=\"checkbox\" name=\"b\" value=\"no\"><input type=\"checkbox\" name=\"b\" value=\"yes\" checked>\
        <select name=\"c\"><option value=\"\">none</option><option selected>two</option></select>\
        <textarea name=\"d\" rows=\"2\">\n\none\n two</textarea><button name=\"e\" value=\"f\">g</button></form>";
    let expected = [("a", "1 < 2"), ("b", "yes"), ("c", "two"), ("d", "\r\none\r\n two")];
    assert_eq!(borrowed(&fields(html, "/x")), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_no_form_shows_stay_as_they_are() {
    let server = Server::start().await;
    let odd = json!({
        "profileHostname": "portal.example",
        "nested": { "a": [1, null, "<b>"] },
        "claimsTokenExpiration": 77,
        "geoIpUpdates": true,
        "geoIpSettings": { "updates": "Off" },
        "loginBannerMessage": "\n\"Mind\" <the> & 'gap'\n",
    });
    let mut settings = server.get("/global-settings").await.json;
    settings.as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
    server.put("/global-settings", settings.clone()).await.expect(204);
    let mut desk = Desk::of_admin(&server).await;
    let fields = open(&mut desk, "/ui/settings/edit").await;
    fields.send(&mut desk, "/ui/settings/edit").await.expect(303);
    assert_eq!(server.get("/global-settings").await.json, settings);
    let fields = open(&mut desk, "/ui/settings/edit").await.with("messageOfTheDay", "Cake at four.");
    fields.send(&mut desk, "/ui/settings/edit").await.expect(303);
    settings["messageOfTheDay"] = json!("Cake at four.");
    assert_eq!(server.get("/global-settings").await.json, settings);
    desk.get("/ui/").await.expect(200).says("Cake at four.");
    // The same form again: by now it is about other settings.
    fields.send(&mut desk, "/ui/settings/edit").await.expect(412).says("Somebody else has changed this");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_more_objects_carry_by_now_can_still_be_edited() {
    let server = Server::start().await;
    let id = server.make("/tags", json!({ "name": "sales", "colorCode": 7 })).await;
    let path = format!("/ui/tags/{id}");
    let mut desk = Desk::of_admin(&server).await;
    let fields = open(&mut desk, &path).await.with("notes", "Who sells");
    let mut carla = crate::harness::person("carla");
    carla["tags"] = json!(["sales"]);
    server.make("/local-users", carla).await;
    fields.send(&mut desk, &path).await.expect(303);
    let held: Value = server.get(&format!("/tags/{id}")).await.json;
    assert_eq!((&held["notes"], &held["colorCode"]), (&json!("Who sells"), &json!(7)));
    fields.with("notes", "too late").send(&mut desk, &path).await.expect(412);
    assert_eq!(server.get(&format!("/tags/{id}")).await.json["notes"], "Who sells");
}
