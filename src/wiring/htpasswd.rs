//! htpasswd files as a source of accounts.

use std::path::Path;

use countersign_access::ports::{Account, Accounts, BoxFuture, Unavailable};
use countersign_model::{PasswordHashText, ScopeSet, Subject, Username};
use countersign_passwords::htpasswd::Htpasswd;

use super::files;
use crate::config::checked::Basic;
use crate::output::Failure;

/// The accounts of the configured files; the first file that knows a name decides.
pub(super) struct HtpasswdFiles {
    files: Vec<Htpasswd>,
    scopes: ScopeSet,
}

impl HtpasswdFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// Every line that can't be used, with its file and number.
    pub(super) fn read(basic: &Basic) -> Result<Self, Failure> {
        let files = basic.htpasswd.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        Ok(Self { files, scopes: basic.htpasswd_scopes.clone() })
    }
}

fn read(path: &Path) -> Result<Htpasswd, Failure> {
    let text =
        String::from_utf8(files::read(path)?).map_err(|_| format!("{}: not UTF-8 text", path.display()))?;
    Htpasswd::parse(&text).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{}: {error}", path.display())).collect();
        lines.join("\n").into()
    })
}

impl Accounts for HtpasswdFiles {
    fn account<'a>(&'a self, name: &'a Username) -> BoxFuture<'a, Result<Option<Account>, Unavailable>> {
        let password = self.files.iter().find_map(|file| file.password(name));
        let account = password.map(|password| Account {
            subject: Subject::from(name.as_str()),
            user: None,
            password: Some(password.clone()),
            enabled: true,
            scopes: self.scopes.clone(),
        });
        Box::pin(std::future::ready(Ok(account)))
    }

    /// The file is the operator's: a weak hash in it stays until they change it.
    fn upgrade_password<'a>(
        &'a self,
        _: &'a Account,
        _: &'a PasswordHashText,
        _: PasswordHashText,
    ) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
