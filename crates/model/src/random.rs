//! Randomness as an argument, so that tests can seed it.

use base64::Engine as _;

use crate::secret::SecretString;

/// A source of random bytes fit for secrets.
pub trait Rng: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Rng + '_ {
    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A fresh 256-bit secret as unpadded base64url: 43 characters, safe in a URL, a header and a form.
    #[must_use]
    pub fn token(&self) -> SecretString {
        SecretString::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.bytes::<32>()))
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    /// # Panics
    /// When the operating system has no randomness to give: nothing secret may be made then.
    #[expect(clippy::expect_used, reason = "without randomness every secret would be guessable: stop")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}
