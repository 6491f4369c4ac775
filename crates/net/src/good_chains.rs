//! Client chains that were found good, each for as long as that can't change: who connects again costs no signature
//! checks but the one that proves the key.
//!
//! Whether a chain is good depends on its bytes, on the authorities and lists, and on the time. The bytes are the key, the
//! authorities and lists are the owner's for as long as it lives, and the time is bounded by whatever ends first.

use countersign_model::digest;
use quick_cache::sync::Cache;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How many chains are remembered.
const REMEMBERED: usize = 4_096;

/// The chains.
pub(crate) struct GoodChains(Cache<Key, Span>);

/// SHA-256 of a chain, and of what it was held against.
pub(crate) type Key = Vec<u8>;

/// Seconds since the epoch, first and last.
#[derive(Clone, Copy)]
struct Span {
    from: u64,
    until: u64,
}

impl Default for GoodChains {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl GoodChains {
    /// The key of a chain held against the authorities of this place.
    pub(crate) fn key(place: usize, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Key {
        let mut text = place.to_be_bytes().to_vec();
        for certificate in std::iter::once(leaf).chain(others) {
            // With its length before it, so that no two chains are one text.
            text.extend_from_slice(&certificate.len().to_be_bytes());
            text.extend_from_slice(certificate);
        }
        digest::sha256(&text)
    }

    /// Whether it was found good and still is.
    pub(crate) fn holds(&self, key: &Key, now: UnixTime) -> bool {
        self.0.get(key).is_some_and(|good| (good.from..=good.until).contains(&now.as_secs()))
    }

    /// Remembers what was found good now, until the first of these ends, all in seconds since the epoch.
    pub(crate) fn remember(&self, key: Key, now: UnixTime, ends: impl Iterator<Item = Option<i64>>) {
        let from = now.as_secs();
        let until = ends.map(|end| end.and_then(|end| u64::try_from(end).ok())).min().flatten();
        if let Some(until) = until.filter(|until| *until >= from) {
            self.0.insert(key, Span { from, until });
        }
    }
}

/// The last second of a certificate's validity (RFC 5280 §4.1.2.5).
pub(crate) fn end_of(certificate: &CertificateDer<'_>) -> Option<i64> {
    X509Certificate::from_der(certificate).ok().map(|(_, read)| read.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod,
        KeyPair, SerialNumber,
    };
    use rustls::server::danger::ClientCertVerifier as _;
    use rustls::{CertificateError, Error};
    use std::time::Duration;
    use time::OffsetDateTime;

    use super::*;
    use crate::verifier::{ClientVerifier, Policy};
    use crate::{ClientTrust, Crl, TrustBundle};

    const START: i64 = 1_700_000_000;

    fn at(seconds: i64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(START + seconds).unwrap()))
    }

    fn params(from: i64, until: i64) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["client.example.com".to_owned()]).unwrap();
        let time = |seconds| OffsetDateTime::from_unix_timestamp(START + seconds).unwrap();
        (params.not_before, params.not_after) = (time(from), time(until));
        params
    }

    /// What vouches for how long, in seconds from the start.
    struct Ends {
        leaf: i64,
        authority: i64,
        list: i64,
    }

    fn chain(ends: &Ends) -> (ClientVerifier, CertificateDer<'static>) {
        let mut authority = params(0, ends.authority);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "authority");
        let key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&key).unwrap().der().to_vec();
        let issuer = Issuer::new(authority, key);
        let list = CertificateRevocationListParams {
            this_update: params(0, 0).not_before,
            next_update: params(0, ends.list).not_after,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = Crl::from_bytes("list", list.signed_by(&issuer).unwrap().der()).unwrap();
        let bundle = TrustBundle::from_der("ours", "root", vec![root]).unwrap();
        let trust = ClientTrust { bundles: vec![bundle], crls: vec![list], ..ClientTrust::default() };
        let leaf = params(0, ends.leaf).signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        (ClientVerifier::new(&trust, Policy::Required).unwrap(), leaf.der().clone())
    }

    #[test]
    fn a_good_chain_is_remembered_until_the_first_of_its_pieces_ends() {
        for (ends, last, refusal) in [
            (Ends { leaf: 50, authority: 100, list: 100 }, 50, CertificateError::Expired),
            (Ends { leaf: 100, authority: 50, list: 100 }, 50, CertificateError::UnknownIssuer),
            (Ends { leaf: 100, authority: 100, list: 50 }, 49, CertificateError::ExpiredRevocationList),
        ] {
            let (verifier, leaf) = chain(&ends);
            let ask = |seconds| verifier.verify_client_cert(&leaf, &[], at(seconds));
            let remembered = |seconds| verifier.good().holds(&GoodChains::key(0, &leaf, &[]), at(seconds));
            assert!(!remembered(10));
            ask(10).unwrap();
            assert!(remembered(10) && remembered(last) && !remembered(last + 1) && !remembered(9));
            ask(last).unwrap();
            for _ in 0..2 {
                assert_eq!(ask(last + 1).unwrap_err(), Error::InvalidCertificate(refusal.clone()));
            }
        }
    }

    #[test]
    fn nothing_else_passes_for_it() {
        let (verifier, leaf) = chain(&Ends { leaf: 50, authority: 50, list: 50 });
        verifier.verify_client_cert(&leaf, &[], at(1)).unwrap();
        let (other, stranger) = chain(&Ends { leaf: 50, authority: 50, list: 50 });
        assert!(verifier.verify_client_cert(&stranger, &[], at(1)).is_err());
        assert!(other.verify_client_cert(&leaf, &[], at(1)).is_err());
        for place in 0..leaf.len() {
            let mut bytes = leaf.to_vec();
            *bytes.get_mut(place).unwrap() ^= 1;
            assert!(verifier.verify_client_cert(&bytes.into(), &[], at(1)).is_err(), "byte {place}");
        }
        // What was found good against all bundles was not held against each.
        assert!(!verifier.good().holds(&GoodChains::key(1, &leaf, &[]), at(1)));
        assert_eq!(verifier.vouchers(&[leaf], at(1)).unwrap(), [Arc::from("ours")]);
    }

    #[test]
    fn no_two_chains_have_one_key() {
        let der = |text: &str| CertificateDer::from(text.as_bytes().to_vec());
        let key = |place, leaf: &str, others: &[&str]| {
            GoodChains::key(place, &der(leaf), &others.iter().map(|text| der(text)).collect::<Vec<_>>())
        };
        let keys = [
            key(0, "ab", &[]),
            key(1, "ab", &[]),
            key(0, "a", &["b"]),
            key(0, "", &["ab"]),
            key(0, "a", &["b", ""]),
            key(0, "b", &["a"]),
        ];
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), keys.len());
    }
}
