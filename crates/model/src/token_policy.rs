//! What the tokens of a client are like: how long they live, and which scopes people may leave out.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Scope, ScopeSet};

/// How long tokens live; `None` takes the server's default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lifetimes {
    /// Access tokens.
    pub access_token: Option<TokenLife>,
    /// Refresh tokens, in seconds from their last use.
    pub refresh_token: Option<u32>,
}

impl Lifetimes {
    /// The access token's life, with the server's default.
    #[must_use]
    pub fn access_token_or(&self, default: Duration) -> Duration {
        match self.access_token {
            Some(TokenLife::Seconds(seconds)) => Duration::from_secs(seconds.into()),
            Some(TokenLife::UntilWithdrawn) | None => default,
        }
    }

    /// The refresh token's life, with the server's default.
    #[must_use]
    pub fn refresh_token_or(&self, default: Duration) -> Duration {
        self.refresh_token.map_or(default, |seconds| Duration::from_secs(seconds.into()))
    }
}

/// How long an access token lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenLife {
    /// So many seconds.
    Seconds(u32),
    /// Until the person who agreed to it, or somebody else who may, takes it back. Only for reference tokens, which are
    /// looked up whenever they are used.
    UntilWithdrawn,
}

const UNTIL_WITHDRAWN: &str = "until_withdrawn";

impl Serialize for TokenLife {
    /// A number, or the word.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seconds(seconds) => serializer.serialize_u32(*seconds),
            Self::UntilWithdrawn => serializer.serialize_str(UNTIL_WITHDRAWN),
        }
    }
}

impl<'de> Deserialize<'de> for TokenLife {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(u32),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Ok(Self::Seconds(seconds)),
            Written::Word(word) if word == UNTIL_WITHDRAWN => Ok(Self::UntilWithdrawn),
            Written::Word(_) => Err(serde::de::Error::custom("neither seconds nor until_withdrawn")),
        }
    }
}

/// Which of the scopes that a client asks for a person may leave out (RFC 6749 §3.3: what is given may be less than what
/// was asked for).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionalScopes {
    /// These.
    Named(ScopeSet),
    /// Every one but `openid`, which is the question itself.
    AllButOpenid,
}

impl Default for OptionalScopes {
    /// None of them: all is agreed to, or nothing.
    fn default() -> Self {
        Self::Named(ScopeSet::empty())
    }
}

impl OptionalScopes {
    /// Whether a person may leave this one out. Nobody leaves out `openid` alone: without it, it would be another
    /// question.
    #[must_use]
    pub fn allows_leaving_out(&self, scope: &Scope) -> bool {
        scope.as_str() != "openid"
            && match self {
                Self::Named(scopes) => scopes.contains(scope.as_str()),
                Self::AllButOpenid => true,
            }
    }

    /// Those of these that a person may leave out.
    #[must_use]
    pub fn of(&self, scopes: &ScopeSet) -> ScopeSet {
        scopes.iter().filter(|scope| self.allows_leaving_out(scope)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_a_number_or_a_word() {
        for (life, json) in [
            (Some(TokenLife::Seconds(60)), r#"{"access_token":60,"refresh_token":null}"#),
            (Some(TokenLife::UntilWithdrawn), r#"{"access_token":"until_withdrawn","refresh_token":null}"#),
            (None, r#"{"access_token":null,"refresh_token":null}"#),
        ] {
            let lifetimes = Lifetimes { access_token: life, refresh_token: None };
            assert_eq!(serde_json::to_string(&lifetimes).unwrap(), json);
            assert_eq!(serde_json::from_str::<Lifetimes>(json).unwrap(), lifetimes);
        }
        assert!(serde_json::from_str::<Lifetimes>(r#"{"access_token":"for ever"}"#).is_err());
        assert!(serde_json::from_str::<Lifetimes>(r#"{"access_token":-1}"#).is_err());
    }

    #[test]
    fn openid_is_never_left_out() {
        let asked: ScopeSet = "openid email read write".parse().unwrap();
        let named = OptionalScopes::Named("openid write other".parse().unwrap());
        assert_eq!(named.of(&asked).to_string(), "write");
        assert_eq!(OptionalScopes::AllButOpenid.of(&asked).to_string(), "email read write");
        assert!(OptionalScopes::default().of(&asked).is_empty());
    }
}
