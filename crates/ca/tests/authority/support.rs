//! A store in memory, a clock the test moves, and an authority over both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_ca::ports::{CertificateRecord, Certificates, RevocationReason, Unavailable};
use countersign_ca::{Authority, CaMaterial, Hierarchy, IssueRequest, NamePolicy, Profile, Settings};
use countersign_model::{AddressList, CertificateSerial, Clock, Env, Subject, SystemRng, Timestamp};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
pub(crate) struct MemoryStore {
    records: Mutex<BTreeMap<CertificateSerial, CertificateRecord>>,
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

impl MemoryStore {
    fn refuse(&self) -> Result<(), Unavailable> {
        if self.broken.load(Ordering::SeqCst) { Err(Unavailable("broken on purpose".into())) } else { Ok(()) }
    }
}

impl Certificates for MemoryStore {
    async fn record_issuance(&self, record: &CertificateRecord) -> Result<(), Unavailable> {
        self.refuse()?;
        assert!(record.certificate.is_empty(), "the intent is recorded before anything is signed");
        let earlier = self.records.lock().unwrap().insert(record.serial.clone(), record.clone());
        assert!(earlier.is_none(), "serial numbers are unique");
        Ok(())
    }

    async fn complete_issuance(
        &self,
        serial: &CertificateSerial,
        certificate: &[u8],
    ) -> Result<(), Unavailable> {
        self.records.lock().unwrap().get_mut(serial).unwrap().certificate = certificate.to_vec();
        Ok(())
    }

    async fn certificate(
        &self,
        serial: &CertificateSerial,
    ) -> Result<Option<CertificateRecord>, Unavailable> {
        Ok(self.records.lock().unwrap().get(serial).cloned())
    }

    async fn certificates(&self, limit: u32) -> Result<Vec<CertificateRecord>, Unavailable> {
        Ok(self.records.lock().unwrap().values().take(limit as usize).cloned().collect())
    }

    async fn revoke_certificate(
        &self,
        serial: &CertificateSerial,
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        let mut records = self.records.lock().unwrap();
        Ok(records.get_mut(serial).map(|record| record.revoked = Some((now, reason))).is_some())
    }

    async fn revoked_certificates(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(CertificateSerial, Timestamp, RevocationReason)>, Unavailable> {
        let records = self.records.lock().unwrap();
        let live = records.values().filter(|record| record.not_after >= now);
        Ok(live
            .filter_map(|record| record.revoked.map(|(at, why)| (record.serial.clone(), at, why)))
            .collect())
    }
}

pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) env: Env,
    pub(crate) root: CaMaterial,
    pub(crate) hierarchy: Hierarchy,
    pub(crate) authority: Authority<MemoryStore>,
}

pub(crate) fn env() -> (Arc<TestClock>, Env) {
    let clock = Arc::new(TestClock(AtomicI64::new(START * 1_000_000)));
    let shared: Arc<dyn Clock> = clock.clone();
    (clock, Env { clock: shared, rng: Arc::new(SystemRng) })
}

pub(crate) fn names() -> NamePolicy {
    NamePolicy {
        dns: vec!["localhost".into(), "*.example.com".into(), "**.svc.internal".into()],
        wildcards: false,
        addresses: AddressList::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]),
        spiffe: vec!["spiffe://example.com/service/*".into(), "spiffe://example.com/one".into()],
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        profiles: vec![Profile::server(names()), Profile::client(names()), Profile::service(names())],
        crl_lifetime: DAY,
        crl_url: Some("http://crl.example.com/countersign.crl".into()),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::named("Test")
    }

    pub(crate) fn named(name: &str) -> Self {
        let (clock, env) = env();
        let root = CaMaterial::create_root(&format!("{name} Root"), &env).unwrap();
        let intermediate =
            root.create_intermediate(&format!("{name} Intermediate"), DAY * 365, &env).unwrap();
        let hierarchy = Hierarchy { root: root.certificate.clone(), intermediate };
        let store = Arc::new(MemoryStore::default());
        let authority = Authority::open(store, env.clone(), hierarchy.clone(), settings()).unwrap();
        Self { clock, env, root, hierarchy, authority }
    }
}

pub(crate) fn request(profile: &str, names: &[&str]) -> IssueRequest {
    IssueRequest {
        profile: profile.into(),
        subject: Subject::new("svc"),
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        lifetime: None,
    }
}
