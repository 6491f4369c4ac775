//! Who vouches for certificates, and for what: bundles, trust domains, scopes.

use super::super::checked::CertificateScopes;
use super::super::raw::{RawGateway, RawRoute};
use super::super::read::nearest;
use super::Check;

/// How the built-in authority and our own issuer are called.
const OWN: &str = "own";

impl Check {
    /// Names of issuers and bundles stand before a colon in front of the names they vouch for.
    pub(super) fn vouchers(&mut self, raw: &RawGateway, issuers: &[String]) {
        for name in raw.trust_bundles.keys() {
            let key = format!("gateway.trust_bundles.{name}");
            self.voucher(&key, name);
            if issuers.contains(name) {
                self.wrong(key, format!("there is an [issuers.{name}]: choose another name"));
            }
        }
        for (domain, bundle) in &raw.trust_domains {
            let key = format!("gateway.trust_domains.{domain:?}");
            if !domain.bytes().all(is_domain) || domain.is_empty() {
                self.wrong(&key, "a trust domain is lower-case letters, digits, '.', '-' and '_'");
            }
            self.known_bundle(&key, bundle, raw);
        }
    }

    /// A name that can't be taken for a part of what it vouches for, as in `spiffe://…` and `https://…`.
    pub(super) fn voucher(&mut self, key: &str, name: &str) {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if [OWN, "spiffe", "http", "https", "urn"].contains(&name) {
            self.wrong(key, format!("{name:?} means something else: choose another name"));
        } else if name.is_empty() || !name.bytes().all(plain) {
            self.wrong(key, "a name is letters, digits, '-', '_' and '.'");
        }
    }

    fn known_bundle(&mut self, key: &str, bundle: &str, raw: &RawGateway) {
        if bundle != OWN && !raw.trust_bundles.contains_key(bundle) {
            let known: Vec<&str> = raw.trust_bundles.keys().map(String::as_str).chain([OWN]).collect();
            let hint =
                nearest(bundle, &known).map_or(String::new(), |name| format!(": did you mean {name:?}?"));
            self.wrong(key, format!("there is no gateway.trust_bundles.{bundle}{hint}"));
        }
    }

    /// The bundles a route accepts.
    pub(super) fn route_bundles(&mut self, key: &str, route: &RawRoute, raw: &RawGateway) -> Vec<String> {
        let bundles = route.trust_bundles.clone().unwrap_or_else(|| vec![OWN.to_owned()]);
        for bundle in &bundles {
            self.known_bundle(&format!("{key}.trust_bundles"), bundle, raw);
        }
        bundles
    }

    /// What certificates may do: `name`, or `bundle:name`.
    pub(super) fn certificate_scopes(&mut self, raw: &RawGateway) -> Vec<CertificateScopes> {
        let mut read = |(text, scopes): (&String, &Vec<String>)| {
            let scopes = self.scopes(&format!("gateway.certificate_scopes.{text:?}"), scopes);
            let (bundle, name) = text
                .split_once(':')
                .filter(|(bundle, _)| *bundle == OWN || raw.trust_bundles.contains_key(*bundle))
                .unwrap_or((OWN, text));
            CertificateScopes { bundle: bundle.to_owned(), name: name.to_owned(), scopes }
        };
        raw.certificate_scopes.iter().map(&mut read).collect()
    }
}

/// SPIFFE-ID §2.1.
fn is_domain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
}
