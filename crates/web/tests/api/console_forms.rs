//! Forms as a browser without scripts fills them in: what a page's form holds, and sending it back with something changed.

use serde_json::{Value, json};

use crate::{
    console::{Desk, Page},
    harness::Server,
};

/// The fields of a page's form as they would be sent.
pub struct Fields(Vec<(String, String)>);

fn plain(text: &str) -> String {
    let escapes = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    escapes.iter().fold(text.to_owned(), |text, (escaped, character)| text.replace(escaped, character))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(plain(rest.split('"').next().unwrap()))
}

fn option(select: &str) -> String {
    let options: Vec<&str> = select.split("<option").skip(1).collect();
    let chosen = options.iter().find(|option| option.split('>').next().unwrap().contains(" selected"));
    attribute(chosen.unwrap_or(&options[0]), "value").unwrap()
}

impl Fields {
    /// Those of the first form that something is filled in on.
    pub fn of(page: &Page) -> Self {
        let (_, form) = page.html.split_once("class=\"stack\">").expect("a form");
        let form = form.split("</form>").next().unwrap();
        let mut fields = Vec::new();
        for (at, _) in form.match_indices('<') {
            let (tag, text) = form[at + 1..].split_once('>').unwrap();
            let Some(name) = attribute(tag, "name") else { continue };
            let ticks = ["checkbox", "radio"].iter().any(|kind| tag.contains(&format!("type=\"{kind}\"")));
            let value = match tag.split(' ').next().unwrap() {
                "input" if ticks && !tag.contains(" checked") => continue,
                "input" => attribute(tag, "value").unwrap_or_default(),
                "textarea" => {
                    let text = text.split('<').next().unwrap();
                    plain(text.strip_prefix('\n').unwrap_or(text))
                }
                "select" => option(text.split("</select>").next().unwrap()),
                _ => continue,
            };
            fields.push((name, value));
        }
        fields.retain(|(name, _)| name != "proof");
        Self(fields)
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
        let fields: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        desk.post(path, &fields).await
    }
}

/// Opens a page and reads its form.
pub async fn open(desk: &mut Desk<'_>, path: &str) -> Fields {
    Fields::of(&desk.get(path).await.expect(200))
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
