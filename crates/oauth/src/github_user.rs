//! A person as GitHub's `GET /user` tells of them.

use countersign_model::{ClientId, Profile, ScopeSet, Subject, Timestamp, User, UserId, digest};

use crate::ports::Ports;
use crate::profile::Rules;
use crate::{Engine, Error};

/// What a client may know of a person, of the members that clients for GitHub read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GithubUser {
    /// The name they sign in with; a client that asked for `openid` alone learns who this is, not what they are called.
    pub login: Option<String>,
    /// A number for whom our own name is no number: 53 bits of its SHA-256, as many as every JSON reader keeps
    /// (RFC 8259 §6). Two people of a million share one with a chance of one in eighteen thousand; `node_id` is unique.
    pub id: u64,
    /// Stable for ever, and nobody else's.
    pub node_id: String,
    /// What they are called.
    pub name: Option<String>,
    /// Where they read mail, if they have proven it: an address that nobody has proven is no way to know somebody by.
    pub email: Option<String>,
    /// When the account was made, where the name is told.
    pub created_at: Option<Timestamp>,
}

/// Which scopes let a client that is not written for GitHub read any of it.
const ANY: [&str; 4] = ["openid", "profile", "user", "read:user"];
/// Which scopes let a client read the names: OpenID Connect Core §5.4 has `preferred_username` among the claims of `profile`.
const NAME: [&str; 3] = ["read:user", "user", "profile"];
/// Which let it read the address.
const EMAIL: [&str; 3] = ["user:email", "user", "email"];

impl<P: Ports> Engine<P> {
    /// The person of an access token that this client has, with these scopes. The caller has checked the token: our own
    /// issuer, and this server among its audience.
    ///
    /// # Errors
    /// The client has another profile and none of the scopes that ask who somebody is; the subject is no enabled account.
    pub async fn github_user(
        &self,
        subject: &Subject,
        client: Option<&ClientId>,
        scopes: &ScopeSet,
    ) -> Result<GithubUser, Error> {
        let client = match client {
            Some(client) => self.ports.client(client).await?,
            None => None,
        };
        let profile = client.map(|client| client.profile);
        if !GithubUser::is_told_to(profile, scopes) {
            return Err(Error::InsufficientScope);
        }
        let user = self.ports.user(&UserId::from(subject.as_str())).await?;
        let user = user.filter(User::is_enabled).ok_or(Error::InvalidToken)?;
        Ok(GithubUser::of(&user, profile, scopes))
    }
}

impl GithubUser {
    /// Whether a client of this profile may know who somebody is. One written for GitHub learns it whatever it asked for;
    /// any other must have asked.
    fn is_told_to(profile: Option<Profile>, scopes: &ScopeSet) -> bool {
        tells_the_person(profile) || ANY.iter().any(|scope| scopes.contains(scope))
    }

    /// What a client of this profile may read of a person with these scopes. Those written for GitHub can't do without
    /// a login name.
    #[must_use]
    pub fn of(user: &User, profile: Option<Profile>, scopes: &ScopeSet) -> Self {
        let may = |known: [&str; 3]| known.iter().any(|scope| scopes.contains(scope));
        let may_login = tells_the_person(profile) || may(NAME);
        Self {
            login: may_login.then(|| user.username.as_str().to_owned()),
            id: number(&user.id),
            node_id: user.id.to_string(),
            name: user.display_name.clone().filter(|_| may(NAME)),
            email: user.email.clone().filter(|_| may(EMAIL) && user.email_verified),
            created_at: may_login.then_some(user.created_at),
        }
    }
}

/// Whether clients of this profile always learn whose token it is.
fn tells_the_person(profile: Option<Profile>) -> bool {
    profile.is_some_and(|profile| Rules::of(profile).tells_the_person)
}

fn number(id: &UserId) -> u64 {
    let hash = digest::sha256(id.as_str().as_bytes());
    let first = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    first >> 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_that_every_json_reader_keeps() {
        for name in ["usr_1", "usr_2", "usr_018f3f2c9d2b7c3e8a4f5b6c7d8e9f00"] {
            let number = number(&UserId::from(name));
            assert!(number < 1 << 53 && number == super::number(&UserId::from(name)), "{name}");
        }
        assert_ne!(number(&UserId::from("usr_1")), number(&UserId::from("usr_2")));
    }
}
