//! `[registration]`.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_model::{GrantType, Profile};
use countersign_oauth::{APPROVALS_SCOPE, DetailTypes, RegistrationPolicy};
use url::Url;

use super::super::checked::{Registration, StatementKeys, TrustedStatements};
use super::super::raw::{RawRegistration, RawStatementIssuer};
use super::{Check, DAY, span};

impl Check {
    pub(super) fn registration(&mut self, raw: RawRegistration, types: &DetailTypes) -> Registration {
        if let Some(unknown) = raw.authorization_details_types.iter().find(|name| !types.contains_key(*name))
        {
            let fault = format!("there is no [[authorization_details]] of type {unknown:?}");
            self.wrong("registration.authorization_details_types", fault);
        }
        let unused = span(raw.unused, 90 * DAY);
        if unused < Duration::from_secs(3_600) {
            self.wrong("registration.unused", "at least 1h: clients would be gone before they are used");
        }
        let grant_types = self.grant_types(raw.grant_types);
        let scopes = raw
            .scopes
            .unwrap_or_else(|| ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec());
        if scopes.iter().any(|scope| scope == APPROVALS_SCOPE) {
            let message = "not \"approvals\": who has it answers requests in a person's name. Give it to a program of \
                           your own, by countersign client add";
            self.wrong("registration.scopes", message);
        }
        let issuers = raw.statement_issuers.into_iter();
        let statement_issuers: Vec<_> =
            issuers.filter_map(|(name, issuer)| self.statement_issuer(&name, issuer)).collect();
        if raw.require_statement && statement_issuers.is_empty() {
            self.wrong(
                "registration.require_statement",
                "name whose statements are believed in statement_issuers",
            );
        }
        for host in &raw.client_document_hosts {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let is_name =
                Url::parse(&format!("https://{name}/")).is_ok_and(|url| url.host_str() == Some(name));
            if !is_name {
                self.wrong(
                    "registration.client_document_hosts",
                    format!("{host:?} is no host: write \"apps.example.com\" or \"*.example.com\""),
                );
            }
        }
        Registration {
            access: raw.access,
            grant_types,
            profiles: self.profiles(raw.profiles),
            authorization_details_types: raw.authorization_details_types.into_iter().collect(),
            scopes: self.scopes("registration.scopes", &scopes),
            unused,
            max_clients: raw.max_clients.unwrap_or(10_000),
            max_per_address_and_hour: raw.max_per_address_and_hour.unwrap_or(60),
            people: raw.people.then(|| raw.max_per_person.unwrap_or(20)),
            require_statement: raw.require_statement,
            statement_issuers,
            client_documents: raw.client_documents.then_some(raw.client_document_hosts),
        }
    }

    fn grant_types(&mut self, names: Option<Vec<String>>) -> BTreeSet<GrantType> {
        let Some(names) = names else {
            return BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]);
        };
        let mut grant_types = BTreeSet::new();
        for name in names {
            match GrantType::ALL.into_iter().find(|known| known.as_str() == name) {
                Some(known) => drop(grant_types.insert(known)),
                None => {
                    let known = GrantType::ALL.map(GrantType::as_str).join(", ");
                    self.wrong("registration.grant_types", format!("{name:?} is none of {known}"));
                }
            }
        }
        grant_types
    }

    fn profiles(&mut self, names: Option<Vec<String>>) -> Vec<Profile> {
        let Some(names) = names else { return RegistrationPolicy::default().profiles };
        if names.is_empty() {
            self.wrong("registration.profiles", "at least one: every client lives by some rules");
        }
        let mut profiles = Vec::new();
        for name in names {
            match name.parse() {
                Ok(profile) => profiles.push(profile),
                Err(unknown) => self.wrong("registration.profiles", format!("{unknown}")),
            }
        }
        profiles
    }

    fn statement_issuer(&mut self, name: &str, raw: RawStatementIssuer) -> Option<TrustedStatements> {
        let key = format!("registration.statement_issuers.{name}");
        let keys = match (raw.jwks_uri, raw.jwks_file) {
            (Some(url), None) => StatementKeys::Url(url),
            (None, Some(file)) => StatementKeys::File(self.path(file)),
            (None, None) | (Some(_), Some(_)) => {
                self.wrong(key, "give jwks_uri or jwks_file");
                return None;
            }
        };
        // RFC 8725 §3.1: statements are checked by public keys, so a shared secret is none.
        if raw.algorithms.iter().flatten().any(|name| name.starts_with("HS") || name == "none") {
            self.wrong(format!("{key}.algorithms"), "an algorithm with a public key, such as \"ES256\"");
        }
        Some(TrustedStatements { issuer: raw.issuer, keys, algorithms: raw.algorithms })
    }
}
