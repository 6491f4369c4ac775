//! Certificates of peers and certificate signing requests.

use countersign_access::PeerCertificate;
use countersign_ca::csr;

/// Reading one twice says the same; what is huge is refused.
pub(crate) fn certificate(data: &[u8]) {
    if let Ok(first) = PeerCertificate::from_der(data, ["bundle"]) {
        assert!(data.len() <= 64 * 1024, "a huge certificate was read");
        let again = PeerCertificate::from_der(data, ["bundle"]).unwrap();
        assert_eq!(first.facts().thumbprint, again.facts().thumbprint);
        assert_eq!(first.facts().spiffe_id, again.facts().spiffe_id);
    }
    if let Ok(request) = csr::read(data) {
        assert!(data.len() <= csr::MAX_REQUEST && request.names().len() <= csr::MAX_NAMES);
    }
}
