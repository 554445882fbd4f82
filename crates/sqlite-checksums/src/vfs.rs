//! The VFS: the operating system's, with functions of its own to open, read and write the database and its log.
#![expect(unsafe_code, reason = "SQLite calls a VFS through pointers to functions, and hands it pointers to buffers")]

use std::{
    ffi::{CStr, OsStr, c_char, c_int, c_void},
    os::unix::ffi::OsStrExt,
    sync::OnceLock,
};

use rusqlite::{Connection, ffi};

use crate::{
    Damage, Place,
    files::{Below, Log, read_page, write_page},
    note,
};

/// By this name SQLite knows it, as in `file:…?vfs=portreeve`.
pub const VFS: &str = "portreeve";
/// The same, which takes pages as they are.
pub(crate) const UNVERIFIED: &str = "portreeve-unverified";

/// The system's VFS, which does the work.
struct System {
    vfs: *mut ffi::sqlite3_vfs,
    /// Where in the memory of an open file ours begins, behind what is the system's.
    ours_at: usize,
}

// SAFETY: SQLite's VFSs are there for as long as the process is and are not changed; it calls them from any thread.
unsafe impl Send for System {}
// SAFETY: as above.
unsafe impl Sync for System {}

static SYSTEM: OnceLock<Result<System, c_int>> = OnceLock::new();

/// What we keep of an open file, in the memory that SQLite gives it. Nothing in it has to be dropped.
struct Ours {
    /// What SQLite calls: the system's functions, but for ours.
    methods: ffi::sqlite3_io_methods,
    system: *const ffi::sqlite3_io_methods,
    /// The file's name, which SQLite keeps while the file is open.
    name: *const c_char,
    verified: bool,
    log: Log,
}

/// Makes both known to SQLite, once.
pub(crate) fn register() -> rusqlite::Result<()> {
    let registered = SYSTEM.get_or_init(|| {
        // SAFETY: asks for the default VFS, which SQLite has from its beginning to the end of the process.
        let vfs = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        if vfs.is_null() {
            return Err(ffi::SQLITE_ERROR);
        }
        // SAFETY: it was just found, and `szOsFile` is not negative.
        let ours_at = unsafe { (*vfs).szOsFile as usize }.next_multiple_of(align_of::<Ours>());
        add(vfs, c"portreeve", open_verified, ours_at)?;
        add(vfs, c"portreeve-unverified", open_unverified, ours_at)?;
        Ok(System { vfs, ours_at })
    });
    match registered {
        Ok(_) => Ok(()),
        Err(code) => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(*code), None)),
    }
}

type Open = unsafe extern "C" fn(
    *mut ffi::sqlite3_vfs,
    ffi::sqlite3_filename,
    *mut ffi::sqlite3_file,
    c_int,
    *mut c_int,
) -> c_int;

fn add(system: *mut ffi::sqlite3_vfs, name: &'static CStr, open: Open, ours_at: usize) -> Result<(), c_int> {
    let size = c_int::try_from(ours_at + size_of::<Ours>()).map_err(|_| ffi::SQLITE_ERROR)?;
    // SAFETY: the system's was just found; a copy of it does all but what is set here.
    let copy = unsafe { *system };
    let vfs = Box::leak(Box::new(ffi::sqlite3_vfs {
        zName: name.as_ptr(),
        pNext: std::ptr::null_mut(),
        szOsFile: size,
        xOpen: Some(open),
        ..copy
    }));
    // SAFETY: it is never freed.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 0) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(code),
    }
}

/// `SQLITE_FCNTL_RESERVE_BYTES`.
pub(crate) fn reserve(connection: &Connection, mut bytes: c_int) -> c_int {
    let argument: *mut c_int = &mut bytes;
    // SAFETY: the connection is open, its first database is the main one, and the argument is the one that this call takes.
    unsafe {
        ffi::sqlite3_file_control(
            connection.handle(),
            std::ptr::null(),
            ffi::SQLITE_FCNTL_RESERVE_BYTES,
            argument.cast::<c_void>(),
        )
    }
}

unsafe extern "C" fn open_verified(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    given: *mut c_int,
) -> c_int {
    // SAFETY: handed on as SQLite gave it.
    unsafe { open(name, file, flags, given, true) }
}

unsafe extern "C" fn open_unverified(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    given: *mut c_int,
) -> c_int {
    // SAFETY: handed on as SQLite gave it.
    unsafe { open(name, file, flags, given, false) }
}

unsafe fn open(
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    given: *mut c_int,
    verified: bool,
) -> c_int {
    let Some(Ok(System { vfs, ours_at })) = SYSTEM.get() else { return ffi::SQLITE_CANTOPEN };
    // SAFETY: SQLite's own VFS, given what SQLite gave to us. What it needs of the file's memory is at its beginning.
    unsafe {
        let Some(open) = (**vfs).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open(*vfs, name, file, flags, given);
        let is_database = flags & ffi::SQLITE_OPEN_MAIN_DB != 0;
        if code != ffi::SQLITE_OK || !is_database && flags & ffi::SQLITE_OPEN_WAL == 0 {
            return code;
        }
        let system = (*file).pMethods;
        let mut methods = *system;
        // Without what maps files into memory (3), which nothing could verify.
        methods.iVersion = methods.iVersion.min(2);
        if is_database {
            methods.xRead = Some(read_database);
            methods.xWrite = Some(write_database);
            methods.xDeviceCharacteristics = Some(characteristics);
        } else {
            methods.xRead = Some(read_log);
            methods.xWrite = Some(write_log);
        }
        // `szOsFile` says that there is room for it, rightly aligned.
        let ours = file.byte_add(*ours_at).cast::<Ours>();
        ours.write(Ours { methods, system, name, verified, log: Log::default() });
        (*file).pMethods = &raw const (*ours).methods;
        code
    }
}

