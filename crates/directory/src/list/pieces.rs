//! Lists piece by piece: from memory where the roll knows the answer, else from the database.

use super::PIECE;
use crate::{
    Directory,
    error::{Failure, Result},
    roll,
    store::{
        Row,
        list::{Page, Position, Select},
    },
};

/// The beginning of a list.
pub(super) struct Begun<T> {
    pub(super) total_count: u64,
    pub(super) matching: u64,
    pub(super) rows: Vec<T>,
    /// Where it goes on, if it may.
    pub(super) position: Option<Position>,
}

/// What makes an object of a row.
pub(super) type Map<T> = fn(&Row<'_>) -> Result<T, Failure>;

/// Counts, and reads the first piece.
pub(super) async fn begin<T: Send + 'static>(
    directory: &Directory,
    select: &Select,
    page: Page,
    map: Map<T>,
) -> Result<Begun<T>> {
    if let Some((found, rows)) = by_roll(directory, select, &page, map).await? {
        let roll::Found { total: total_count, matching, .. } = found;
        return Ok(Begun { total_count, matching, rows, position: found.more(page.limit) });
    }
    let (matching, total_count, (rows, position)) = directory
        .store
        .scan((select.clone(), page), move |(select, page), tx| {
            Box::pin(async move {
                let all = select.count(tx, false).await?;
                let matching = if select.conditions.is_empty() { all } else { select.count(tx, true).await? };
                Ok((matching, all, select.page(tx, page, map).await?))
            })
        })
        .await?;
    roll::note_length(directory, select.table, total_count);
    Ok(Begun { total_count, matching, rows, position })
}

/// The rows of a page and how many match.
pub(super) async fn some<T: Send + 'static>(
    directory: &Directory,
    select: Select,
    page: Page,
    map: Map<T>,
) -> Result<(Vec<T>, u64)> {
    if let Some((found, rows)) = by_roll(directory, &select, &page, map).await? {
        return Ok((rows, found.matching));
    }
    directory
        .store
        .scan((select, page), move |(select, page), tx| {
            Box::pin(async move {
                let matching = select.count(tx, true).await?;
                Ok((select.page(tx, page, map).await?.0, matching))
            })
        })
        .await
}

/// Reads the next piece, behind a position, of at most so many rows.
pub(super) async fn go_on<T: Send + 'static>(
    directory: &Directory,
    select: &Select,
    position: Position,
    most: u64,
    map: Map<T>,
) -> Result<(Vec<T>, Option<Position>)> {
    let page = Page { behind: Some(position), skip: 0, limit: most.min(PIECE) };
    // An index leads the database to the next of all rows in the order of names, but not of some, nor in other orders.
    if (select.order.name != "name" || !select.conditions.is_empty())
        && let Some((found, rows)) = by_roll(directory, select, &page, map).await?
    {
        return Ok((rows, found.more(page.limit)));
    }
    directory
        .store
        .scan((select.clone(), page), move |(select, page), tx| {
            Box::pin(async move { Ok(select.page(tx, page, map).await?) })
        })
        .await
}

/// A page that the roll finds, with its rows from the store.
async fn by_roll<T: Send + 'static>(
    directory: &Directory,
    select: &Select,
    page: &Page,
    map: Map<T>,
) -> Result<Option<(roll::Found, Vec<T>)>> {
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
