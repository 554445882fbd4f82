//! Where the data of a measurement lives: a folder for each, or a schema for each of the PostgreSQL that was named. All of it is
//! gone in the end.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use portreeve_directory::{limits, store::Location};
use tempfile::TempDir;

/// Connections that a server keeps, as is its default.
const CONNECTIONS: usize = 16;

/// All places.
pub struct Places {
    root: TempDir,
    database: Option<String>,
    made: Mutex<usize>,
    schemas: Mutex<Vec<String>>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
    /// The URL of its schema, and the schema.
    database: Option<(String, String)>,
}

impl Places {
    /// In the system's folder for temporary files (`TMPDIR`), or in a PostgreSQL.
    pub fn new(database: Option<&str>) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("portreeve-bench-").tempdir();
        let root = root.context("a temporary folder cannot be made; name a place for it in TMPDIR")?;
        Ok(Self { root, database: database.map(str::to_owned), made: Mutex::default(), schemas: Mutex::default() })
    }

    /// An empty one.
    pub async fn make(&self) -> anyhow::Result<Place> {
        let number = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            *made += 1;
            *made
        };
        let folder = self.root.path().join(format!("place-{number}"));
        let Some(url) = &self.database else { return Ok(Place { folder, database: None }) };
        let schema = format!("bench_{}_{number}", std::process::id());
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner).push(schema.clone());
        limits::make_schema(url, &schema).await.context("making a schema in the database for the measurement")?;
        let joint = if url.contains('?') { '&' } else { '?' };
        Ok(Place { folder, database: Some((format!("{url}{joint}options=-csearch_path%3D{schema}"), schema)) })
    }

    /// Throws a place away before the end.
    pub async fn give_back(&self, place: Place) -> anyhow::Result<()> {
        if place.folder.exists() {
            std::fs::remove_dir_all(&place.folder).with_context(|| place.folder.display().to_string())?;
        }
        if let (Some(url), Some((_, schema))) = (&self.database, &place.database) {
            limits::drop_schemas(url, std::slice::from_ref(schema)).await?;
            self.schemas.lock().unwrap_or_else(PoisonError::into_inner).retain(|left| left != schema);
        }
        Ok(())
    }

    /// A file that is gone in the end.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Drops what is left in the database. The folder goes with the value.
    pub async fn clear(&self) -> anyhow::Result<()> {
        let left = std::mem::take(&mut *self.schemas.lock().unwrap_or_else(PoisonError::into_inner));
        match &self.database {
            Some(url) if !left.is_empty() => {
                let names = left.join(", ");
                limits::drop_schemas(url, &left)
                    .await
                    .with_context(|| format!("dropping the schemas of the measurement ({names})"))
            }
            _ => Ok(()),
        }
    }
}

impl Place {
    /// A command of this program on this place.
    pub fn command(&self, act: &str) -> anyhow::Result<Command> {
        let mut command = program(act)?;
        command.arg("--data").arg(&self.folder);
        if let Some((url, _)) = &self.database {
            // Not on the command line, which other users of the machine see: it may hold a password.
            command.env("PORTREEVE_DATABASE", url);
        }
        Ok(command)
    }

    /// As the directory knows it.
    pub fn location(&self) -> Location {
        match &self.database {
            Some((url, _)) => Location::Postgres { url: url.clone(), connections: CONNECTIONS },
            None => Location::Folder(self.folder.clone()),
        }
    }
}

/// A command of this program. What the caller configured for a server of their own is not meant for it.
pub fn program(act: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("where this program is")?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PORTREEVE_")) {
        command.env_remove(name);
    }
    command.arg(act);
    Ok(command)
}
