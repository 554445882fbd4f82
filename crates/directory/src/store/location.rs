//! Where the data lives.

use std::path::{Path, PathBuf};

use super::{folder, sqlite};

/// Where the data lives.
#[derive(Debug, Clone)]
pub enum Location {
    /// A folder for the embedded SQLite database; made if it is not there.
    Folder(PathBuf),
    /// A `postgres://` URL, and how many connections to keep at most.
    Postgres {
        /// `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`
        url: String,
        /// Upper limit of connections from this node.
        connections: usize,
    },
}

impl Location {
    /// Makes the folder, if that is where the data lives, so that nobody else on the machine can look into it.
    pub fn prepare(&self) -> std::io::Result<()> {
        match self {
            Self::Folder(folder) => folder::make_private(folder),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Whether there may be data: false only for a folder without a database.
    pub fn has_data(&self) -> bool {
        match self {
            Self::Folder(folder) => folder.join(sqlite::FILE).exists(),
            Self::Postgres { .. } => true,
        }
    }

    /// A part of an embedded database that was left without the rest of it, perhaps with what was written last.
    pub fn remnant(&self) -> Option<PathBuf> {
        let Self::Folder(folder) = self else { return None };
        let log = folder.join(format!("{}-wal", sqlite::FILE));
        (!self.has_data() && log.exists()).then_some(log)
    }

    /// Whether a file is a part of the data, or would be taken for one.
    pub fn has(&self, file: &Path) -> bool {
        let Self::Folder(data) = self else { return false };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let is_in = matches!((folder.canonicalize(), data.canonicalize()), (Ok(one), Ok(other)) if one == other);
        is_in && file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(sqlite::FILE))
    }
}
