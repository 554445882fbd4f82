//! What the kernel asks of the disk, by FUSE. Nothing is held back: a write reaches the content before it is answered.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::{
    Act, State,
    content::{BLOCK, Body, Content, Folder, Node},
    file::File,
};

/// Nobody but the kernel changes anything, so it may believe what it knows.
const FOR_EVER: Duration = Duration::from_secs(1_000_000);
/// What is cached stays so when a file is opened again, which others may have mapped.
const KEEP: FopenFlags = FopenFlags::FOPEN_KEEP_CACHE;
const NO_HANDLE: FileHandle = FileHandle(0);
const GENERATION: Generation = Generation(0);

/// The disk as the kernel knows it.
pub struct Mounted(pub Arc<Mutex<State>>);

impl Mounted {
    /// The content, while there is power.
    fn with<T>(&self, act: impl FnOnce(&mut Content) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut state = self.locked();
        if state.is_dead { Err(Errno::EIO) } else { act(&mut state.content) }
    }

    /// The same, for what may be told to fail.
    fn counted<T>(&self, kind: Act, act: impl FnOnce(&mut Content, bool) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut state = self.locked();
        if state.is_dead {
            return Err(Errno::EIO);
        }
        let works = state.faults.count(kind);
        let done = act(&mut state.content, works)?;
        if works { Ok(done) } else { Err(Errno::EIO) }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attributes(&self, number: u64) -> Result<FileAttr, Errno> {
        self.with(|content| Ok(attributes(number, content.node(number)?)))
    }

    fn make(&self, request: &Request, folder: INodeNo, name: &OsStr, body: Body, mode: u32) -> Result<FileAttr, Errno> {
        self.with(|content| {
            let mode = u16::try_from(mode & 0o7777).map_err(|_| Errno::EINVAL)?;
            let number = content.make(folder.0, name, body, mode, (request.uid(), request.gid()))?;
            Ok(attributes(number, content.node(number)?))
        })
    }
}

fn attributes(number: u64, node: &Node) -> FileAttr {
    let (kind, size) = match &node.body {
        Body::File(file) => (FileType::RegularFile, file.length() as u64),
        Body::Folder(_) => (FileType::Directory, 0),
        Body::Link(to) => (FileType::Symlink, to.as_os_str().len() as u64),
    };
    let never: SystemTime = UNIX_EPOCH;
    FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: never,
        mtime: never,
        ctime: never,
        crtime: never,
        kind,
        perm: node.mode,
        nlink: 1,
        uid: node.owner,
        gid: node.group,
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    }
}

fn entry(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attributes) => reply.entry(&FOR_EVER, &attributes, GENERATION),
        Err(fault) => reply.error(fault),
    }
}

