//! What is said to whoever started the program: results on standard output, complaints on standard error.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Prints a line. A reader who is gone is no fault of ours.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Says what is going on, to people only.
pub fn note(text: &str) {
    let mut out = std::io::stderr().lock();
    if out.is_terminal() {
        drop(writeln!(out, "{text}"));
    }
}

/// Prints what went wrong.
pub fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "portreeve: {text}"));
}

/// How long something takes before its progress is shown.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often what shows no figure moves.
const SPIN: Duration = Duration::from_millis(100);

/// The progress of something long, for people at a terminal: how far, how fast, and how long it will take.
pub struct Progress {
    began: Instant,
    whole: Option<u64>,
    unit: &'static str,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `whole` is what `at` counts up to, if that is known.
    pub fn new(whole: Option<u64>) -> Self {
        Self::of(whole, "rows")
    }

    /// As [`Progress::new`], of something else than rows.
    pub fn of(whole: Option<u64>, unit: &'static str) -> Self {
        Self { began: Instant::now(), whole, unit, bar: None }
    }

    /// Says how far it is: `at` of the whole, which is so many rows.
    pub fn set(&mut self, at: u64, rows: u64) {
        let took = self.began.elapsed();
        if took < PATIENCE || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| match self.whole {
            Some(whole) => {
                styled(ProgressBar::new(whole), "{bar:30} {percent:>3} %  {msg}, {eta} left").with_elapsed(took)
            }
            None => styled(ProgressBar::new_spinner(), "{spinner} {msg}").with_elapsed(took),
        });
        bar.set_position(at);
        bar.set_message(format!("{rows} {}, {}/s", self.unit, rate(rows, took)));
    }

    /// Prints what is wrong with a row, above the bar.
    pub fn complain(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| complain(text)),
            None => complain(text),
        }
    }

    /// Takes the bar away, and says how long it took and how fast it was.
    pub fn end(self, rows: u64) -> String {
        let took = self.began.elapsed();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        format!("in {:.1} s ({} {}/s)", took.as_secs_f64(), rate(rows, took), self.unit)
    }
}

/// The progress of something that goes through stages, for people at a terminal.
pub struct Stages {
    began: Instant,
    bar: Option<(String, ProgressBar)>,
}

impl Stages {
    pub fn new() -> Self {
        Self { began: Instant::now(), bar: None }
    }

    /// Says what is being done, and how far that is, where that is known.
    pub fn set(&mut self, what: &str, at: u64, whole: Option<u64>) {
        if self.began.elapsed() < PATIENCE || !std::io::stderr().is_terminal() {
            return;
        }
        if self.bar.as_ref().is_none_or(|(name, _)| name != what) {
            self.clear();
            let bar = match whole {
                Some(whole) => styled(ProgressBar::new(whole), "{bar:30} {percent:>3} %  {msg}, {eta} left"),
                None => styled(ProgressBar::new_spinner(), "{spinner} {msg}"),
            };
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(SPIN);
            self.bar = Some((what.to_owned(), bar));
        }
        if let Some((_, bar)) = &self.bar {
            bar.set_position(at);
        }
    }

    fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Takes the bar away, and gives how long it took.
    pub fn end(mut self) -> Duration {
        self.clear();
        self.began.elapsed()
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn rate(rows: u64, took: Duration) -> u128 {
    u128::from(rows) * 1_000_000 / took.as_micros().max(1)
}
