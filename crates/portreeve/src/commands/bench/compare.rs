//! `portreeve bench compare`: what has changed from one report to another, and whether that is more than noise.

use std::path::Path;

use anyhow::bail;

use super::report::{Report, Sheet, Spread, number};
use crate::terminal;

/// Prints every measurement that both reports have.
pub fn run(before: &Path, after: &Path) -> anyhow::Result<()> {
    let (one, other) = (Sheet::read(before)?, Sheet::read(after)?);
    for what in differences(&one, &other) {
        terminal::complain(&format!("these were not measured alike: {what}"));
    }
    let mut both = 0;
    for report in &one.results {
        match other.results.iter().find(|candidate| candidate.name == report.name) {
            Some(later) => {
                terminal::say(&lines(report, later));
                both += 1;
            }
            None => terminal::complain(&format!("{} is in {} alone", report.name, before.display())),
        }
    }
    for report in other.results.iter().filter(|report| one.results.iter().all(|earlier| earlier.name != report.name)) {
        terminal::complain(&format!("{} is in {} alone", report.name, after.display()));
    }
    if both == 0 {
        bail!("{} and {} have no measurement in common", before.display(), after.display());
    }
    Ok(())
}

/// What must be the same for figures to be comparable.
fn differences(one: &Sheet, other: &Sheet) -> Vec<String> {
    let told = |sheet: &Sheet| {
        let arguments = &sheet.arguments;
        [
            ("processor", sheet.cpu.clone()),
            ("cores", sheet.cores.to_string()),
            ("database", sheet.database.clone()),
            ("build", sheet.build.clone()),
            ("accounts", arguments.accounts.to_string()),
            ("seconds", arguments.seconds.to_string()),
            ("in flight", format!("{:?}", arguments.in_flight)),
            ("rate", format!("{:?}", arguments.rate)),
        ]
    };
    let pairs = told(one).into_iter().zip(told(other));
    let differ = pairs.filter(|((_, one), (_, other))| one != other);
    differ.map(|((what, one), (_, other))| format!("{what}: {one} before, {other} after")).collect()
}

fn lines(before: &Report, after: &Report) -> String {
    let mut lines = vec![before.name.clone()];
    let rounds = before.rounds.len().min(after.rounds.len());
    for (what, one, other) in
        [("throughput", before.throughput, after.throughput), ("ratio", before.ratio, after.ratio)]
    {
        if let (Some(one), Some(other)) = (one, other) {
            lines.push(line(what, one, other, rounds));
        }
    }
    for (name, one) in &before.figures {
        if let Some(other) = after.figures.get(name) {
            let (from, to, change) = (number(*one), number(*other), percent(*one, *other));
            lines.push(format!("{name:<12} {from} → {to}   {change:+.1} %"));
        }
    }
    lines.join("\n    ")
}

fn line(what: &str, one: Spread, other: Spread, rounds: usize) -> String {
    let noise = |spread: Spread| percent(spread.min, spread.max) / 2.0;
    let (from, to, change) = (number(one.median), number(other.median), percent(one.median, other.median));
    let verdict = if rounds < 2 {
        "one round: the noise is not known"
    } else if other.min > one.max || other.max < one.min {
        "beyond the noise"
    } else {
        "within the noise"
    };
    format!(
        "{what:<12} {from} → {to}   {change:+.1} %   noise ±{:.1} % and ±{:.1} %: {verdict}",
        noise(one),
        noise(other)
    )
}

/// The way from one to the other, in hundredths of the one.
fn percent(one: f64, other: f64) -> f64 {
    if one == other { 0.0 } else { (other / one - 1.0) * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_beyond_the_noise_if_no_round_of_one_is_among_those_of_the_other() {
        let spread = |min: f64, median: f64, max: f64| Spread { median, min, max };
        let before = spread(95.0, 100.0, 105.0);
        for (after, wanted) in [
            (spread(106.0, 110.0, 112.0), "+10.0 %   noise ±5.3 % and ±2.8 %: beyond the noise"),
            (spread(104.0, 110.0, 112.0), "+10.0 %   noise ±5.3 % and ±3.8 %: within the noise"),
            (spread(80.0, 90.0, 94.9), "-10.0 %   noise ±5.3 % and ±9.3 %: beyond the noise"),
        ] {
            let line = line("throughput", before, after, 3);
            assert!(line.ends_with(wanted), "{line}");
        }
        assert!(line("throughput", before, before, 1).ends_with("one round: the noise is not known"));
    }
}
