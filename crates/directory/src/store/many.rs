//! Statements that carry many rows or values, for what is done to many objects in one transaction.

use std::sync::OnceLock;

/// Two to this is the most that one statement carries: rows of an `INSERT`, or values of an `IN`. SQLite takes 32,766 values in a
/// statement and PostgreSQL 65,535, but SQLite compares the name of each with all before it when it compiles one.
const MOST_LOG: u32 = 6;

/// A statement about many rows, in which the same words stand for each. There are a few lengths only, so that each database has a
/// few statements to keep.
pub(super) struct Many {
    before: &'static str,
    /// What stands around the placeholders of a row.
    around: [&'static str; 2],
    /// Placeholders a row.
    width: usize,
    between: &'static str,
    after: &'static str,
    /// By the logarithm of how many rows there are.
    texts: [OnceLock<String>; MOST_LOG as usize + 1],
}

impl Many {
    const fn new([before, begin, end, between, after]: [&'static str; 5], width: usize) -> Self {
        let texts = [const { OnceLock::new() }; MOST_LOG as usize + 1];
        Self { before, around: [begin, end], width, between, after, texts }
    }

    /// `before` the rows, with so many placeholders each, and `after` them.
    pub(super) const fn rows(before: &'static str, width: usize, after: &'static str) -> Self {
        Self::new([before, "(", ")", ", ", after], width)
    }

    /// `before` the values of a list, and `after` it.
    pub(super) const fn values(before: &'static str, after: &'static str) -> Self {
        Self::new([before, "", "", ", ", after], 1)
    }

    /// What is found by each value, which comes behind these words. PostgreSQL keeps its plan for a list of values: made while a
    /// table is small, that is to go through all of it, whatever the table grows to.
    pub(super) const fn each(select: &'static str) -> Self {
        Self::new(["", select, "", " UNION ALL ", ""], 1)
    }

    /// Cuts what it is about into pieces, and gives each with its statement. The values that have placeholders in its own words
    /// come before those of the rows.
    pub(super) fn pieces<'a, T>(&'a self, mut all: &'a [T]) -> impl Iterator<Item = (&'a str, &'a [T])> {
        std::iter::from_fn(move || {
            let log = all.len().checked_ilog2()?.min(MOST_LOG);
            let (piece, rest) = all.split_at(1 << log);
            all = rest;
            Some((self.text(log), piece))
        })
    }

    fn text(&self, log: u32) -> &str {
        self.texts[log as usize].get_or_init(|| {
            let [begin, end] = self.around;
            let own = self.before.matches('$').count() + begin.matches('$').count();
            let row = |row: usize| {
                let numbers = (1..=self.width).map(|value| format!("${}", own + row * self.width + value));
                format!("{begin}{}{end}", numbers.collect::<Vec<_>>().join(", "))
            };
            let rows: Vec<String> = (0..1 << log).map(row).collect();
            format!("{}{}{}", self.before, rows.join(self.between), self.after)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_piece_and_lengths_are_few() {
        let many = Many::rows("VALUES ", 2, ";");
        let all: Vec<usize> = (0..1_000).collect();
        let mut seen = Vec::new();
        for (text, piece) in many.pieces(&all) {
            assert_eq!(text.matches('$').count(), 2 * piece.len());
            assert!(piece.len().is_power_of_two() && piece.len() <= 64, "{}", piece.len());
            seen.extend_from_slice(piece);
        }
        assert_eq!(seen, all);
        assert_eq!(
            many.pieces(&[(); 3]).map(|(text, _)| text).collect::<Vec<_>>(),
            ["VALUES ($1, $2), ($3, $4);", "VALUES ($1, $2);"]
        );
        let list = Many::values("a = $1 AND b IN (", ")");
        assert_eq!(list.pieces(&[(); 2]).next().map(|(text, _)| text), Some("a = $1 AND b IN ($2, $3)"));
        let each = Many::each("SELECT a WHERE b = $1 AND c = ");
        let text = "SELECT a WHERE b = $1 AND c = $2 UNION ALL SELECT a WHERE b = $1 AND c = $3";
        assert_eq!(each.pieces(&[(); 2]).next().map(|(text, _)| text), Some(text));
        assert_eq!(many.pieces::<()>(&[]).count(), 0);
    }
}
