//! The rows in one order, in short pieces, so that one that comes or goes moves few of the others.

use std::cmp::Ordering;

/// A piece is split when it has this many rows.
const MOST: usize = 2_048;
/// What pieces are made with.
const HALF: usize = MOST / 2;

/// Numbers of rows, in an order that whoever asks knows.
#[derive(Default)]
pub(super) struct Order {
    /// None of them is empty.
    pieces: Vec<Vec<u32>>,
}

impl Order {
    /// Of rows that are in order already.
    pub(super) fn of(sorted: &[u32]) -> Self {
        Self { pieces: sorted.chunks(HALF).map(<[u32]>::to_vec).collect() }
    }

    /// Adds a row, where `compare` puts the others against it.
    pub(super) fn insert(&mut self, row: u32, compare: impl Fn(u32) -> Ordering) {
        let Some(last) = self.pieces.len().checked_sub(1) else {
            self.pieces.push(vec![row]);
            return;
        };
        let at = self.piece_of(&compare).min(last);
        let piece = &mut self.pieces[at];
        let place = piece.partition_point(|other| compare(*other) == Ordering::Less);
        piece.insert(place, row);
        if piece.len() >= MOST {
            let rest = piece.split_off(HALF);
            self.pieces.insert(at + 1, rest);
        }
    }

    /// Takes the row out that `compare` finds equal.
    pub(super) fn remove(&mut self, compare: impl Fn(u32) -> Ordering) {
        if let Some((at, place)) = self.place_of(&compare) {
            let piece = &mut self.pieces[at];
            piece.remove(place);
            if piece.is_empty() {
                self.pieces.remove(at);
            }
        }
    }

    /// The row that `compare` finds equal.
    pub(super) fn find(&self, compare: impl Fn(u32) -> Ordering) -> Option<u32> {
        self.place_of(&compare).map(|(at, place)| self.pieces[at][place])
    }

    /// The first piece whose last row is not less.
    fn piece_of(&self, compare: &impl Fn(u32) -> Ordering) -> usize {
        self.pieces.partition_point(|piece| piece.last().is_some_and(|last| compare(*last) == Ordering::Less))
    }

    fn place_of(&self, compare: &impl Fn(u32) -> Ordering) -> Option<(usize, usize)> {
        let at = self.piece_of(compare);
        let place = self.pieces.get(at)?.binary_search_by(|other| compare(*other)).ok()?;
        Some((at, place))
    }

    /// All rows from the first on.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.pieces.iter().flatten().copied()
    }

    /// The rows of a page, without going through those before it.
    pub(super) fn page(&self, descending: bool, skip: usize, limit: usize) -> Vec<u32> {
        let mut left = skip;
        let mut enough = |piece: &&Vec<u32>| {
            let over = piece.len() <= left;
            left -= if over { piece.len() } else { 0 };
            over
        };
        if descending {
            let mut pieces = self.pieces.iter().rev().skip_while(&mut enough).collect::<Vec<_>>().into_iter();
            return pieces.by_ref().flat_map(|piece| piece.iter().rev()).skip(left).take(limit).copied().collect();
        }
        let pieces: Vec<_> = self.pieces.iter().skip_while(&mut enough).collect();
        pieces.into_iter().flatten().skip(left).take(limit).copied().collect()
    }

    /// The rows behind a place, which is behind those that `compare` finds less or equal; from the other end, before those
    /// that it finds greater or equal.
    pub(super) fn behind(
        &self,
        descending: bool,
        compare: impl Fn(u32) -> Ordering,
    ) -> Box<dyn Iterator<Item = u32> + '_> {
        if descending {
            let at = self.pieces.partition_point(|piece| piece.first().is_some_and(|row| compare(*row).is_lt()));
            let part = at.checked_sub(1).map_or(&[][..], |last| {
                let piece = &self.pieces[last];
                &piece[..piece.partition_point(|row| compare(*row).is_lt())]
            });
            let rest = self.pieces[..at.saturating_sub(1)].iter().rev().flat_map(|piece| piece.iter().rev());
            return Box::new(part.iter().rev().chain(rest).copied());
        }
        let at = self.pieces.partition_point(|piece| piece.last().is_some_and(|row| compare(*row).is_le()));
        let part = self.pieces.get(at).map_or(&[][..], |piece| {
            let place = piece.partition_point(|row| compare(*row).is_le());
            &piece[place..]
        });
        let rest = self.pieces.get(at + 1..).unwrap_or_default().iter().flatten();
        Box::new(part.iter().chain(rest).copied())
    }

    /// The memory that it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.pieces.iter().map(|piece| size_of::<Vec<u32>>() + 4 * piece.capacity()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    /// Against a plain sorted list, over enough rows for many pieces.
    #[test]
    fn what_comes_and_goes_stays_in_order() {
        let seed = 7;
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut order, mut plain) = (Order::default(), Vec::<u32>::new());
        for _ in 0..20_000 {
            let row = random.u32(0..50_000);
            match plain.binary_search(&row) {
                Ok(at) if random.bool() => {
                    plain.remove(at);
                    order.remove(|other| other.cmp(&row));
                }
                Ok(_) => assert_eq!(order.find(|other| other.cmp(&row)), Some(row)),
                Err(at) => {
                    plain.insert(at, row);
                    order.insert(row, |other| other.cmp(&row));
                }
            }
        }
        assert!(order.pieces.len() > 4);
        assert_eq!(order.rows().collect::<Vec<_>>(), plain);
        let backwards: Vec<u32> = plain.iter().rev().copied().collect();
        for _ in 0..2_000 {
            let (skip, limit) = (random.usize(0..plain.len() + 10), random.usize(0..60));
            let page = |of: &[u32]| of.iter().skip(skip).take(limit).copied().collect::<Vec<_>>();
            assert_eq!(order.page(false, skip, limit), page(&plain));
            assert_eq!(order.page(true, skip, limit), page(&backwards));
            let place = random.u32(0..50_010);
            let behind: Vec<u32> = order.behind(false, |row| row.cmp(&place)).take(limit).collect();
            assert_eq!(behind, plain.iter().filter(|row| **row > place).take(limit).copied().collect::<Vec<_>>());
            let before: Vec<u32> = order.behind(true, |row| row.cmp(&place)).take(limit).collect();
            assert_eq!(before, backwards.iter().filter(|row| **row < place).take(limit).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn rows_in_order_are_taken_as_they_are() {
        let rows: Vec<u32> = (0..5_000).collect();
        assert_eq!(Order::of(&rows).rows().collect::<Vec<_>>(), rows);
        assert_eq!(Order::of(&[]).page(false, 0, 5), [0; 0]);
    }
}
