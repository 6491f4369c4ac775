//! The text of an API key: `<prefix>_<environment>_<43 characters>_<6 characters of checksum>`.

use countersign_model::{Rng, SecretString};

/// A fresh key of 256 random bits. Shown once; store [`SecretString::hash`].
#[must_use]
pub fn generate(prefix: &str, environment: &str, rng: &dyn Rng) -> SecretString {
    let _ = (prefix, environment, rng);
    todo!()
}

/// A text that has the form of our keys and whose checksum is right. Nothing is known about the key yet.
#[derive(Clone, Copy)]
pub struct WellFormed<'a> {
    text: &'a str,
}

impl<'a> WellFormed<'a> {
    /// Checks form and checksum, without asking anybody.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        let _ = text;
        todo!()
    }

    /// The whole key text.
    #[must_use]
    pub fn expose(&self) -> &'a str {
        self.text
    }
}
