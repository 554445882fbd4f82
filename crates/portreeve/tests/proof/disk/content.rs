//! What is on the disk: files in folders, each as it is seen and as it would be after a loss of power.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use fuser::Errno;

use super::file::File;

/// The topmost folder.
pub const ROOT: u64 = 1;
/// In what the disk gives out its space.
pub const BLOCK: u64 = 4_096;

/// All of it.
#[derive(Default, Clone)]
pub struct Content {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Bytes taken by files that have a name.
    used: u64,
    /// Bytes that there are. None: as many as are wanted.
    pub limit: Option<u64>,
}

/// A file, a folder, or a symbolic link.
#[derive(Clone)]
pub struct Node {
    pub body: Body,
    pub mode: u16,
    pub owner: u32,
    pub group: u32,
    names: u32,
}

#[derive(Clone)]
pub enum Body {
    File(File),
    Folder(Folder),
    /// Another path.
    Link(PathBuf),
}

/// Names, as they are seen and as they are durable.
#[derive(Default, Clone)]
pub struct Folder {
    names: BTreeMap<OsString, u64>,
    durable: BTreeMap<OsString, u64>,
    /// What was done since they were synced, in order; what belongs together as one.
    steps: Vec<Step>,
}

/// Names, and what they stand for since. None: they are gone.
type Step = Vec<(OsString, Option<u64>)>;

impl Folder {
    fn take(&mut self, step: Step) {
        apply(&mut self.names, &step);
        self.steps.push(step);
    }

    fn sync(&mut self) {
        self.steps.clear();
        self.durable.clone_from(&self.names);
    }

    pub fn names(&self) -> impl Iterator<Item = (&OsString, u64)> {
        self.names.iter().map(|(name, &number)| (name, number))
    }

    /// A file system keeps the order of what is done in a folder: by chance the first few steps are left.
    fn after_loss(&self, chance: Option<&mut fastrand::Rng>) -> BTreeMap<OsString, u64> {
        let mut names = self.durable.clone();
        let left = chance.map_or(0, |chance| chance.usize(..=self.steps.len()));
        self.steps[..left].iter().for_each(|step| apply(&mut names, step));
        names
    }
}

fn apply(names: &mut BTreeMap<OsString, u64>, step: &Step) {
    for (name, number) in step {
        match number {
            Some(number) => names.insert(name.clone(), *number),
            None => names.remove(name),
        };
    }
}

