//! A disk that can be told to lose its power, to fail, and to be full: a file system in memory, mounted by FUSE, that knows of
//! every file and folder what of it was synced.

mod content;
mod file;
mod judge;
mod mount;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fuser::{BackgroundSession, Config, MountOption, SessionACL};
use rustix::{
    mount::{UnmountFlags, unmount},
    process::{getegid, geteuid},
};
use tempfile::TempDir;

use super::course::figure;
use content::Content;
use mount::Mounted;

/// A disk. Taken away when dropped.
pub struct Disk {
    folder: TempDir,
    state: Arc<Mutex<State>>,
    session: Option<BackgroundSession>,
}

/// What is on it, and what is to go wrong.
#[derive(Default)]
pub struct State {
    content: Content,
    faults: Faults,
    is_dead: bool,
}

/// What can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Bytes written to a file, or its length changed.
    Write,
    /// A file or folder synced.
    Sync,
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    Once,
    Ever,
}

/// All that was on a disk at some moment, synced or not.
pub struct Image(Content);

/// What is left of what was written and not synced.
pub enum Left<'a> {
    Nothing,
    /// Each sector of it or not, as happens with a disk that keeps some for later.
    Some(&'a mut fastrand::Rng),
}

impl<'a> Left<'a> {
    /// Nothing or some of it.
    pub fn by(chance: &'a mut fastrand::Rng) -> Self {
        if chance.bool() { Self::Nothing } else { Self::Some(chance) }
    }
}

#[derive(Default)]
struct Faults {
    /// Writes and syncs so far, those that failed among them.
    counted: [u64; 2],
    planned: Option<(Act, u64, For)>,
    happened: u64,
}

impl Faults {
    /// Whether this one works.
    fn count(&mut self, act: Act) -> bool {
        let counted = &mut self.counted[act as usize];
        *counted += 1;
        let fails = self.planned.is_some_and(|(planned, number, time)| {
            planned == act && (*counted == number || *counted > number && time == For::Ever)
        });
        self.happened += u64::from(fails);
        !fails
    }
}

impl Disk {
    /// An empty one. None where `PROVE_WITHOUT_DISK` says that no file system can be mounted here.
    pub fn new() -> Option<Self> {
        if std::env::var_os("PROVE_WITHOUT_DISK").is_some() {
            figure("disk", "NOT PROVEN: PROVE_WITHOUT_DISK is set");
            return None;
        }
        let folder = TempDir::new().expect("a temporary folder");
        let mut disk = Self { folder, state: Arc::default(), session: None };
        disk.mount(Content::empty(geteuid().as_raw(), getegid().as_raw()));
        Some(disk)
    }

    /// Mounts it anew with this on it. Whoever still uses it as it was before finds that nothing works any more.
    fn mount(&mut self, content: Content) {
        let before = std::mem::take(&mut *self.state());
        self.state().is_dead = true;
        self.unmount();
        let faults = Faults { planned: None, ..before.faults };
        self.state = Arc::new(Mutex::new(State { content, faults, is_dead: false }));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("portreeve-proof".into())];
        if geteuid().is_root() {
            // PostgreSQL runs as somebody else then.
            config.acl = SessionACL::All;
        }
        let mounted = fuser::spawn_mount(Mounted(self.state.clone()), self.folder.path(), &config);
        let why =
            "a file system of our own can be mounted: it takes /dev/fuse, and fusermount3 (Debian: fuse3) if not root";
        self.session = Some(mounted.expect(why));
    }

    /// For everybody who looks for it from now on. Some other program of this machine may hold on to it, which is not waited for:
    /// one that has made a world of mounts for itself meanwhile has this one in it too.
    fn unmount(&mut self) {
        // Who is not root leaves it to the session, which knows a program that may.
        let _ = unmount(self.folder.path(), UnmountFlags::DETACH);
        drop(self.session.take());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// From now on whatever is asked of it fails, and nothing becomes durable any more.
    pub fn cut_power(&self) {
        self.state().is_dead = true;
    }

    /// Mounts it again with what is left. What was planned to fail does so no more.
    pub fn restore_power(&mut self, left: Left<'_>) {
        let chance = match left {
            Left::Nothing => None,
            Left::Some(chance) => Some(chance),
        };
        let content = self.state().content.after_loss(chance);
        self.mount(content);
    }

    /// What is on it now.
    pub fn image(&self) -> Image {
        Image(self.state().content.clone())
    }

    /// Puts on it what was there before. What was planned to fail does so no more.
    pub fn put_back(&mut self, image: &Image) {
        self.mount(image.0.clone());
    }

    /// All that is on it is durable, as if it had been there for long.
    pub fn settle(&self) {
        self.state().content.settle();
    }

    /// How many were asked for so far, those that failed among them.
    pub fn count(&self, act: Act) -> u64 {
        self.state().faults.counted[act as usize]
    }

    /// Lets one fail that is still to come, the next one being the first, and all after it if so told.
    pub fn fail(&self, act: Act, number: u64, time: For) {
        let faults = &mut self.state().faults;
        faults.planned = Some((act, faults.counted[act as usize] + number, time));
        faults.happened = 0;
    }

    /// Lets nothing fail any more, and says how much has.
    pub fn heal(&self) -> u64 {
        let faults = &mut self.state().faults;
        faults.planned = None;
        faults.happened
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u64 {
        self.state().content.used()
    }

    /// How many bytes there are to be taken. None: as many as are wanted.
    pub fn limit(&self, bytes: Option<u64>) {
        self.state().content.limit = bytes;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}
