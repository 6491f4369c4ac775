//! What a client registers about backchannel authentication (OpenID Connect CIBA §4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a client registers about backchannel authentication.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BackchannelMetadata {
    /// How it learns that the person has decided.
    pub token_delivery_mode: TokenDeliveryMode,
    /// Where it is pinged: an `https` URL, there in ping mode and in no other.
    pub client_notification_endpoint: Option<String>,
    /// The one algorithm it signs its requests with. Where there is one, every request must be signed.
    pub authentication_request_signing_alg: Option<String>,
}

/// `backchannel_token_delivery_mode` (CIBA §5). The third, push, is not offered: it sends tokens to an address instead
/// of giving them to a client that has just proved who it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenDeliveryMode {
    /// It asks the token endpoint until there is an answer.
    #[default]
    Poll,
    /// It is told that there is an answer, and fetches it.
    Ping,
}

impl TokenDeliveryMode {
    /// Every mode that is offered.
    pub const ALL: [Self; 2] = [Self::Poll, Self::Ping];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
        }
    }
}

/// A text that names no mode that is offered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it is poll or ping; push is not offered")]
pub struct UnknownDeliveryMode;

impl FromStr for TokenDeliveryMode {
    type Err = UnknownDeliveryMode;

    fn from_str(text: &str) -> Result<Self, UnknownDeliveryMode> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(UnknownDeliveryMode)
    }
}

impl fmt::Display for TokenDeliveryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
