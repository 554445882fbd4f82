//! What two stores are to each other, and what is to be done with them, or why nothing is.

use std::cmp::Ordering;

use crate::{
    error::{Error, Result},
    store::{
        migrations,
        relocation::marks::{Mark, State},
    },
};

/// How it goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// A new filling of the target.
    Begin,
    /// A filling that was begun before.
    Continue { copy: String },
    /// All but the opening of the target was done before.
    Open { copy: String },
    /// Everything was.
    Nothing,
}

/// The source must have this program's tables: others may have columns that would be left behind.
pub(crate) fn check_source(version: i64, shown: &str) -> Result<()> {
    let newest = migrations::newest();
    Err(Error::Conflict(match version.cmp(&newest) {
        Ordering::Equal => return Ok(()),
        _ if version == 0 => format!("there is no directory in {shown}"),
        Ordering::Less => format!(
            "the tables in {shown} are at version {version}, made by an older portreeve; serve it once with this one, which \
             brings them to version {newest}"
        ),
        Ordering::Greater => newer(shown, version),
    }))
}

/// The target must have this program's tables too, or none.
pub(crate) fn check_target(version: i64, shown: &str) -> Result<()> {
    let newest = migrations::newest();
    Err(Error::Conflict(match version.cmp(&newest) {
        Ordering::Equal => return Ok(()),
        _ if version == 0 => return Ok(()),
        Ordering::Less => format!(
            "the tables in {shown} are at version {version}, made by an older portreeve, and not at {newest}; name an empty \
             place"
        ),
        Ordering::Greater => newer(shown, version),
    }))
}

fn newer(shown: &str, version: i64) -> String {
    let newest = migrations::newest();
    format!(
        "the tables in {shown} are at version {version}, made by a newer portreeve; use that one, as this one knows versions \
         up to {newest}"
    )
}

/// What is to be done with the directory `installation`, which is or was in the first of the stores.
pub(super) fn settle(installation: &str, states: &[State; 2], shown: [&str; 2]) -> Result<Course> {
    let ([source, target], [from, to]) = (states, shown);
    let ours = target.installation.as_deref() == Some(installation);
    let refused = |why: String| Err(Error::Conflict(why));
    match (&source.mark, &target.mark) {
        (Some(Mark::Filling { .. }), _) => refused(format!(
            "{from} is itself being filled by portreeve migrate-store, which has not ended yet; end that with --finish"
        )),
        (Some(mark @ (Mark::Backup(_) | Mark::Restoring { .. })), _) => refused(mark.to_string()),
        (_, Some(Mark::Backup(_) | Mark::Restoring { .. })) => {
            refused(format!("{to} holds a backup, or what has been restored of one; name an empty place"))
        }
        (Some(Mark::Moved { copy, .. }), Some(Mark::Filling { copy: filling, .. })) if copy == filling => {
            Ok(Course::Open { copy: copy.clone() })
        }
        (Some(Mark::Moved { .. }), None) if ours => Ok(Course::Nothing),
        (Some(Mark::Moved { to: there, .. }), _) => {
            refused(format!("the directory in {from} was moved to {there}; move it from there"))
        }
        (None, Some(Mark::Filling { installation: theirs, copy })) if theirs == installation => {
            Ok(Course::Continue { copy: copy.clone() })
        }
        (None, Some(Mark::Moved { .. })) if ours => Ok(Course::Begin),
        (None, None) if !target.used => Ok(Course::Begin),
        (None, None) if ours => refused(format!(
            "{to} holds this same directory, and it is in use there; nothing would be left of what was written there"
        )),
        (None, _) => refused(format!("{to} holds another directory, which would be lost; name an empty place")),
    }
}
