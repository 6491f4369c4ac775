//! What will be signed: built from the profile and the allowed names, never from a request.

use rcgen::{
    CertificateParams, CrlDistributionPoint, DistinguishedName, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};

use countersign_model::Timestamp;

use crate::encode::date_time;
use crate::error::IssueError;
use crate::name::Name;
use crate::profile::Usage;

/// Everything a leaf says.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) serial: Vec<u8>,
    pub(crate) usage: Usage,
    pub(crate) names: Vec<Name>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) crl_url: Option<String>,
}

impl Usage {
    pub(crate) const fn server(self) -> bool {
        matches!(self, Self::Server | Self::Both)
    }

    pub(crate) const fn client(self) -> bool {
        matches!(self, Self::Client | Self::Both)
    }
}

/// Builds the parameters of a leaf.
pub(crate) fn build(template: &Template) -> Result<CertificateParams, IssueError> {
    let out_of_range = || IssueError::Sign("the time is out of the range a certificate can hold".to_owned());
    let mut params = CertificateParams::default();
    params.serial_number = Some(template.serial.clone().into());
    params.not_before = date_time(template.not_before).ok_or_else(out_of_range)?;
    params.not_after = date_time(template.not_after).ok_or_else(out_of_range)?;
    // RFC 5280 §4.1.2.6: the subject may be empty when the names stand in a critical subjectAltName.
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = template.names.iter().map(san).collect::<Result<_, _>>()?;
    // Says CA:FALSE in so many words, and adds the subject key identifier (RFC 5280 §4.2.1.2).
    params.is_ca = IsCa::ExplicitNoCa;
    // RFC 5280 §4.2.1.3: TLS from 1.2 with ephemeral keys needs signing only. rcgen marks it critical.
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if template.usage.server() {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    if template.usage.client() {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    }
    params.use_authority_key_identifier_extension = true;
    params.crl_distribution_points =
        template.crl_url.iter().map(|url| CrlDistributionPoint { uris: vec![url.clone()] }).collect();
    Ok(params)
}

fn san(name: &Name) -> Result<SanType, IssueError> {
    let ascii =
        |text: &str| text.try_into().map_err(|error: rcgen::Error| IssueError::Sign(error.to_string()));
    match name {
        Name::Dns(name) => ascii(name.as_str()).map(SanType::DnsName),
        Name::Ip(address) => Ok(SanType::IpAddress(*address)),
        Name::Spiffe(id) => ascii(id.as_str()).map(SanType::URI),
    }
}
