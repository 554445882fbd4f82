//! Whether what several clients did to one object at the same time can have been done one after the other, each operation at
//! some moment between its call and its answer (linearizability: Herlihy and Wing, 1990). Found by trying (Wing and Gong, 1993),
//! with what was tried in vain remembered (Lowe, 2017).

use std::{collections::HashSet, fmt::Debug, hash::Hash};

/// What an object is, and what an operation with its answer makes of it.
pub trait Model {
    type State: Clone + Eq + Hash + Debug;
    type Op: Debug;

    /// The states in which the operation may leave the object; none if it cannot have been answered so.
    fn step(state: &Self::State, op: &Self::Op) -> Vec<Self::State>;
}

/// An operation, with its answer.
#[derive(Debug)]
pub struct Operation<O> {
    /// When it was called, in moments of which no two are the same.
    pub began: u64,
    /// When it was answered. Without an answer it may take effect at any time after its call, or never.
    pub ended: Option<u64>,
    pub op: O,
}

/// Operations of one history at most.
const MOST: usize = 128;

/// Why a history cannot be.
#[derive(Debug)]
pub struct Wrong<S> {
    /// As many operations as could be brought into an order, in that order.
    pub order: Vec<usize>,
    /// What the object was then.
    pub state: S,
}

struct Search<'a, M: Model> {
    operations: &'a [Operation<M::Op>],
    /// What was tried, by the operations that were done and the state that they led to.
    tried: HashSet<(u128, M::State)>,
    order: Vec<usize>,
    best: Wrong<M::State>,
}

/// Nothing if the history can be explained.
pub fn check<M: Model>(first: M::State, operations: &[Operation<M::Op>]) -> Option<Wrong<M::State>> {
    assert!(operations.len() <= MOST, "a history of {} operations is too long", operations.len());
    let best = Wrong { order: Vec::new(), state: first.clone() };
    let mut search = Search::<M> { operations, tried: HashSet::new(), order: Vec::new(), best };
    if search.explain(0, first) { None } else { Some(search.best) }
}

impl<M: Model> Search<'_, M> {
    /// Whether all that is not done yet can follow.
    fn explain(&mut self, done: u128, state: M::State) -> bool {
        let open = |number: &usize| done & (1 << number) == 0;
        let answers = (0..self.operations.len()).filter(open).filter_map(|number| self.operations[number].ended);
        // Whatever is next was called before the first answer of those that are left.
        let Some(horizon) = answers.min() else { return true };
        if !self.tried.insert((done, state.clone())) {
            return false;
        }
        if self.order.len() > self.best.order.len() {
            self.best = Wrong { order: self.order.clone(), state: state.clone() };
        }
        for number in (0..self.operations.len()).filter(open) {
            let operation = &self.operations[number];
            if operation.began > horizon {
                continue;
            }
            for next in M::step(&state, &operation.op) {
                self.order.push(number);
                if self.explain(done | (1 << number), next) {
                    return true;
                }
                self.order.pop();
            }
        }
        false
    }
}