impl Ours {
    fn opened(&mut self, file: *mut ffi::sqlite3_file) -> (Opened, &mut Log) {
        (Opened { file, system: self.system, name: self.name, verified: self.verified }, &mut self.log)
    }
}

/// What we keep of a file.
///
/// # Safety
///
/// The file was opened by [`open`], and nobody else uses it meanwhile: SQLite does not use one file on two threads at once.
unsafe fn ours<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a mut Ours> {
    let Some(Ok(system)) = SYSTEM.get() else { return None };
    // SAFETY: that is where `open` has put it.
    Some(unsafe { &mut *file.byte_add(system.ours_at).cast::<Ours>() })
}

/// An open file, as the system reads and writes it.
struct Opened {
    file: *mut ffi::sqlite3_file,
    system: *const ffi::sqlite3_io_methods,
    name: *const c_char,
    verified: bool,
}

impl Below for Opened {
    fn read(&self, buffer: &mut [u8], at: i64) -> c_int {
        // SAFETY: the system's function, its file, and a buffer as long as is said.
        unsafe {
            match ((*self.system).xRead, c_int::try_from(buffer.len())) {
                (Some(read), Ok(length)) => read(self.file, buffer.as_mut_ptr().cast(), length, at),
                _ => ffi::SQLITE_IOERR_READ,
            }
        }
    }

    fn write(&self, bytes: &[u8], at: i64) -> c_int {
        // SAFETY: as above.
        unsafe {
            match ((*self.system).xWrite, c_int::try_from(bytes.len())) {
                (Some(write), Ok(length)) => write(self.file, bytes.as_ptr().cast(), length, at),
                _ => ffi::SQLITE_IOERR_WRITE,
            }
        }
    }

    fn is_empty(&self) -> bool {
        let mut size = 0;
        // SAFETY: as above.
        let asked = unsafe { (*self.system).xFileSize.map(|ask| ask(self.file, &raw mut size)) };
        asked == Some(ffi::SQLITE_OK) && size == 0
    }

    fn damaged(&self, place: Place) -> c_int {
        if !self.verified {
            return ffi::SQLITE_OK;
        }
        // SAFETY: SQLite keeps the name, which ends with a zero, while the file is open.
        let name = unsafe { CStr::from_ptr(self.name) };
        note(Damage { file: OsStr::from_bytes(name.to_bytes()).into(), place });
        ffi::SQLITE_IOERR_DATA
    }
}

/// # Safety
///
/// As SQLite promises to its VFS: the file is open, and the buffer is as long as is said.
unsafe fn reading(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    act: impl FnOnce(&Opened, &mut Log, &mut [u8]) -> c_int,
) -> c_int {
    // SAFETY: see above.
    let (ours, length) = (unsafe { ours(file) }, usize::try_from(length));
    let (Some(ours), Ok(length)) = (ours, length) else { return ffi::SQLITE_IOERR_READ };
    // SAFETY: see above.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast(), length) };
    let (opened, log) = ours.opened(file);
    act(&opened, log, bytes)
}

/// # Safety
///
/// As for [`reading`].
unsafe fn writing(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    act: impl FnOnce(&Opened, &mut Log, &[u8]) -> c_int,
) -> c_int {
    // SAFETY: see above.
    let (ours, length) = (unsafe { ours(file) }, usize::try_from(length));
    let (Some(ours), Ok(length)) = (ours, length) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: see above.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.cast(), length) };
    let (opened, log) = ours.opened(file);
    act(&opened, log, bytes)
}

unsafe extern "C" fn read_database(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: handed on as SQLite gave it; here and below.
    unsafe { reading(file, buffer, length, |below, _, buffer| read_page(below, buffer, at)) }
}

unsafe extern "C" fn write_database(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    unsafe { writing(file, buffer, length, |below, _, bytes| write_page(below, bytes, at)) }
}

unsafe extern "C" fn read_log(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    unsafe { reading(file, buffer, length, |below, log, buffer| log.read(below, buffer, at)) }
}

unsafe extern "C" fn write_log(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: see above.
    unsafe { writing(file, buffer, length, |below, log, bytes| log.write(below, bytes, at)) }
}

/// All but that parts of pages may be read (`SQLITE_IOCAP_SUBPAGE_READ`).
unsafe extern "C" fn characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the system's function and its file.
    let all = unsafe { ours(file).and_then(|ours| (*ours.system).xDeviceCharacteristics).map_or(0, |ask| ask(file)) };
    all & !ffi::SQLITE_IOCAP_SUBPAGE_READ
}
