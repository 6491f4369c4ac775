//! What a client's tokens are like, and which scopes people may leave out.

use std::str::FromStr;
use std::time::Duration;

use countersign_model::{AccessTokenFormat, Client, OptionalScopes, ScopeSet, TokenLife};
use countersign_oauth::check_token_policy;
use serde_json::{Value, json};

use crate::config::Config;
use crate::config::units::Span;
use crate::output::Failure;
use crate::wiring::longest_signed_token;

#[derive(Clone, Debug, clap::Args)]
#[group(id = "policy-options")]
pub(super) struct Options {
    /// How long its access tokens live, such as 8h or 400d, or `until-withdrawn` for reference tokens without an end.
    /// Default: tokens.access_token.
    #[arg(long, value_name = "SPAN")]
    access_token_life: Option<Life>,
    /// How long its refresh tokens live from their last use. Default: tokens.refresh_token.
    #[arg(long, value_name = "SPAN")]
    refresh_token_life: Option<Life>,
    /// Scopes that people may leave out when they are asked, separated by spaces. Default: none.
    #[arg(long, value_name = "SCOPES", conflicts_with = "every_scope_optional")]
    optional_scopes: Option<ScopeSet>,
    /// People may leave out every scope but openid.
    #[arg(long)]
    every_scope_optional: bool,
}

/// A life as the command line has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Default,
    Seconds(u32),
    UntilWithdrawn,
}

impl FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self::Default),
            "until-withdrawn" => Ok(Self::UntilWithdrawn),
            _ => {
                let Span(life) = text.parse()?;
                let seconds = u32::try_from(life.as_secs()).map_err(|_| format!("{text:?} is too long"))?;
                if seconds == 0 { Err("at least 1s".to_owned()) } else { Ok(Self::Seconds(seconds)) }
            }
        }
    }
}

impl Options {
    /// Writes what was asked for into the client; what was not asked for stays.
    pub(super) fn onto(self, client: &mut Client) -> Result<(), Failure> {
        match self.access_token_life {
            None => {}
            Some(Life::Default) => client.lifetimes.access_token = None,
            Some(Life::Seconds(seconds)) => {
                client.lifetimes.access_token = Some(TokenLife::Seconds(seconds));
            }
            Some(Life::UntilWithdrawn) => client.lifetimes.access_token = Some(TokenLife::UntilWithdrawn),
        }
        match self.refresh_token_life {
            None => {}
            Some(Life::Default) => client.lifetimes.refresh_token = None,
            Some(Life::Seconds(seconds)) => client.lifetimes.refresh_token = Some(seconds),
            Some(Life::UntilWithdrawn) => {
                return Err(
                    "--refresh-token-life: a refresh token ends when it is not used for so long".into()
                );
            }
        }
        if let Some(scopes) = self.optional_scopes {
            client.optional_scopes = OptionalScopes::Named(scopes);
        }
        if self.every_scope_optional {
            client.optional_scopes = OptionalScopes::AllButOpenid;
        }
        Ok(())
    }
}

/// What contradicts itself is refused now rather than at the first request.
pub(super) fn check(client: &Client, config: &Config) -> Result<(), Failure> {
    let longest = longest_signed_token(config);
    check_token_policy(client, longest).map_err(|conflict| Failure::from(conflict.to_string()))
}

/// The members of a client's document.
pub(super) fn members(client: &Client) -> Value {
    json!({
        "access_token_life": client.lifetimes.access_token,
        "refresh_token_life": client.lifetimes.refresh_token,
        "optional_scopes": client.optional_scopes,
        "owner": client.owner,
    })
}

/// Access tokens in words.
pub(super) fn access_tokens(client: &Client) -> String {
    let format = match client.access_token_format {
        AccessTokenFormat::Jwt => "JWT",
        AccessTokenFormat::Reference => "reference tokens",
    };
    match client.lifetimes.access_token {
        None => format.to_owned(),
        Some(TokenLife::Seconds(seconds)) => format!("{format}, for {}", span(seconds)),
        Some(TokenLife::UntilWithdrawn) => format!("{format}, until they are withdrawn"),
    }
}

/// Refresh tokens in words.
pub(super) fn refresh_tokens(client: &Client) -> String {
    client.lifetimes.refresh_token.map_or_else(|| "the server's default".to_owned(), span)
}

/// The scopes that people may leave out, in words.
pub(super) fn optional_scopes(client: &Client) -> String {
    match &client.optional_scopes {
        OptionalScopes::Named(scopes) if scopes.is_empty() => "none".to_owned(),
        OptionalScopes::Named(scopes) => scopes.to_string(),
        OptionalScopes::AllButOpenid => "every one but openid".to_owned(),
    }
}

fn span(seconds: u32) -> String {
    Span(Duration::from_secs(seconds.into())).to_string()
}