/// The history in the order of its calls, with the place in which each operation could be explained.
pub fn show<M: Model>(operations: &[Operation<M::Op>], wrong: &Wrong<M::State>) -> String {
    let mut sorted: Vec<usize> = (0..operations.len()).collect();
    sorted.sort_by_key(|&number| operations[number].began);
    let place = |number| wrong.order.iter().position(|&own| own == number).map_or("-".into(), |at| at.to_string());
    let line = |&number: &usize| {
        let Operation { began, ended, op } = &operations[number];
        format!("{began:>6} {:>6} {:>4} {op:?}", ended.map_or("-".into(), |ended| ended.to_string()), place(number))
    };
    let lines: Vec<String> = sorted.iter().map(line).collect();
    format!("no order explains this history; the longest ends at {:?}\n{}", wrong.state, lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register that is written on the condition of what it holds.
    struct Register;

    #[derive(Debug, Clone, Copy)]
    enum Op {
        Read(u32),
        Write(u32),
        /// From, to, and whether it was done; nothing if nobody knows.
        Swap(u32, u32, Option<bool>),
    }

    impl Model for Register {
        type State = u32;
        type Op = Op;

        fn step(state: &u32, op: &Op) -> Vec<u32> {
            match *op {
                Op::Read(seen) => (seen == *state).then_some(*state).into_iter().collect(),
                Op::Write(to) => vec![to],
                Op::Swap(from, to, done) => match (from == *state, done) {
                    (true, Some(true) | None) => vec![to],
                    (false, Some(false) | None) => vec![*state],
                    _ => vec![],
                },
            }
        }
    }

    fn explained(history: &[(u64, Option<u64>, Op)]) -> bool {
        let operations: Vec<Operation<Op>> =
            history.iter().map(|&(began, ended, op)| Operation { began, ended, op }).collect();
        check::<Register>(0, &operations).is_none()
    }

    #[test]
    fn what_can_be_is_found() {
        use Op::{Read, Swap, Write};
        let good: [&[(u64, Option<u64>, Op)]; 6] = [
            &[],
            &[(1, Some(2), Read(0)), (3, Some(4), Write(1)), (5, Some(6), Read(1))],
            // At the same time as the write, either is seen; and the old one before the new one.
            &[(1, Some(10), Write(1)), (2, Some(3), Read(0)), (4, Some(5), Read(1)), (11, Some(12), Read(1))],
            // Of two at once, one.
            &[(1, Some(5), Swap(0, 1, Some(true))), (2, Some(6), Swap(0, 2, Some(false))), (7, Some(8), Read(1))],
            // Without an answer: at once, late, and never.
            &[
                (1, None, Write(1)),
                (2, Some(3), Read(1)),
                (4, None, Write(2)),
                (5, Some(6), Read(1)),
                (7, Some(8), Read(2)),
            ],
            &[(1, None, Swap(0, 1, None)), (2, Some(3), Read(0)), (4, Some(5), Read(0))],
        ];
        for (number, history) in good.iter().enumerate() {
            assert!(explained(history), "history {number}");
        }
    }

    #[test]
    fn what_cannot_be_is_found_out() {
        use Op::{Read, Swap, Write};
        type Named<'a> = (&'a str, &'a [(u64, Option<u64>, Op)]);
        let bad: [Named<'_>; 7] = [
            ("a stale read", &[(1, Some(2), Write(1)), (3, Some(4), Read(0))]),
            ("a read that goes back in time", &[(1, Some(10), Write(1)), (2, Some(3), Read(1)), (4, Some(5), Read(0))]),
            ("a lost update", &[(1, Some(4), Write(1)), (2, Some(3), Write(2)), (5, Some(6), Read(0))]),
            (
                "a condition that held twice",
                &[(1, Some(5), Swap(0, 1, Some(true))), (2, Some(6), Swap(0, 2, Some(true)))],
            ),
            ("a condition that held and was refused", &[(1, Some(2), Swap(0, 1, Some(false)))]),
            (
                "a write without an answer that was done before it was called",
                &[(1, Some(2), Read(1)), (3, None, Write(1))],
            ),
            (
                "a write without an answer that is done, undone and done",
                &[(1, None, Write(1)), (2, Some(3), Read(1)), (4, Some(5), Read(0)), (6, Some(7), Read(1))],
            ),
        ];
        for (what, history) in bad {
            assert!(!explained(history), "{what}");
        }
    }

    #[test]
    fn a_long_history_is_explained_in_time() {
        // Writes and reads in rows of eight at once, which leave 40,320 orders each.
        let op = |number: u64| if number.is_multiple_of(2) { Op::Write(7) } else { Op::Read(7) };
        let history: Vec<_> = (0..120)
            .map(|number| (number / 8 * 20 + number % 8 + 1, Some(number / 8 * 20 + 19 - number % 8), op(number)))
            .collect();
        assert!(explained(&history));
        let mut wrong = history;
        wrong.push((400, Some(401), Op::Read(9)));
        assert!(!explained(&wrong));
    }
}
