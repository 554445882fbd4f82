//! What can be asked of a roll, and what it answers.

use uuid::Uuid;

use super::rows::{Rows, Sorting, Wanted};
use crate::{
    privileges::Reach,
    store::{
        changes::NUMBERS,
        list::{Condition, Page, Position, Select},
        table::Field,
    },
};

/// What a roll says of a page.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// How many accounts there are, and how many of them match.
    pub(crate) total: u64,
    pub(crate) matching: u64,
    /// Those of the page, and where the last of them stands.
    pub(crate) ids: Vec<Uuid>,
    pub(crate) last: Option<Position>,
}

impl Found {
    /// Where a list goes on behind the page, if there may be more than the rows that were asked for.
    pub(crate) fn more(self, limit: u64) -> Option<Position> {
        self.last.filter(|_| self.ids.len() as u64 == limit)
    }
}

/// What is asked of a roll.
pub(super) struct Question {
    order: (Sorting, bool),
    wanted: Vec<Wanted>,
    page: Page,
}

/// What the rows must have besides for a question to be answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) numbers: Vec<usize>,
    pub(super) order: Option<Sorting>,
}

fn number_of(column: &str) -> Option<usize> {
    NUMBERS.iter().position(|number| *number == column)
}

fn sorting_of(field: &Field) -> Option<Sorting> {
    match (field.part, field.order?) {
        (Some(part), _) => Some(Sorting::Part(part)),
        (None, "id") => Some(Sorting::Id),
        (None, column) => number_of(column).map(Sorting::Number),
    }
}

impl Question {
    /// Nothing if it is not one for a roll.
    pub(super) fn of(select: &Select, page: &Page) -> Option<Self> {
        if select.reach != Reach::Everything {
            return None;
        }
        let wanted = |condition: &Condition| match condition {
            Condition::Contains(None, text) => Some(Wanted::Text(None, text.clone())),
            Condition::Contains(Some(field), text) => Some(Wanted::Text(Some(field.part?), text.clone())),
            Condition::Is(column, value) => Some(Wanted::Number(number_of(column)?, i64::from(*value))),
            Condition::Equals(column, value) => Some(Wanted::Number(number_of(column)?, *value)),
            _ => None,
        };
        // What every text holds is no condition.
        let idle = |condition: &&Condition| matches!(condition, Condition::Contains(_, text) if text.is_empty());
        let conditions = select.conditions.iter().filter(|condition| !idle(condition));
        let wanted = conditions.map(wanted).collect::<Option<Vec<_>>>()?;
        Some(Self { order: (sorting_of(select.order)?, select.descending), wanted, page: page.clone() })
    }

    pub(super) fn missing(&self, rows: &Rows) -> Missing {
        let wanted = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Number(number, _) => Some(*number),
            Wanted::Text(..) => None,
        });
        let sorted = match self.order.0 {
            Sorting::Number(number) => Some(number),
            _ => None,
        };
        Missing {
            numbers: wanted.chain(sorted).filter(|number| !rows.has_number(*number)).collect(),
            order: Some(self.order.0).filter(|order| !rows.has_order(*order)),
        }
    }

    pub(super) fn answer(&self, rows: &Rows) -> Found {
        let matching = rows.matching(&self.wanted);
        let limit = usize::try_from(self.page.limit).unwrap_or(usize::MAX);
        let skip = usize::try_from(self.page.skip).unwrap_or(usize::MAX);
        let page = match &self.page.behind {
            Some(position) => rows.behind(self.order, matching.as_ref(), position, limit),
            None => rows.page(self.order, matching.as_ref(), skip, limit),
        };
        let total = rows.count() as u64;
        Found {
            total,
            matching: matching.map_or(total, |bits| bits.count()),
            last: page.last().map(|row| rows.position(self.order.0, *row)),
            ids: page.into_iter().map(|row| rows.id(row)).collect(),
        }
    }

    /// Whether it takes long enough to be asked on another thread than one that serves requests.
    pub(super) fn is_long(&self) -> bool {
        !self.wanted.is_empty()
    }
}