impl Content {
    /// An empty disk that belongs to whoever runs this.
    pub fn empty(owner: u32, group: u32) -> Self {
        let root = Node { body: Body::Folder(Folder::default()), mode: 0o755, owner, group, names: 1 };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, used: 0, limit: None }
    }

    /// Bytes taken.
    pub fn used(&self) -> u64 {
        self.used
    }

    pub fn node(&self, number: u64) -> Result<&Node, Errno> {
        self.nodes.get(&number).ok_or(Errno::ENOENT)
    }

    pub fn node_mut(&mut self, number: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    pub fn folder(&self, number: u64) -> Result<&Folder, Errno> {
        match &self.node(number)?.body {
            Body::Folder(folder) => Ok(folder),
            Body::File(_) | Body::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    fn folder_mut(&mut self, number: u64) -> Result<&mut Folder, Errno> {
        match &mut self.node_mut(number)?.body {
            Body::Folder(folder) => Ok(folder),
            Body::File(_) | Body::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    pub fn file(&self, number: u64) -> Result<&File, Errno> {
        match &self.node(number)?.body {
            Body::File(file) => Ok(file),
            Body::Folder(_) | Body::Link(_) => Err(Errno::EISDIR),
        }
    }

    pub fn file_mut(&mut self, number: u64) -> Result<&mut File, Errno> {
        match &mut self.node_mut(number)?.body {
            Body::File(file) => Ok(file),
            Body::Folder(_) | Body::Link(_) => Err(Errno::EISDIR),
        }
    }

    pub fn find(&self, folder: u64, name: &OsStr) -> Result<u64, Errno> {
        self.folder(folder)?.names.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// Makes something new under a name.
    pub fn make(&mut self, folder: u64, name: &OsStr, body: Body, mode: u16, owner: (u32, u32)) -> Result<u64, Errno> {
        if self.find(folder, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        if self.room() < BLOCK {
            return Err(Errno::ENOSPC);
        }
        let number = self.next;
        self.folder_mut(folder)?.take(vec![(name.to_owned(), Some(number))]);
        self.next += 1;
        self.nodes.insert(number, Node { body, mode, owner: owner.0, group: owner.1, names: 1 });
        Ok(number)
    }

    /// Gives a file another name.
    pub fn link(&mut self, number: u64, folder: u64, name: &OsStr) -> Result<(), Errno> {
        if self.find(folder, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.folder_mut(folder)?.take(vec![(name.to_owned(), Some(number))]);
        self.node_mut(number)?.names += 1;
        Ok(())
    }

    /// Takes a name away. Who has the file open goes on with it.
    pub fn unlink(&mut self, folder: u64, name: &OsStr) -> Result<(), Errno> {
        let number = self.find(folder, name)?;
        self.folder_mut(folder)?.take(vec![(name.to_owned(), None)]);
        self.nameless(number)
    }

    fn nameless(&mut self, number: u64) -> Result<(), Errno> {
        let node = self.node_mut(number)?;
        node.names -= 1;
        if let (0, Body::File(file)) = (node.names, &node.body) {
            self.used -= blocks(file.length());
        }
        Ok(())
    }

    pub fn remove_folder(&mut self, folder: u64, name: &OsStr) -> Result<(), Errno> {
        let number = self.find(folder, name)?;
        if !self.folder(number)?.names.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.unlink(folder, name)
    }

    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Errno> {
        let number = self.find(from.0, from.1)?;
        let old = self.find(to.0, to.1).ok();
        if old == Some(number) {
            return Ok(());
        }
        if from.0 == to.0 {
            self.folder_mut(to.0)?.take(vec![(from.1.to_owned(), None), (to.1.to_owned(), Some(number))]);
        } else {
            self.folder_mut(to.0)?.take(vec![(to.1.to_owned(), Some(number))]);
            self.folder_mut(from.0)?.take(vec![(from.1.to_owned(), None)]);
        }
        old.map_or(Ok(()), |old| self.nameless(old))
    }

    /// Writes what there is room for, and says how much that was.
    pub fn write(&mut self, number: u64, at: usize, data: &[u8]) -> Result<usize, Errno> {
        let (length, room) = (self.file(number)?.length(), self.room());
        let most = blocks(length) + room / BLOCK * BLOCK;
        let end = (at + data.len()).min(usize::try_from(most).unwrap_or(usize::MAX));
        if end <= at && !data.is_empty() {
            return Err(Errno::ENOSPC);
        }
        self.file_mut(number)?.write(at, &data[..end - at]);
        self.took(number, length)?;
        Ok(end - at)
    }

    pub fn resize(&mut self, number: u64, to: usize) -> Result<(), Errno> {
        let length = self.file(number)?.length();
        if blocks(to) > blocks(length) + self.room() {
            return Err(Errno::ENOSPC);
        }
        self.file_mut(number)?.resize(to);
        self.took(number, length)
    }

    /// A file had this length before.
    fn took(&mut self, number: u64, before: usize) -> Result<(), Errno> {
        let after = self.file(number)?.length();
        if self.node(number)?.names > 0 {
            self.used = self.used + blocks(after) - blocks(before);
        }
        Ok(())
    }

    /// Bytes that are left.
    pub fn room(&self) -> u64 {
        self.limit.map_or(1 << 40, |limit| limit.saturating_sub(self.used))
    }

    /// What was written to it is durable, or will never be.
    pub fn sync(&mut self, number: u64, works: bool) -> Result<(), Errno> {
        match &mut self.node_mut(number)?.body {
            Body::File(file) if works => file.sync(),
            Body::File(file) => file.fail_to_sync(),
            Body::Folder(folder) if works => folder.sync(),
            Body::Folder(_) | Body::Link(_) => {}
        }
        Ok(())
    }

    /// Everything is durable.
    pub fn settle(&mut self) {
        for node in self.nodes.values_mut() {
            match &mut node.body {
                Body::File(file) => file.sync(),
                Body::Folder(folder) => folder.sync(),
                Body::Link(_) => {}
            }
        }
    }

    /// What is left after a loss of power. Without chance: exactly what is durable.
    pub fn after_loss(&self, mut chance: Option<&mut fastrand::Rng>) -> Self {
        let (mut nodes, mut open, mut used) = (BTreeMap::<u64, Node>::new(), vec![ROOT], 0);
        while let Some(number) = open.pop() {
            if let Some(known) = nodes.get_mut(&number) {
                known.names += 1;
                continue;
            }
            let Some(node) = self.nodes.get(&number) else { continue };
            let body = match &node.body {
                Body::File(file) => {
                    let file = file.after_loss(chance.as_deref_mut());
                    used += blocks(file.length());
                    Body::File(file)
                }
                Body::Link(to) => Body::Link(to.clone()),
                Body::Folder(folder) => {
                    let names = folder.after_loss(chance.as_deref_mut());
                    open.extend(names.values());
                    Body::Folder(Folder { durable: names.clone(), names, steps: Vec::new() })
                }
            };
            nodes.insert(number, Node { body, names: 1, ..node.clone() });
        }
        Self { nodes, next: self.next, used, limit: self.limit }
    }
}

fn blocks(length: usize) -> u64 {
    (length as u64).div_ceil(BLOCK) * BLOCK
}
