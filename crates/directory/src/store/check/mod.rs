//! A look at all of the data, for operators: whether it is as it was written. Nothing is changed by it.

mod postgres;
mod sqlite;

use super::{Location, Store, Use};
use crate::{
    error::{Failure, Result},
    metrics::Metrics,
    time::Clock,
};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is damaged, and where. Empty if nothing is.
    pub faults: Vec<String>,
    /// What else an operator should know.
    pub notes: Vec<String>,
    /// What was looked at, and how much of it.
    pub looked_at: Vec<String>,
}

/// Told what is being looked at, how far that is, and how far it goes, where that is known.
pub type Progress<'a> = dyn FnMut(&str, u64, Option<u64>) + Send + 'a;

/// Looks at everything, whether a server is running or not.
///
/// # Errors
///
/// [`Failure::Unavailable`] if there is nothing to look at, or it cannot be looked at. Damage is no error: it is in the report.
pub async fn check(location: &Location, progress: &mut Progress<'_>) -> Result<Report> {
    let mut report = Report::default();
    match location {
        Location::Folder(folder) => sqlite::check(&folder.join(super::sqlite::FILE), &mut report, progress)?,
        Location::Postgres { .. } => {
            let store = Store::connect(location, Use::Requests, Clock::system(), Metrics::default()).await?;
            if store.tables_version().await? == 0 {
                return Err(Failure::Unavailable("there is no directory in it".into()).into());
            }
            postgres::check(&mut store.connection().await?, &mut report, progress).await?;
        }
    }
    Ok(report)
}
