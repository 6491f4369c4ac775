//! `acr_values` (OpenID Connect Core §3.1.2.1, RFC 9470 §4): how the person shall sign in.

use crate::{Error, Parameters, Settings};

/// No operator has more classes.
const MOST: usize = 16;

/// The classes asked for, in order of preference, as far as there are such. Names that nobody here knows ask for
/// nothing (OpenID Connect Core §3.1.2.1: a voluntary claim); a resource that insists refuses the token.
pub(crate) fn known(settings: &Settings, sent: &Parameters<'_>) -> Result<Vec<String>, Error> {
    let names: Vec<&str> =
        sent.one("acr_values").unwrap_or_default().split(' ').filter(|name| !name.is_empty()).collect();
    if names.len() > MOST {
        return Err(Error::Invalid("acr_values"));
    }
    let is_known = |name: &&str| settings.acr_classes.iter().any(|class| class.acr == *name);
    Ok(names.into_iter().filter(is_known).map(str::to_owned).collect())
}
