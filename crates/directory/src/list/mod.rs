//! Lists: query, range, order and filters, the same for every resource. A list is read in pieces, so that the longest one
//! takes no more memory than a short one.

mod pieces;
mod request;

use pieces::{Begun, Map};
use request::{Checked, check};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Directory,
    error::Result,
    privileges::Reach,
    store::list::{Page, Position, Select},
};

pub(crate) use crate::store::{
    list::Condition,
    table::{ENTITY_FIELDS, Field, Scoped, Table, Values},
};
pub use request::Request;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use request::statements;

/// Rows read at once. A first piece of a list that is not longer than this is answered in one.
const PIECE: u64 = 512;

/// A filter as the answer repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Filter {
    /// The field.
    pub name: String,
    /// What it was asked to contain or be.
    pub value: String,
}

/// What an answer says of the list besides its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// First and last row of this answer, both included, and how many match: `0-49/1234`; `0-0/0` if there are none.
    #[schemars(regex(pattern = r"^\d+-\d+/\d+$"), example = &"0-49/1234")]
    pub range: String,
    /// The field by which the rows are ordered.
    pub order_by: String,
    /// Whether the order is the reverse one.
    pub descending: bool,
    /// The queries, as they were asked.
    pub queries: Vec<String>,
    /// The filters, as they were asked.
    pub filter_by: Vec<Filter>,
    /// How many objects the caller may see, whatever the query.
    pub total_count: u64,
}

/// A list that is being read.
pub struct Listing<T> {
    directory: Directory,
    select: Select,
    map: Map<T>,
    rows: Vec<T>,
    position: Option<Position>,
    first: u64,
    wanted: u64,
    given: u64,
    matching: u64,
    summary: Summary,
    complete: Option<Complete<T>>,
}

/// Adds to a row what is not in its table.
type Complete<T> = Box<dyn Fn(&mut T) + Send>;

impl<T: Send + 'static> Listing<T> {
    /// Checks the request, counts, and reads the first piece.
    pub(crate) async fn open(
        directory: &Directory,
        table: &'static Table,
        reach: Reach,
        request: Request,
        map: Map<T>,
    ) -> Result<Self> {
        Self::open_among(directory, table, reach, request, Vec::new(), map).await
    }

    /// As `open`, of the rows alone that meet further conditions.
    pub(crate) async fn open_among(
        directory: &Directory,
        table: &'static Table,
        reach: Reach,
        request: Request,
        conditions: Vec<Condition>,
        map: Map<T>,
    ) -> Result<Self> {
        let Checked { mut select, behind, first, wanted } = check(table, reach, &request, directory.store.now())?;
        select.conditions.extend(conditions);
        let page = Page { behind, skip: first, limit: wanted.min(PIECE) };
        let Begun { total_count, matching, rows, position } = pieces::begin(directory, &select, page, map).await?;
        let summary = Summary {
            range: String::new(),
            order_by: select.order.name.into(),
            descending: select.descending,
            queries: request.queries,
            filter_by: request.filters.into_iter().map(|(name, value)| Filter { name, value }).collect(),
            total_count,
        };
        let given = rows.len() as u64;
        let directory = directory.clone();
        Ok(Self { directory, select, map, rows, position, first, wanted, given, matching, summary, complete: None })
    }

    /// Has something done to every row that is given.
    pub(crate) fn completed_by(self, complete: impl Fn(&mut T) + Send + 'static) -> Self {
        Self { complete: Some(Box::new(complete)), ..self }
    }

    /// The next rows; none when the list is at its end.
    pub async fn next_rows(&mut self) -> Result<Vec<T>> {
        if self.rows.is_empty()
            && self.given < self.wanted
            && let Some(position) = self.position.take()
        {
            let (rows, position) =
                pieces::go_on(&self.directory, &self.select, position, self.wanted - self.given, self.map).await?;
            self.given += rows.len() as u64;
            (self.rows, self.position) = (rows, position);
        }
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(complete) = &self.complete {
            rows.iter_mut().for_each(complete);
        }
        Ok(rows)
    }

    /// Where the next page begins, for a client that wants all pages one after the other: what `after` takes. Known once
    /// the list is open, and only if it is of one piece; none if it is the last.
    pub fn next_page(&self) -> Option<String> {
        let known = self.wanted <= PIECE && !self.select.order.long;
        self.position.as_ref().filter(|_| known).map(|position| request::cursor(self.select.order, position))
    }

    /// How many rows there are that match.
    pub fn matching(&self) -> u64 {
        self.matching
    }

    /// What is said behind the rows, once all have been read.
    pub fn summary(mut self) -> Summary {
        self.summary.range = match self.given {
            0 => "0-0/0".into(),
            given => {
                let last = self.first + given - 1;
                // Rows that came while the list was being read are counted too.
                format!("{}-{last}/{}", self.first, self.matching.max(last + 1))
            }
        };
        self.summary
    }
}

/// One object, if it is in reach: what a list of one would hold.
pub(crate) async fn one<T: Send + 'static>(
    directory: &Directory,
    table: &'static Table,
    reach: Reach,
    id: Uuid,
    map: Map<T>,
) -> Result<Option<T>> {
    directory
        .store
        .read(Select::one(table, id, reach), move |select, tx| Box::pin(async move { Ok(select.read(tx, map).await?) }))
        .await
}

/// The first rows and how many match, where nobody asks how many there are in all.
pub(crate) async fn some<T: Send + 'static>(
    directory: &Directory,
    table: &'static Table,
    reach: Reach,
    request: Request,
    conditions: Vec<Condition>,
    map: Map<T>,
) -> Result<(Vec<T>, u64)> {
    let Checked { mut select, behind, first, wanted } = check(table, reach, &request, directory.store.now())?;
    select.conditions.extend(conditions);
    pieces::some(directory, select, Page { behind, skip: first, limit: wanted.min(PIECE) }, map).await
}
