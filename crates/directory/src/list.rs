//! Lists: query, range, order and filters, the same for every resource. A list is read in pieces, so that the longest one
//! takes no more memory than a short one.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Directory,
    entity::{Faults, fold, is_control, parse_uuid},
    error::{Error, Failure, Result},
    privileges::Reach,
    roll::{self, Found, Page},
    store::{
        Row,
        list::{Position, Select},
    },
    time::Timestamp,
};

pub(crate) use crate::store::{
    list::Condition,
    table::{ENTITY_FIELDS, Field, Scoped, Table, Values},
};

/// Rows read at once. A first piece of a list that is not longer than this is answered in one.
const PIECE: u64 = 512;
const MAX_QUERY_LENGTH: usize = 1_024;
const MAX_CONDITIONS: usize = 32;

/// What a client asks of a list.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Each must be contained in one of the searched fields.
    pub queries: Vec<String>,
    /// First and last row, both included, from 0: `0-49`.
    pub range: Option<String>,
    /// The name of a field; `name` if absent.
    pub order_by: Option<String>,
    /// `true` or `false`.
    pub descending: Option<String>,
    /// Field and value.
    pub filters: Vec<(String, String)>,
}

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
    map: fn(&Row<'_>) -> Result<T, Failure>,
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
        map: fn(&Row<'_>) -> Result<T, Failure>,
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
        map: fn(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Self> {
        let Checked { mut select, first, wanted } = check(table, reach, &request, directory.store.now())?;
        select.conditions.extend(conditions);
        let piece = wanted.min(PIECE);
        let Begun { total_count, matching, rows, position } = begin(directory, &select, first, piece, map).await?;
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
                go_on(&self.directory, &self.select, position, self.wanted - self.given, self.map).await?;
            self.given += rows.len() as u64;
            (self.rows, self.position) = (rows, position);
        }
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(complete) = &self.complete {
            rows.iter_mut().for_each(complete);
        }
        Ok(rows)
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
    map: fn(&Row<'_>) -> Result<T, Failure>,
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
    map: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<(Vec<T>, u64)> {
    let Checked { mut select, first, wanted } = check(table, reach, &request, directory.store.now())?;
    select.conditions.extend(conditions);
    if let Some((found, rows)) = by_roll(directory, &select, None, first, wanted.min(PIECE), map).await? {
        return Ok((rows, found.matching));
    }
    directory
        .store
        .scan((select, first, wanted.min(PIECE)), move |(select, first, wanted), tx| {
            Box::pin(async move {
                let matching = select.count(tx, true).await?;
                Ok((select.page(tx, None, *first, *wanted, map).await?.0, matching))
            })
        })
        .await
}

/// The beginning of a list.
struct Begun<T> {
    total_count: u64,
    matching: u64,
    rows: Vec<T>,
    /// Where it goes on, if it may.
    position: Option<Position>,
}

/// Counts, and reads the first piece.
async fn begin<T: Send + 'static>(
    directory: &Directory,
    select: &Select,
    first: u64,
    piece: u64,
    map: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Begun<T>> {
    if let Some((found, rows)) = by_roll(directory, select, None, first, piece, map).await? {
        let Found { total: total_count, matching, .. } = found;
        return Ok(Begun { total_count, matching, rows, position: found.more(piece) });
    }
    let (matching, total_count, (rows, position)) = directory
        .store
        .scan((select.clone(), first, piece), move |(select, first, piece), tx| {
            Box::pin(async move {
                let all = select.count(tx, false).await?;
                let matching = if select.conditions.is_empty() { all } else { select.count(tx, true).await? };
                let page = select.page(tx, None, *first, *piece, map).await?;
                Ok((matching, all, page))
            })
        })
        .await?;
    roll::note_length(directory, select.table, total_count);
    Ok(Begun { total_count, matching, rows, position })
}

/// Reads the next piece, behind a position, of at most so many rows.
async fn go_on<T: Send + 'static>(
    directory: &Directory,
    select: &Select,
    position: Position,
    most: u64,
    map: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<(Vec<T>, Option<Position>)> {
    let piece = most.min(PIECE);
    // An index leads the database to the next of all rows in the order of names, but not of some, nor in other orders.
    if (select.order.name != "name" || !select.conditions.is_empty())
        && let Some((found, rows)) = by_roll(directory, select, Some(&position), 0, piece, map).await?
    {
        return Ok((rows, found.more(piece)));
    }
    directory
        .store
        .scan((select.clone(), position, piece), move |(select, position, piece), tx| {
            Box::pin(async move { Ok(select.page(tx, Some(position), 0, *piece, map).await?) })
        })
        .await
}

/// A page that the roll finds, with its rows from the store.
async fn by_roll<T: Send + 'static>(
    directory: &Directory,
    select: &Select,
    behind: Option<&Position>,
    skip: u64,
    limit: u64,
    map: fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<(Found, Vec<T>)>> {
    let page = Page { behind: behind.cloned(), skip, limit };
    let Some(found) = roll::look_up(directory, select, page).await? else { return Ok(None) };
    if found.ids.is_empty() {
        return Ok(Some((found, Vec::new())));
    }
    let (found, rows) = directory
        .store
        .scan((select.clone(), found), move |(select, found), tx| {
            Box::pin(async move { Ok((found.clone(), select.rows(tx, &found.ids, map).await?)) })
        })
        .await?;
    Ok(Some((found, rows)))
}

struct Checked {
    select: Select,
    first: u64,
    wanted: u64,
}

fn check(table: &'static Table, reach: Reach, request: &Request, now: Timestamp) -> Result<Checked> {
    let mut faults = Faults::default();
    let names = |wanted: fn(&&'static Field) -> bool| -> String {
        let names: Vec<&str> = table.fields().filter(wanted).map(|field| field.name).collect();
        names.join(", ")
    };
    let order_by = request.order_by.as_deref().unwrap_or(table.order.0);
    let order = table.fields().find(|field| field.name == order_by && field.order.is_some());
    if order.is_none() {
        faults.add("orderBy", format!("must be one of {}", names(|field| field.order.is_some())));
    }
    let descending = match request.descending.as_deref() {
        Some("true") => true,
        Some("false") => false,
        // An order that nobody asked for goes the way that it goes by itself.
        None => request.order_by.is_none() && table.order.1,
        Some(_) => {
            faults.add("descending", "must be true or false");
            false
        }
    };
    let (first, wanted) = match request.range.as_deref().map(parse_range) {
        None => (0, u64::MAX),
        Some(Some(range)) => range,
        Some(None) => {
            faults.add("range", "must be two row numbers from 0, the second not below the first, such as 0-49");
            (0, 0)
        }
    };
    if request.queries.len() + request.filters.len() > MAX_CONDITIONS {
        faults.add("query", format!("may be given, with filters, at most {MAX_CONDITIONS} times"));
    }
    let mut conditions = Vec::new();
    for query in &request.queries {
        if let Some(text) = check_text("query", query, &mut faults) {
            conditions.push(Condition::Contains(None, text));
        }
    }
    for (name, value) in &request.filters {
        match table.fields().find(|field| field.name == name && field.values != Values::Time) {
            Some(field) => conditions.extend(check_filter(table, field, value, now, &mut faults)),
            None => {
                let filters = names(|field| field.values != Values::Time);
                faults.add(name, format!("is no field to filter by; those are {filters}"));
            }
        }
    }
    faults.check()?;
    let order = order.ok_or_else(|| Error::Internal("a list without order".into()))?;
    let select = Select { table, order, descending, conditions, reach };
    Ok(Checked { select, first, wanted })
}

fn check_text(field: &str, text: &str, faults: &mut Faults) -> Option<String> {
    if text.chars().count() > MAX_QUERY_LENGTH {
        faults.add(field, format!("may have at most {MAX_QUERY_LENGTH} characters"));
        return None;
    }
    if text.chars().any(|c| is_control(c) && !matches!(c, '\n' | '\r' | '\t')) {
        faults.add(field, "may not contain control characters");
        return None;
    }
    Some(fold(text))
}

fn check_filter(table: &Table, field: &'static Field, value: &str, now: Timestamp, faults: &mut Faults) -> Option<Condition> {
    let name = field.name;
    let order = field.order.unwrap_or_default();
    match field.values {
        Values::Text => Some(Condition::Contains(Some(field), check_text(name, value, faults)?)),
        Values::Tags => {
            check_text(name, value, faults)?;
            Some(Condition::Tagged(table.tag_kind(), normalized(value)))
        }
        Values::Bool => match value {
            "true" => Some(Condition::Is(order, true)),
            "false" => Some(Condition::Is(order, false)),
            _ => {
                faults.add(name, "must be true or false");
                None
            }
        },
        Values::Int | Values::Time => {
            let number = value.parse().ok();
            if number.is_none() {
                faults.add(name, "must be a whole number");
            }
            Some(Condition::Equals(order, number?))
        }
        Values::State => {
            let state = match value {
                "locked" => Some(Condition::LockedAt(now)),
                word => STATES.iter().find(|(state, _)| *state == word).map(|(_, holds)| Condition::Holds(holds)),
            };
            if state.is_none() {
                faults.add(name, "must be one of enabled, disabled, locked, blocked, unused");
            }
            state
        }
        Values::Id => {
            let id = parse_uuid(value);
            if id.is_none() {
                faults.add(name, "must be a UUID");
            }
            Some(Condition::HasId(id?))
        }
    }
}

/// How an account can stand with the door, in words that an index is made of.
const STATES: [(&str, &str); 4] = [
    ("enabled", "disabled = FALSE"),
    ("disabled", "disabled = TRUE"),
    ("blocked", "failures_since_reset >= 100"),
    ("unused", "used = FALSE"),
];

fn normalized(tag: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(tag).collect()
}

/// First row and number of rows.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    let digits = |text: &str| -> Option<u64> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Within what both databases take as an offset.
        if plain { text.parse().ok().filter(|number| *number < 1 << 62) } else { None }
    };
    let (first, last) = text.split_once('-')?;
    let (first, last) = (digits(first)?, digits(last)?);
    (first <= last).then(|| (first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_two_rows_in_order() {
        assert_eq!(parse_range("0-49"), Some((0, 50)));
        assert_eq!(parse_range("7-7"), Some((7, 1)));
        for wrong in ["", "-", "5-", "-5", "5-4", "a-b", "0-49/50", "+0-4", "0-99999999999999999999", " 0-4"] {
            assert_eq!(parse_range(wrong), None, "{wrong}");
        }
    }
}
