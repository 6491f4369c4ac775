//! `[grants]`: rules that name clients, issuers and targets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_model::ClientId;
use countersign_oauth::{ExchangeRule, JwtBearerRule, OWN_ISSUER};

use super::super::checked::Grants;
use super::super::raw::{RawGrants, RawIssuer, RawJwtBearer, RawTokenExchange};
use super::super::read::nearest;
use super::{Check, DAY, MINUTE, span};

impl Check {
    pub(super) fn grants(&mut self, raw: RawGrants, issuers: &BTreeMap<String, RawIssuer>) -> Grants {
        let exchange = raw.token_exchange.into_iter().enumerate();
        let exchange = exchange.map(|(index, rule)| {
            self.token_exchange(&format!("grants.token_exchange[{index}]"), rule, issuers)
        });
        let token_exchange = exchange.collect();
        let bearer = raw.jwt_bearer.into_iter().enumerate();
        let bearer = bearer
            .map(|(index, rule)| self.jwt_bearer(&format!("grants.jwt_bearer[{index}]"), rule, issuers));
        Grants { jwt_bearer: bearer.collect(), token_exchange }
    }

    fn token_exchange(
        &mut self,
        key: &str,
        raw: RawTokenExchange,
        issuers: &BTreeMap<String, RawIssuer>,
    ) -> ExchangeRule {
        let named = raw.subject_issuers.unwrap_or_else(|| vec![OWN_ISSUER.to_owned()]);
        for name in named.iter().filter(|name| *name != OWN_ISSUER) {
            self.trusted(&format!("{key}.subject_issuers"), name, issuers);
        }
        if raw.audiences.is_empty() {
            self.wrong(format!("{key}.audiences"), "name at least one: what the new token may be for");
        }
        let clients = |names: Vec<String>| names.into_iter().map(ClientId::from).collect::<BTreeSet<_>>();
        ExchangeRule {
            client: ClientId::from(raw.client),
            subject_issuers: named.into_iter().collect(),
            subject_clients: raw.subject_clients.map(clients),
            subject_audiences: raw.subject_audiences.into_iter().collect(),
            audiences: raw.audiences,
            scopes: self.scopes(&format!("{key}.scopes"), &raw.scopes),
            impersonation: raw.impersonation,
        }
    }

    fn jwt_bearer(
        &mut self,
        key: &str,
        raw: RawJwtBearer,
        issuers: &BTreeMap<String, RawIssuer>,
    ) -> JwtBearerRule {
        self.trusted(&format!("{key}.issuer"), &raw.issuer, issuers);
        if raw.clients.is_empty() {
            self.wrong(format!("{key}.clients"), "name at least one: who may bring the assertions");
        }
        let max_lifetime = span(raw.max_lifetime, 10 * MINUTE);
        // RFC 7523 §3, point 4: what is used once must be remembered until it ends.
        if max_lifetime > DAY || max_lifetime < Duration::from_secs(1) {
            self.wrong(format!("{key}.max_lifetime"), "between 1s and 1d");
        }
        JwtBearerRule {
            scopes: self.scopes(&format!("{key}.scopes"), &raw.scopes),
            clients: raw.clients.into_iter().map(ClientId::from).collect(),
            issuer: raw.issuer,
            max_lifetime,
        }
    }

    /// An issuer whose tokens a grant takes must be there, and its keys must be said: nothing is discovered for it.
    fn trusted(&mut self, key: &str, name: &str, issuers: &BTreeMap<String, RawIssuer>) {
        match issuers.get(name) {
            None => {
                let known: Vec<&str> = issuers.keys().map(String::as_str).collect();
                let hint =
                    nearest(name, &known).map_or(String::new(), |name| format!(": did you mean {name:?}?"));
                self.wrong(key, format!("there is no [issuers.{name}]{hint}"));
            }
            Some(issuer) if issuer.jwks_uri.is_none() && issuer.jwks_file.is_none() => {
                let message = format!("issuers.{name} needs jwks_uri or jwks_file for this");
                self.wrong(key, message);
            }
            Some(_) => {}
        }
    }
}
