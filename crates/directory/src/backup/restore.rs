//! A backup brought into an empty place, where it becomes a directory of its own: nobody is logged in, and nothing of what
//! the world learned of the directory after the backup can be mistaken for it.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::Duration,
};

use tempfile::TempDir;

use super::{About, At, Stage, Watch, check, seal};
use crate::{
    audit::{self, Record},
    caller::Caller,
    error::{Error, Failure, Result},
    login::gate,
    metrics::Metrics,
    random::Random,
    relocation::{
        Carried, End,
        course::check_target,
        pass::{self, Otherwise},
    },
    store::{
        Store, Use, changes, migrations,
        relocation::{
            Door, Reader, file,
            marks::{self, Alone, Mark},
        },
    },
    time::Clock,
};

/// Who was logged in is so no more.
const LEFT_OUT: &[&str] = &["sessions", "tokens"];
/// By how much clocks may differ.
const TOLERANCE: Duration = Duration::from_secs(60);

/// A backup that is being restored.
pub struct Restoration {
    source: Reader,
    target: Store,
    about: About,
    otherwise: Otherwise,
    _scratch: Option<TempDir>,
    _alone: Option<Alone>,
}

impl Restoration {
    /// Reads the whole backup, looks at the place, refuses what cannot be meant, and gets the place ready to be filled. Nobody
    /// else may work there, if it is a folder.
    pub async fn begin(path: &Path, to: &End, watch: &mut Watch<'_>) -> Result<Self> {
        let about = check(path, watch).await?;
        let (newest, shown) = (migrations::newest(), path.display());
        if about.tables > newest {
            return Err(Error::Conflict(format!(
                "{shown} was made by portreeve {}, with tables of version {}; restore it with that one or a newer one, as this \
                 one knows versions up to {newest}",
                about.portreeve, about.tables
            )));
        }
        if let Some(remnant) = to.location.remnant() {
            return Err(Error::Conflict(format!(
                "{} is part of a database that is not there: put it with that database, or name another folder",
                remnant.display()
            )));
        }
        let target = Store::connect(&to.location, Use::Bulk, Clock::system(), Metrics::default()).await?;
        check_target(target.tables_version().await?, &to.shown)?;
        if target.now().plus(TOLERANCE) < about.taken {
            return Err(Error::Conflict(format!(
                "by the clock of {} it is {}, and the backup is of {}, which is later: set the clock first, as locks would \
                 last longer and records would be in a wrong order",
                to.shown,
                target.now(),
                about.taken
            )));
        }
        let (source, scratch) = if about.tables == newest {
            (file::read(path, Door::Closed)?, None)
        } else {
            let scratch = upgraded(path, watch).await?;
            (file::read(&scratch.path().join(COPY), Door::Open)?, Some(scratch))
        };
        target.make_tables().await?;
        let alone = marks::alone(&target).await?;
        let state = marks::state(&target).await?;
        match state.mark {
            None if !state.used => {}
            // Of a restoration that was interrupted, of whatever backup.
            Some(Mark::Restoring { .. }) => {}
            _ => {
                return Err(Error::Conflict(format!(
                    "{} holds a directory, which would be lost; name an empty place: another folder or database, or move what \
                     is there away first",
                    to.shown
                )));
            }
        }
        marks::begin_filling(&target, Mark::Restoring { taken: about.taken }).await?;
        // Later than any version that an object had before: a client's entity tag of then matches nothing now, and what a node
        // still has in memory is not taken for the configuration.
        let version = target.now().max(about.taken).micros();
        let otherwise = Otherwise { without: LEFT_OUT, version: Some(version) };
        Ok(Self { source, target, about, otherwise, _scratch: scratch, _alone: alone })
    }

    /// Makes the place like the backup. Gives what was carried; a second one finds nothing, and has proved that it is.
    pub async fn pass(&mut self, stage: Stage, watch: &mut Watch<'_>) -> Result<Vec<Carried>> {
        let left_out = |table: &str| LEFT_OUT.contains(&table);
        let carried = self.about.contents.iter().filter(|one| !left_out(&one.table));
        let whole = carried.map(|one| one.rows).sum();
        let mut on = |done| watch(At { stage, done, whole });
        pass::run(&mut self.source, &self.target, self.otherwise, &mut on).await
    }

    /// Makes the place a directory, all in one commit: attempts to log in that were under way count as failed, the directory
    /// is told apart from the one that it was taken of, and the audit log says what happened.
    pub async fn open(self, caller: &Caller) -> Result<About> {
        let random = Random::system();
        let ids = [random.uuid(self.target.now()), random.uuid(self.target.now())];
        let context = (ids, self.about.clone(), caller.clone());
        self.target
            .write(context, |([identity, audit_id], about, caller), tx| {
                Box::pin(async move {
                    marks::open(tx).await?;
                    marks::identify_anew(tx, &identity.to_string()).await?;
                    gate::count_interrupted(tx).await?;
                    // Whoever kept accounts in memory begins anew.
                    let next = changes::next(tx).await?;
                    changes::forget(tx, next).await?;
                    let reason = format!("from a backup of {}, made by portreeve {}", about.taken, about.portreeve);
                    let nothing = ("", None, "");
                    let record =
                        Record { reason: &reason, ..audit::done(caller, "restore", nothing, audit::NO_CHANGES) };
                    audit::write(tx, audit_id, &record).await
                })
            })
            .await?;
        self.target.checkpoint()?;
        Ok(self.about)
    }
}

/// The copy of a backup, in a folder that goes when it is let go.
const COPY: &str = "copy";

/// A copy of a backup of an older version, with the tables of this one.
async fn upgraded(path: &Path, watch: &mut Watch<'_>) -> Result<TempDir> {
    let length = seal::check(path, watch)?;
    let copied = || -> io::Result<TempDir> {
        let scratch = TempDir::with_prefix("portreeve-restore-")?;
        io::copy(&mut File::open(path)?.take(length), &mut File::create(scratch.path().join(COPY))?)?;
        Ok(scratch)
    };
    let fault = |cause| Failure::Unavailable(format!("no copy can be made in the folder for temporary files: {cause}"));
    let scratch = copied().map_err(fault)?;
    file::upgrade(&scratch.path().join(COPY)).await?;
    Ok(scratch)
}
