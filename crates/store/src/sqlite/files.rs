//! The data directory and the database file: made private, and looked at before SQLite is asked, because its own
//! messages ("unable to open database file") do not say what to do.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Result, StoreError};

/// Which file a name leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
}

impl Identity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        #[cfg(not(unix))]
        let _ = metadata;
        Ok(Self {
            #[cfg(unix)]
            device_and_inode: {
                use std::os::unix::fs::MetadataExt as _;
                (metadata.dev(), metadata.ino())
            },
        })
    }

    /// Makes sure that the name leads to the same file still: what is written to a removed one is lost.
    pub(super) fn still(self, path: &Path) -> Result<()> {
        match Self::of(path) {
            Ok(now) if now == self => Ok(()),
            Ok(_) => Err(StoreError::Gone { path: path.display().to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Gone { path: path.display().to_string() })
            }
            Err(error) => Err(StoreError::Io(format!("{}: {error}", path.display()))),
        }
    }
}

/// Makes the directory (mode 700) and an empty database file (mode 600) where they are missing, and makes sure that
/// both can be written. SQLite gives its journal files the mode of the database.
pub(super) fn prepare(directory: &Path) -> Result<PathBuf> {
    let not_writable = |error: io::Error| StoreError::DirectoryNotWritable {
        path: directory.to_owned(),
        detail: error.to_string(),
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(not_writable)?;

    let path = super::path_in(directory);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            return Err(StoreError::DiskFull(format!("{}: {error}", path.display())));
        }
        Err(error) => return Err(not_writable(error)),
    }
    // SQLite must be able to make and remove files beside the database, and to put something into them: it calls a
    // full disk an I/O error when it meets it this early.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let probe = directory.join(format!(".countersign-{}-{}", unique.0, unique.1));
    let written = File::create(&probe).and_then(|mut file| file.write_all(&[0; ROOM]));
    let removed = std::fs::remove_file(&probe);
    match written {
        Ok(()) => removed.map_err(not_writable)?,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            return Err(StoreError::DiskFull(format!("{}: {error}", directory.display())));
        }
        Err(error) => return Err(not_writable(error)),
    }
    Ok(path)
}

/// What must be free for a start: the index of the write-ahead log and a little more.
const ROOM: usize = 64 << 10;
