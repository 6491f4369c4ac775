//! Resources and classes of sign-ins, checked.

use std::path::PathBuf;

use countersign_jose::Algorithm;
use countersign_model::{AccessTokenFormat, Scope, ScopeSet};
use url::Url;

use super::super::checked::{AcrClass, Resource, Signature};
use super::super::raw::{RawAcrClass, RawResource};
use super::Check;

const HS256: &str = Algorithm::HS256.as_str();

impl Check {
    pub(super) fn resources(&mut self, raw: Vec<RawResource>, algorithms: &[String]) -> Vec<Resource> {
        let mut resources: Vec<Resource> = Vec::with_capacity(raw.len());
        for (index, raw) in raw.into_iter().enumerate() {
            let key = format!("resources[{index}]");
            if resources.iter().any(|known| known.identifier == raw.resource) {
                self.wrong(format!("{key}.resource"), format!("{:?} is there already", raw.resource));
            }
            resources.push(self.resource(&key, raw, algorithms));
        }
        resources
    }

    fn resource(&mut self, key: &str, raw: RawResource, algorithms: &[String]) -> Resource {
        // RFC 8707 §2.
        if Url::parse(&raw.resource).is_err() || raw.resource.contains('#') || raw.resource.len() > 1_024 {
            let message = "write an absolute URI without a fragment, such as \"https://orders.example.com\"";
            self.wrong(format!("{key}.resource"), message);
        }
        let mut words = Vec::with_capacity(raw.scopes.len());
        for (scope, text) in raw.scopes {
            match scope.parse::<Scope>() {
                Ok(scope) => words.push((scope, text)),
                Err(error) => self.wrong(format!("{key}.scopes.{scope:?}"), error.to_string()),
            }
        }
        let signature = self.signature(key, raw.signing_algorithm, raw.hs256_secret_file, algorithms);
        Resource {
            identifier: raw.resource,
            name: raw.name,
            documentation: raw.documentation,
            scopes: words.iter().map(|(scope, _)| scope.clone()).collect::<ScopeSet>(),
            words: words.into_iter().filter(|(_, text)| !text.is_empty()).collect(),
            access_token_format: raw.access_token_format.unwrap_or(AccessTokenFormat::Jwt),
            signature,
        }
    }

    fn signature(
        &mut self,
        key: &str,
        algorithm: Option<String>,
        secret: Option<PathBuf>,
        algorithms: &[String],
    ) -> Signature {
        match (algorithm, secret) {
            (None, None) => Signature::First,
            // RFC 8725 §3.1: the algorithm is for one kind of key.
            (Some(name), Some(file)) if name == HS256 => Signature::SecretFile(self.path(&file)),
            (Some(name), None) if name == HS256 => {
                self.wrong(
                    format!("{key}.hs256_secret_file"),
                    "HS256 needs a secret: name the file it is in",
                );
                Signature::First
            }
            (_, Some(_)) => {
                let message = "a secret is for HS256: write `signing_algorithm = \"HS256\"` beside it";
                self.wrong(format!("{key}.signing_algorithm"), message);
                Signature::First
            }
            (Some(name), None) => {
                if !algorithms.contains(&name) {
                    let known = algorithms.join(", ");
                    let message = format!("{name:?} is none of keys.algorithms: {known}; nor is it HS256");
                    self.wrong(format!("{key}.signing_algorithm"), message);
                }
                name.parse::<Algorithm>().map_or(Signature::First, Signature::Key)
            }
        }
    }

    pub(super) fn acr_classes(&mut self, raw: Vec<RawAcrClass>) -> Vec<AcrClass> {
        let mut classes: Vec<AcrClass> = Vec::with_capacity(raw.len());
        for (index, raw) in raw.into_iter().enumerate() {
            let key = format!("acr_classes[{index}]");
            let plain = |b: u8| matches!(b, 0x21..=0x7e) && b != b'"' && b != b'\\';
            if raw.acr.is_empty() || !raw.acr.bytes().all(plain) {
                self.wrong(format!("{key}.acr"), "printable ASCII without spaces, quotation marks and \\");
            }
            if classes.iter().any(|known| known.acr == raw.acr) {
                self.wrong(format!("{key}.acr"), format!("{:?} is there already", raw.acr));
            }
            if raw.amr.is_empty() {
                self.wrong(format!("{key}.amr"), "name how a person must have signed in, such as [\"pwd\"]");
            }
            classes.push(AcrClass { acr: raw.acr, amr: raw.amr, within: raw.within.map(|span| span.0) });
        }
        classes
    }
}
