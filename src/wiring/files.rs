//! Reading and writing files so that errors name the file and secrets stay private.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::output::Failure;

/// Largest file that is read whole: no certificate, key or secret is longer.
const LARGEST: u64 = 16 << 20;

/// Reads a whole file.
///
/// # Errors
/// With the file's name and what the system says.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    if size > LARGEST {
        return Err(format!("{}: larger than 16 MiB, which is no file of this kind", path.display()).into());
    }
    Ok(fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Reads a text that stands alone in a file, without the line feed at its end.
///
/// # Errors
/// As [`read`], and when it is no UTF-8 or empty.
pub(crate) fn read_secret(path: &Path) -> Result<countersign_model::SecretString, Failure> {
    let text = String::from_utf8(read(path)?).map_err(|_| format!("{}: not UTF-8 text", path.display()))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(format!("{}: the file is empty", path.display()).into());
    }
    Ok(countersign_model::SecretString::from(text))
}

/// Whether accounts besides its owner's may read or change a file.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Makes a directory, and those above it, that only its owner may enter.
///
/// # Errors
/// With the directory's name and what to do.
pub(crate) fn private_directory(path: &Path) -> Result<(), Failure> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| {
        format!(
            "{}: can't make this directory ({error}): choose another place or change its owner",
            path.display()
        )
    })?;
    Ok(())
}

/// Writes a file that only its owner may read, whole or not at all, replacing an older one.
///
/// # Errors
/// With the file's name and what the system says.
pub(crate) fn write_private(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let temporary = temporary(path);
    let write = || {
        fill(&temporary, contents)?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        format!("{}: can't be written ({error})", path.display()).into()
    })
}

/// Writes a new private file, whole or not at all; one that exists is somebody's and stays.
///
/// # Errors
/// When the file exists or can't be written.
pub(crate) fn write_new_private(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let temporary = temporary(path);
    let write = || {
        fill(&temporary, contents)?;
        // A rename would replace the file of somebody who was faster; a second name for ours is refused then.
        fs::hard_link(&temporary, path)
    };
    let written = write();
    let _ = fs::remove_file(&temporary);
    written.map_err(|error| format!("{}: can't be written ({error})", path.display()).into())
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn fill(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = private_options().create_new(true).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
