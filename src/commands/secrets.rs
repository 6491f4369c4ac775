//! Where commands get passwords from and where they put secrets.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use countersign_model::SecretString;

use crate::output::{Failure, remark};
use crate::wiring::files;

/// Where a person's password comes from.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct PasswordSource {
    /// Read the password from this file; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Make a password and show it once.
    #[arg(long)]
    generate: bool,
}

/// A password, and whether it was made here and must be shown.
pub(crate) struct ChosenPassword {
    pub(crate) password: SecretString,
    pub(crate) generated: bool,
}

impl PasswordSource {
    /// Refuses early what would not work: a file for a password that is not made here, or one that is there already.
    ///
    /// # Errors
    /// When they do not go together, or the file exists.
    pub(crate) fn check(&self, sink: &SecretSink) -> Result<(), Failure> {
        if sink.secret_file.is_some() && !self.generate {
            return Err("--secret-file is for a password that is made here: give --generate too".into());
        }
        sink.check()
    }

    /// Reads, makes or asks for a password.
    ///
    /// # Errors
    /// When none can be had: no file, or nobody at a terminal to ask.
    pub(crate) fn obtain(&self, generate: impl FnOnce() -> SecretString) -> Result<ChosenPassword, Failure> {
        if self.generate {
            return Ok(ChosenPassword { password: generate(), generated: true });
        }
        let password = match &self.password_file {
            Some(file) if file.as_os_str() == "-" => standard_input()?,
            Some(file) => files::read_secret(file)?,
            None => ask()?,
        };
        Ok(ChosenPassword { password, generated: false })
    }
}

fn standard_input() -> Result<SecretString, Failure> {
    let mut text = String::new();
    std::io::stdin().lock().take(64 << 10).read_to_string(&mut text)?;
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r'])))
}

fn ask() -> Result<SecretString, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err("there is nobody to ask for a password: give --password-file FILE, --password-file - or --generate".into());
    }
    let password = dialoguer::Password::new()
        .with_prompt("Password")
        .with_confirmation("Once more", "They differ: try again")
        .interact()?;
    Ok(SecretString::new(password))
}

/// Where a secret that is shown once goes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SecretSink {
    /// Write the secret to this new file (mode 600) instead of standard output.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

impl SecretSink {
    /// Refuses early when the file is there already, before anything is made whose secret could not be kept.
    ///
    /// # Errors
    /// When the file exists.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.secret_file {
            Some(file) if file.exists() => {
                Err(format!("{}: there is such a file already; it is left as it is", file.display()).into())
            }
            _ => Ok(()),
        }
    }

    /// Puts the secret into the file, if one was named; otherwise gives it back for showing.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(crate) fn put<'a>(&self, secret: &'a SecretString) -> Result<Shown<'a>, Failure> {
        match &self.secret_file {
            Some(file) => {
                files::write_new_private(file, format!("{}\n", secret.expose()).as_bytes())?;
                remark(&format!("the secret is in {}", file.display()));
                Ok(Shown::InFile(file.clone()))
            }
            None => Ok(Shown::Here(secret)),
        }
    }
}

/// What may be shown of a secret.
pub(crate) enum Shown<'a> {
    /// The secret itself, this once.
    Here(&'a SecretString),
    /// Only where it is.
    InFile(PathBuf),
}

impl Shown<'_> {
    /// The secret for a JSON document, or nothing when it went to a file.
    pub(crate) fn value(&self) -> Option<&str> {
        match self {
            Self::Here(secret) => Some(secret.expose()),
            Self::InFile(_) => None,
        }
    }

    /// The file it went to.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Here(_) => None,
            Self::InFile(file) => Some(file),
        }
    }
}
