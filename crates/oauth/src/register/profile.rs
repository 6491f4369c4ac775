//! `countersign_profile`: the rules the client asks to live by. No specification has a member for it; the prefix keeps ours
//! from meaning something else one day (RFC 7591 §4.1 is a registry of short names).

use countersign_model::{Client, Profile};

use super::{Members, RegistrationPolicy, RegistrationRefusal};
use crate::profile::{ProfileConflict, Rules};

const NAME: &str = "countersign_profile";

/// One that the operator allows; the first of these where none is asked for.
pub(super) fn allowed(asked: &Members, policy: &RegistrationPolicy) -> Result<Profile, RegistrationRefusal> {
    let refused =
        RegistrationRefusal::metadata(NAME, "it is not offered to clients that register themselves");
    match asked.text(NAME)? {
        Some(name) => policy.profiles.iter().find(|known| known.as_str() == name).copied().ok_or(refused),
        None => policy.profiles.first().copied().ok_or(refused),
    }
}

/// Whether what was registered and the profile go together: what contradicts it would be refused at every use.
pub(super) fn fits(client: &Client) -> Result<(), RegistrationRefusal> {
    Rules::fit(client).map_err(|conflict| {
        let (member, fault) = match conflict {
            ProfileConflict::Authentication => (
                "token_endpoint_auth_method",
                "the profile is for clients that authenticate by a key of their own",
            ),
            ProfileConflict::ResponseType => ("response_types", "the profile has no such response type"),
            ProfileConflict::Algorithm => {
                (NAME, "the profile does not sign with an algorithm that is named here")
            }
            ProfileConflict::RedirectUri => {
                return RegistrationRefusal::RedirectUri("the profile wants https, or a loopback address");
            }
            ProfileConflict::NoKeys => ("jwks", "signed requests need it, or jwks_uri"),
        };
        RegistrationRefusal::metadata(member, fault)
    })
}
