//! What axe-core finds wrong with a page: WCAG 2.2 up to AA, and best practice.

use serde_json::json;

use super::Browser;

const AXE: &str = include_str!("../vendor/axe.min.js");
const TAGS: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const RUN: &str = r#"
    const options = {runOnly: {type: "tag", values: arguments[0]}, resultTypes: ["violations"], iframes: false};
    const told = (node) => `\n  ${node.html}\n    ${node.failureSummary.replace(/\s+/g, " ")}`;
    return axe.run(document, options).then((found) =>
        found.violations.map((one) => `${one.id}: ${one.help}${one.nodes.map(told).join("")}`));
"#;

impl Browser {
    /// Each rule that the page breaks, with the HTML of what breaks it.
    #[track_caller]
    pub fn accessibility_faults(&self) -> Vec<String> {
        if self.script("return typeof axe", &[]) != "object" {
            self.script(AXE, &[]);
        }
        serde_json::from_value(self.script(RUN, &[json!(TAGS)])).expect("is what the script returns")
    }

    /// Fails with all that is wrong with the page, under this name.
    #[track_caller]
    pub fn check_accessibility(&self, name: &str) {
        let faults = self.accessibility_faults();
        assert!(faults.is_empty(), "{name} ({}) is not accessible:\n{}", self.path(), faults.join("\n"));
    }
}
