//! Markup in every text that is stored or asked for, and then every page of the console to which any link leads: the texts are shown
//! as texts, and what is taken along is a table without formulas.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::{
    document::{Operation, operations, with_bodies},
    samples::Sample,
};
use crate::{
    console::Desk,
    harness::{PASSWORD, Server},
};

/// Ends an attribute, a tag and a text in a script, whichever it is written into.
const MARKUP: &str = "mark4711\"'><b>&amp;{{7*7}}";
/// How many pages there may be before something leads in circles.
const MOST: usize = 3_000;

/// Every text of a value with markup in front, if it may be there.
fn marked(value: &Value, markup: &str) -> Value {
    match value {
        Value::String(text) => json!(format!("{markup}{text}")),
        other => other.clone(),
    }
}

/// Makes one of each kind, with as much markup as each takes.
async fn populate(server: &Server) {
    for operation in with_bodies().filter(Operation::makes) {
        let mut body = Sample { tags: vec![MARKUP.into()], ..Sample::named(MARKUP) }.body(operation.takes().unwrap());
        for (field, value) in body.clone().as_object().unwrap() {
            let mut with = body.clone();
            with[field] = marked(value, MARKUP);
            // Some fields take only words of theirs, or code.
            let answer = server.post(&operation.path, with.clone()).await;
            if answer.status == 200 {
                body["name"] = json!(format!("{MARKUP}{field}"));
            }
        }
    }
    let service = json!({ "name": format!("{MARKUP}labels"), "labels": { MARKUP: MARKUP }, "password": PASSWORD });
    server.make("/service-users", service).await;
    server.login("service", &format!("{MARKUP}labels"), PASSWORD).await.expect(200);
    server.login("local", &format!("{MARKUP} is nobody"), "wrong").await.expect(401);
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
        server.login("local", formula, "wrong").await.expect(401);
    }
    let throws = format!("// {MARKUP}\nthrow {:?}", format!("</script>{MARKUP}"));
    server.make("/policies", json!({ "name": "throws", "expression": throws })).await;
    server.login("service", &format!("{MARKUP}labels"), PASSWORD).await.expect(200);
    for operation in operations().into_iter().filter(|operation| operation.method == "PUT") {
        if operation.maker().is_some() || operation.privilege().is_none() {
            continue;
        }
        let (path, body) = Sample::named("any").request(server, &operation).await;
        for (field, value) in body.as_object().unwrap().clone() {
            let mut with = body.clone();
            with[&field] = if field == "tags" { json!([MARKUP]) } else { marked(&value, MARKUP) };
            server.put(&path, with).await;
        }
    }
}

/// The addresses of our own that a page leads to, as a browser reads them.
fn links(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in ["href=\"", "action=\"", "hx-get=\"", "src=\""] {
        for piece in html.split(attribute).skip(1) {
            let link = piece.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
            let known = link.starts_with('/') && !link.starts_with("//");
            let schemes = ["#", "mailto:", "tel:", "?"];
            assert!(
                known || link.is_empty() || schemes.iter().any(|one| link.starts_with(one)),
                "leads elsewhere: {link}"
            );
            if link.starts_with("/ui/") {
                found.push(link.split('#').next().unwrap().to_owned());
            }
        }
    }
    found
}

/// The names of what a page's forms that only ask have in them.
fn parameters(html: &str) -> BTreeSet<String> {
    let forms = html.split("<form").skip(1).filter(|form| !form.split('>').next().unwrap().contains("post"));
    let within = forms.map(|form| form.split("</form>").next().unwrap());
    within
        .flat_map(|form| form.split(" name=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()))
        .collect()
}

/// Wherever the markup is, what it begins with is followed by something that is no markup.
#[track_caller]
fn assert_escaped(html: &str, what: &str) {
    for piece in html.split("mark4711").skip(1) {
        assert!(!piece.starts_with(['"', '\'', '>', '<']), "{what}: {:.200}", piece);
    }
    assert!(!html.contains("<b>&amp;{{") && !html.contains("'><b>"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_is_text_on_every_page() {
    let server = Server::start().await;
    populate(&server).await;
    let mut desk = Desk::of_admin(&server).await;
    let (mut seen, mut open) = (BTreeSet::new(), VecDeque::from(["/ui/".to_owned()]));
    let (mut shown, mut pages, mut tables) = (0, 0, 0);
    let escaped: String = form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect();
    while let Some(path) = open.pop_front() {
        // The same page in other orders and pieces is the same page.
        let known = path.split("&order").next().unwrap_or_default().to_owned();
        if !seen.insert(known) || path.starts_with("/ui/sign-out") {
            continue;
        }
        assert!(seen.len() < MOST, "there is no end of pages: {path}");
        let page = desk.get(&path).await;
        assert!(page.status < 500, "{path}: {}", page.status);
        let form = page.headers.get("content-type").map_or("", |form| form.to_str().unwrap());
        if form.starts_with("text/csv") {
            check_table(&page.html);
            tables += 1;
            continue;
        }
        if !form.starts_with("text/html") {
            continue;
        }
        assert_escaped(&page.html, &path);
        pages += 1;
        shown += usize::from(page.html.contains("mark4711"));
        let (plain, query) = path.split_once('?').unwrap_or((&path, ""));
        open.extend(links(&page.html));
        if query.is_empty() && page.status == 200 {
            let asked = parameters(&page.html);
            open.extend(asked.iter().map(|name| format!("{plain}?{name}={escaped}")));
            open.push_back(format!("{plain}/{escaped}"));
            open.push_back(format!("{plain}?order={escaped}&page={escaped}&{escaped}={escaped}"));
        }
    }
    assert!(pages > 500 && shown > 300 && tables > 0, "{pages} pages, {shown} with markup, {tables} tables");
}

/// No cell begins as a formula does.
fn check_table(text: &str) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records() {
        for cell in &row.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
}
