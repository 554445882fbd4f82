//! What a page looks like: light and dark, wide and narrow, and whether the browser complains.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{Browser, done};

/// The colours that the browser asks the page for.
#[derive(Clone, Copy, Debug)]
pub enum Theme {
    Light,
    Dark,
}

/// How much room the page has.
#[derive(Clone, Copy, Debug)]
pub enum Width {
    /// 1280 × 800.
    Desk,
    /// 390 × 844.
    Phone,
}

/// Longer pictures Chromium does not take.
const TALLEST: f64 = 16_000.0;

impl Width {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Desk => (1280, 800),
            Self::Phone => (390, 844),
        }
    }
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Browser {
    /// Shows pages in these colours and at this width from now on.
    #[track_caller]
    pub fn emulate(&self, theme: Theme, width: Width) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": theme.name()},
            // What moves would be looked at half way.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}));
        let (width_pixels, height) = width.size();
        // Not "mobile": that makes the window as wide as what is in it, and no page would ever be too wide.
        let metrics = json!({"width": width_pixels, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        self.looks.set((theme, width));
    }

    /// Tells pages that they are in this time zone: `Europe/Berlin`.
    #[track_caller]
    pub fn time_zone(&self, name: &str) {
        self.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": name}));
    }

    /// Looks at the page in both themes and at both widths, and fails with all that is wrong: it is accessible, and does
    /// not scroll sideways. Where `SCREENSHOTS` names a folder, pictures are put there as `<name>-<width>-<theme>.png`.
    #[track_caller]
    pub fn look_at(&self, name: &str) {
        let before = self.looks.get();
        let folder = std::env::var_os("SCREENSHOTS").filter(|folder| !folder.is_empty());
        // Nobody wants pictures of pages that are there to test the tests.
        let folder = folder.filter(|_| self.url().origin() == self.server.origin());
        let mut faults = Vec::new();
        for width in [Width::Desk, Width::Phone] {
            for theme in [Theme::Light, Theme::Dark] {
                self.emulate(theme, width);
                let looked = format!("{name}-{}-{}", width.size().0, theme.name());
                let found = self.too_wide().into_iter().chain(self.accessibility_faults());
                faults.extend(found.map(|fault| format!("{looked}: {fault}")));
                if let Some(folder) = &folder {
                    self.take_picture(&Path::new(folder).join(format!("{looked}.png")));
                }
            }
        }
        self.emulate(before.0, before.1);
        assert!(faults.is_empty(), "{} is not fit to be seen:\n{}", self.path(), faults.join("\n"));
    }

    fn too_wide(&self) -> Option<String> {
        let widths = self.script("return [document.documentElement.scrollWidth, innerWidth]", &[]);
        let [content, window] = [&widths[0], &widths[1]].map(|width| width.as_u64().expect("a width"));
        (content > window).then(|| format!("scrolls sideways, {content} pixels in a window of {window}"))
    }

    fn take_picture(&self, file: &Path) {
        // Made tall enough to hold the page: what lies beyond the window Chromium sometimes never comes to paint.
        let size = &self.devtools("Page.getLayoutMetrics", json!({}))["cssContentSize"];
        let height = size["height"].as_f64().expect("a height").clamp(1.0, TALLEST).ceil();
        let (width, least) = self.looks.get().1.size();
        let metrics =
            json!({"width": width, "height": height.max(least.into()), "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        let picture = self.devtools("Page.captureScreenshot", json!({}));
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("is base64");
        std::fs::create_dir_all(file.parent().expect("is in a folder")).expect("the folder for pictures");
        std::fs::write(file, bytes).expect("the picture is written");
    }

    /// The errors of the browser's console since it was last asked: scripts', breaches of the content security policy,
    /// and answers of 400 and above.
    #[track_caller]
    pub fn console_errors(&self) -> Vec<String> {
        let log = done(self.session.post("/se/log", &json!({"type": "browser"})));
        let errors = log.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        errors.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Fails if there are any [`Browser::console_errors`].
    #[track_caller]
    pub fn check_console(&self) {
        let errors = self.console_errors();
        assert!(errors.is_empty(), "on {} the console has errors:\n{}", self.path(), errors.join("\n"));
    }
}