fn end(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(fault) => reply.error(fault),
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(
            reply,
            self.with(|content| {
                let number = content.find(folder.0, name)?;
                Ok(attributes(number, content.node(number)?))
            }),
        );
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(number.0) {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(fault) => reply.error(fault),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        owner: Option<u32>,
        group: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = |content: &mut Content| {
            let node = content.node_mut(number.0)?;
            if let Some(mode) = mode {
                node.mode = u16::try_from(mode & 0o7777).map_err(|_| Errno::EINVAL)?;
            }
            node.owner = owner.unwrap_or(node.owner);
            node.group = group.unwrap_or(node.group);
            Ok(())
        };
        let resized = size.map_or(Ok(()), |size| {
            let size = usize::try_from(size).map_err(|_| Errno::EFBIG)?;
            self.counted(Act::Write, |content, works| if works { content.resize(number.0, size) } else { Ok(()) })
        });
        match resized.and_then(|()| self.with(set)).and_then(|()| self.attributes(number.0)) {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(fault) => reply.error(fault),
        }
    }

    fn mkdir(&self, request: &Request, folder: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        entry(reply, self.make(request, folder, name, Body::Folder(Folder::default()), mode));
    }

    fn create(&self, request: &Request, folder: INodeNo, name: &OsStr, mode: u32, _: u32, _: i32, reply: ReplyCreate) {
        match self.make(request, folder, name, Body::File(File::default()), mode) {
            Ok(attributes) => reply.created(&FOR_EVER, &attributes, GENERATION, NO_HANDLE, KEEP),
            Err(fault) => reply.error(fault),
        }
    }

    fn link(&self, _: &Request, number: INodeNo, folder: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let linked = self.with(|content| content.link(number.0, folder.0, name));
        entry(reply, linked.and_then(|()| self.attributes(number.0)));
    }

    fn symlink(&self, request: &Request, folder: INodeNo, name: &OsStr, to: &Path, reply: ReplyEntry) {
        entry(reply, self.make(request, folder, name, Body::Link(to.to_owned()), 0o777));
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        let read = self.with(|content| match &content.node(number.0)?.body {
            Body::Link(to) => Ok(to.clone()),
            Body::File(_) | Body::Folder(_) => Err(Errno::EINVAL),
        });
        match read {
            Ok(to) => reply.data(to.as_os_str().as_bytes()),
            Err(fault) => reply.error(fault),
        }
    }

    fn unlink(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        end(reply, self.with(|content| content.unlink(folder.0, name)));
    }

    fn rmdir(&self, _: &Request, folder: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        end(reply, self.with(|content| content.remove_folder(folder.0, name)));
    }

    fn rename(
        &self,
        _: &Request,
        folder: INodeNo,
        name: &OsStr,
        to: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        end(
            reply,
            self.with(|content| match () {
                () if flags.contains(RenameFlags::RENAME_NOREPLACE) && content.find(to.0, new_name).is_ok() => {
                    Err(Errno::EEXIST)
                }
                () if flags.contains(RenameFlags::RENAME_EXCHANGE) => Err(Errno::EINVAL),
                () => content.rename((folder.0, name), (to.0, new_name)),
            }),
        );
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(NO_HANDLE, KEEP);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        from: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.with(|content| {
            let from = usize::try_from(from).map_err(|_| Errno::EFBIG)?;
            Ok(content.file(number.0)?.read(from, size as usize).to_vec())
        });
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(fault) => reply.error(fault),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        at: u64,
        data: &[u8],
        flags: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let Ok(at) = usize::try_from(at) else { return reply.error(Errno::EFBIG) };
        let written = if flags.contains(WriteFlags::FUSE_WRITE_CACHE) {
            // What was written to memory that a file is mapped to, which the kernel brings whenever it likes.
            self.with(|content| content.write(number.0, at, data))
        } else {
            self.counted(Act::Write, |content, works| if works { content.write(number.0, at, data) } else { Ok(0) })
        };
        match written {
            Ok(size) => reply.written(u32::try_from(size).unwrap_or(u32::MAX)),
            Err(fault) => reply.error(fault),
        }
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        end(reply, self.counted(Act::Sync, |content, works| content.sync(number.0, works)));
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        end(reply, self.counted(Act::Sync, |content, works| content.sync(number.0, works)));
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match self.with(|content| Ok((content.used(), content.room()))) {
            Ok((used, room)) => {
                let [all, free] = [used + room, room].map(|bytes| bytes / BLOCK);
                let size = BLOCK as u32;
                reply.statfs(all, free, free, u64::from(u32::MAX), u64::from(u32::MAX), size, 255, size);
            }
            Err(fault) => reply.error(fault),
        }
    }

    fn readdir(&self, _: &Request, folder: INodeNo, _: FileHandle, after: u64, mut reply: ReplyDirectory) {
        let found = self.with(|content| {
            let mut found = Vec::new();
            // By number, so that names that go meanwhile do not shift the rest.
            for (name, number) in content.folder(folder.0)?.names().filter(|(_, number)| *number > after) {
                let kind = attributes(number, content.node(number)?).kind;
                found.push((number, kind, name.to_owned()));
            }
            found.sort_by_key(|(number, ..)| *number);
            Ok(found)
        });
        match found {
            Ok(found) => {
                for (number, kind, name) in found {
                    if reply.add(INodeNo(number), number, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(fault) => reply.error(fault),
        }
    }
}
