//! A browser in which the account's owner has signed in before: whoever guesses beside them does not lock them out.
//!
//! Its cookie is a random name and a tag over it, made with the account's password hash, which nobody outside knows. So
//! no server key and no table are needed, any node takes it, and it is void when the password changes. It lets nobody
//! in: it only gives the browser a counter of its own, so a stolen one buys a thief a few guesses.

use axum::http::HeaderMap;
use countersign_model::{Env, SecretString, TokenHash, User};

use crate::cookies::{Cookie, Cookies};

/// Characters of the name, and of the tag: 128 bits each in base64url.
const HALF: usize = 22;

/// The name of this browser, if it is one that this account's owner has signed in with.
pub(crate) fn name(cookies: Cookies, headers: &HeaderMap, user: &User) -> Option<String> {
    let value = cookies.read(headers, Cookie::KnownBrowser)?;
    let (name, tag) = value.expose().split_at_checked(HALF)?;
    SecretString::new(self::tag(user, name)?).ct_eq(tag.as_bytes()).then(|| name.to_owned())
}

/// Lets the browser keep that this account's owner signed in here.
pub(crate) fn remember(cookies: Cookies, headers: &mut HeaderMap, user: &User, env: &Env) {
    let name: String = env.rng.token().expose().chars().take(HALF).collect();
    if let Some(tag) = tag(user, &name) {
        cookies.set(headers, Cookie::KnownBrowser, &SecretString::new(format!("{name}{tag}")));
    }
}

/// The secret comes last, and the tag is half of the hash: nothing can be appended to what was hashed.
fn tag(user: &User, name: &str) -> Option<String> {
    let password = user.password.as_ref()?.expose();
    let text = format!("countersign known browser\0{}\0{name}\0{password}", user.id.as_str());
    Some(TokenHash::of(text.as_bytes()).to_base64url().chars().take(HALF).collect())
}
