use countersign_ca::ports::{CertificateRecord, Certificates as _, RevocationReason};
use countersign_model::*;

use crate::fresh::Fresh;
use crate::samples::*;

contract!(recorded_completed_revoked);

fn record(serial: &str, from: i64) -> CertificateRecord {
    CertificateRecord {
        serial: CertificateSerial::new(serial),
        profile: "server".into(),
        subject: Subject::new("orders"),
        names: vec!["orders.example".into(), "spiffe://example/orders".into()],
        certificate: vec![],
        not_before: at(from),
        not_after: at(from + 100),
        revoked: None,
    }
}

async fn recorded_completed_revoked(fresh: Fresh) {
    let store = fresh.open().await;
    let (first, second) = (record("0a", 0), record("0b", 50));
    store.record_issuance(&first).await.unwrap();
    store.record_issuance(&second).await.unwrap();
    assert!(store.record_issuance(&first).await.is_err(), "a serial is used once");
    store.complete_issuance(&first.serial, &[0x30, 0]).await.unwrap();
    let first = CertificateRecord { certificate: vec![0x30, 0], ..first };
    assert_eq!(store.certificate(&first.serial).await.unwrap(), Some(first.clone()));
    assert_eq!(store.certificates(1).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.certificates(9).await.unwrap(), [second, first.clone()]);

    let why = RevocationReason::KeyCompromise;
    assert!(store.revoke_certificate(&first.serial, why, at(60)).await.unwrap());
    assert!(store.revoke_certificate(&first.serial, RevocationReason::Superseded, at(61)).await.unwrap());
    assert!(!store.revoke_certificate(&CertificateSerial::new("ff"), why, at(61)).await.unwrap());
    assert_eq!(store.revoked_certificates(at(70)).await.unwrap(), [(first.serial.clone(), at(60), why)]);
    assert_eq!(store.revoked_certificates(at(100)).await.unwrap(), []);
    assert_eq!(store.certificate(&first.serial).await.unwrap().unwrap().revoked, Some((at(60), why)));
}
