//! What those who watch are given: metrics as the page says, alerts and a dashboard that ask for metrics that there are.

use std::{collections::BTreeSet, path::Path};

use serde_json::json;

use super::support::{ADMIN_PASSWORD, Place, Server};

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The names of metrics in a text, without what a histogram's series have behind it.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("portreeve_"))
        .map(|word| ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_tells_of_every_metric_and_of_no_other() {
    let place = Place::new();
    let server = Server::start(&place);
    let admin = server.admin();
    // Those with labels begin with their first event.
    admin.post("/policies", &json!({"name": "broken", "expression": "throw new Error('on purpose')"})).ok();
    assert_eq!(admin.try_login("local", "admin", ADMIN_PASSWORD).status, 200);
    admin.get("/local-users").ok();
    let page = file("docs/operate.md");
    let table = page.split("\n## Metrics").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let told: BTreeSet<String> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| metrics(&line[..line.len().min(60)]))
        .collect();
    // Of a counter OpenMetrics has `_total` in its samples alone.
    let there: BTreeSet<String> = server
        .metrics()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| metrics(line.split(['{', ' ']).next().unwrap_or_default()))
        .collect();
    assert_eq!(told, there, "told of, and there");
}

#[test]
fn alerts_and_the_dashboard_ask_for_metrics_that_there_are() {
    let told = metrics(&file("docs/operate.md"));
    for path in ["packaging/prometheus-alerts.yml", "packaging/grafana-dashboard.json"] {
        let asked = metrics(&file(path));
        assert!(asked.len() > 5, "{path}: {asked:?}");
        assert!(asked.is_subset(&told), "{path}: {:?}", asked.difference(&told));
    }
    serde_json::from_str::<serde_json::Value>(&file("packaging/grafana-dashboard.json")).expect("is JSON");
}

#[test]
fn what_to_do_is_said_for_every_alert() {
    let (alerts, page) = (file("packaging/prometheus-alerts.yml"), file("docs/operate.md"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/operate.md does not say what to do at {name}");
    }
}
