//! `countersign client update`: what may change of a client without registering it anew.

use countersign_model::{AccessTokenFormat, ClientId, GrantType, ScopeSet};

use super::{Grant, TokenFormat, backchannel, find, keep, policy, show};
use crate::config::Config;
use crate::output::{Failure, Format};
use crate::wiring::Desk;

#[derive(Debug, clap::Args)]
#[command(after_help = super::super::help::CLIENT)]
pub(super) struct Update {
    /// The client's id.
    id: ClientId,
    /// How people know it.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What it may ask the token endpoint for, all of it; repeat for several. Whoever looks after it gets no more.
    #[arg(long = "grant", value_enum)]
    grants: Vec<Grant>,
    /// The most it may be given, separated by spaces. Whoever looks after it gets no more.
    #[arg(long)]
    scopes: Option<ScopeSet>,
    /// What its access tokens look like.
    #[arg(long, value_enum)]
    token_format: Option<TokenFormat>,
    #[command(flatten)]
    policy: policy::Options,
    #[command(flatten)]
    backchannel: backchannel::Options,
}

impl Update {
    pub(super) async fn run(self, desk: &Desk, config: &Config, format: Format) -> Result<(), Failure> {
        let before = find(desk, &self.id).await?;
        let mut client = before.clone();
        if let Some(name) = self.name {
            client.client_name = name;
        }
        if !self.grants.is_empty() {
            client.grant_types = self.grants.into_iter().map(GrantType::from).collect();
            // Neither its owner nor the client itself takes back what it has no more.
            client.ceiling.grant_types = Some(client.grant_types.clone());
        }
        if let Some(scopes) = self.scopes {
            client.default_scopes = client.default_scopes.intersection(&scopes);
            client.ceiling.scopes = Some(scopes.clone());
            client.scopes = scopes;
        }
        if let Some(token_format) = self.token_format {
            client.access_token_format = AccessTokenFormat::from(token_format);
        }
        self.policy.onto(&mut client)?;
        self.backchannel.onto(&mut client);
        backchannel::check(&client)?;
        policy::check(&client, config)?;
        super::authorization::check(&client)?;
        keep(desk, &before, &client).await?;
        show(&client, format)
    }
}
