//! Bringing a directory from one store into another, whichever databases they are.
//!
//! It is done in passes. A pass goes through both stores at once in the order of the keys, and makes the target like the one
//! state of the source that it sees: so the first carries everything, each further one what has changed meanwhile, and one
//! that finds nothing has proved that the stores are equal. At the end the source is held, a last pass is made, another
//! proves it, and with one commit the source stops being the directory.

pub(crate) mod course;
pub(crate) mod pass;

pub use pass::Carried;

use course::Course;
use pass::Otherwise;

use crate::{
    error::{Error, Failure, Result},
    metrics::Metrics,
    random::Random,
    store::{
        Location, Store, Use,
        relocation::{
            Door, Reader, TABLES,
            marks::{self, Alone, Mark},
        },
    },
    time::Clock,
};

/// How often the source is asked to be held before others are said to be in the way. On PostgreSQL each try takes up to 15
/// seconds.
const HOLDS: u32 = 4;

/// One of the two stores.
#[derive(Debug, Clone)]
pub struct End {
    /// Where it is.
    pub location: Location,
    /// What people know it by, without secrets.
    pub shown: String,
}

/// A directory that is being brought from one store into another.
pub struct Relocation {
    source: Store,
    target: Store,
    ends: [String; 2],
    copy: String,
    _alone: Option<Alone>,
}

/// What there is to be done.
pub enum Begun {
    /// Passes, and an end.
    Passes(Box<Relocation>),
    /// The source was left before, and only the opening of the target is missing.
    Opening(Box<Relocation>),
    /// Nothing: the directory was brought there before, and is there to be used.
    Nothing,
}

impl Relocation {
    /// Looks at both stores, refuses what cannot be meant, and gets the target ready to be filled. Nobody else may work on the
    /// target, if it is a folder.
    pub async fn begin(from: &End, to: &End) -> Result<Begun> {
        if !from.location.has_data() {
            return Err(Error::NotFound(format!("there is no directory in {}", from.shown)));
        }
        let (source, target) = (connect(from).await?, connect(to).await?);
        course::check_source(source.tables_version().await?, &from.shown)?;
        course::check_target(target.tables_version().await?, &to.shown)?;
        target.make_tables().await?;
        let alone = marks::alone(&target).await?;
        let random = Random::system();
        let new = random.uuid(source.now()).to_string();
        let installation =
            source.write(new, |new, tx| Box::pin(async move { Ok(marks::identify(tx, new).await?) })).await?;
        let states = [marks::state(&source).await?, marks::state(&target).await?];
        let course = course::settle(&installation, &states, [&from.shown, &to.shown])?;
        let new_copy = random.uuid(source.now()).to_string();
        let (copy, opening) = match course {
            Course::Begin => (new_copy, false),
            Course::Continue { copy } => (copy, false),
            Course::Open { copy } => (copy, true),
            Course::Nothing => return Ok(Begun::Nothing),
        };
        if !opening {
            marks::begin_filling(&target, Mark::Filling { installation, copy: copy.clone() }).await?;
        }
        let ends = [from.shown.clone(), to.shown.clone()];
        let relocation = Box::new(Self { source, target, ends, copy, _alone: alone });
        Ok(if opening { Begun::Opening(relocation) } else { Begun::Passes(relocation) })
    }

    /// How many rows the source has.
    pub async fn count(&self) -> Result<u64> {
        let mut reader = Reader::begin(&self.source, Door::Open).await?;
        let mut rows = 0;
        for table in TABLES {
            rows += reader.count(table).await?;
        }
        Ok(rows)
    }

    /// Makes the target like the source is now, while others go on working on the source. Gives what was carried, table by
    /// table; `watch` is told how many rows have been gone through.
    pub async fn pass(&self, watch: &mut (dyn FnMut(u64) + Send)) -> Result<Vec<Carried>> {
        let mut reader = Reader::begin(&self.source, Door::Open).await?;
        pass::run(&mut reader, &self.target, Otherwise::default(), watch).await
    }

    /// Holds the source, so that nobody writes there any more.
    pub async fn hold(&self) -> Result<Held<'_>> {
        let mut tried = 1;
        loop {
            match Reader::begin_alone(&self.source).await {
                Ok(reader) => return Ok(Held { relocation: self, reader }),
                Err(Failure::Contention(_)) if tried < HOLDS => tried += 1,
                Err(Failure::Contention(cause) | Failure::Unavailable(cause) | Failure::Lost(cause)) => {
                    return Err(Error::Conflict(format!(
                        "{} could not be held, as others work on it; stop what serves it, and run this again ({cause})",
                        self.ends[0]
                    )));
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Makes the target the directory, once the source is not it any more.
    pub async fn open(&self) -> Result<()> {
        self.target.write((), |(), tx| Box::pin(async move { Ok(marks::open(tx).await?) })).await?;
        Ok(self.target.checkpoint()?)
    }
}

/// The source, on which nobody else works. Dropped, it goes on as before.
pub struct Held<'a> {
    relocation: &'a Relocation,
    reader: Reader,
}

impl Held<'_> {
    /// As [`Relocation::pass`]; nothing changes any more, so that a second one finds nothing.
    pub async fn pass(&mut self, watch: &mut (dyn FnMut(u64) + Send)) -> Result<Vec<Carried>> {
        pass::run(&mut self.reader, &self.relocation.target, Otherwise::default(), watch).await
    }

    /// From here on the source is not the directory any more. The target is, once it has been opened.
    pub async fn leave(mut self) -> Result<()> {
        let mark = Mark::Moved { copy: self.relocation.copy.clone(), to: self.relocation.ends[1].clone() };
        marks::set_moved(&mut self.reader, &mark).await?;
        Ok(self.reader.commit().await?)
    }
}

async fn connect(end: &End) -> Result<Store> {
    Store::connect(&end.location, Use::Bulk, Clock::system(), Metrics::default()).await
}
