//! Certificates of the built-in authority.

use countersign_access::ports::Change;
use countersign_ca::ports::{CertificateRecord, Certificates, RevocationReason, Unavailable};
use countersign_model::{CertificateSerial, Timestamp};

use crate::sql::{Param, Row, json, params, statements, word};
use crate::tx::{Tx, Write};
use crate::{Result, Store, read_all};

macro_rules! columns {
    () => {
        "serial, profile, subject, names, certificate, not_before, not_after, revoked_at, revocation_reason"
    };
}

statements! {
    INSERT = concat!("INSERT INTO certificates (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    COMPLETE = "UPDATE certificates SET certificate = ?2 WHERE serial = ?1";
    BY_SERIAL = concat!("SELECT ", columns!(), " FROM certificates WHERE serial = ?1");
    NEWEST = concat!("SELECT ", columns!(), " FROM certificates ORDER BY not_before DESC, serial DESC LIMIT ?1");
    /// A certificate keeps the first reason and time it was revoked for.
    REVOKE = "UPDATE certificates SET revoked_at = ?2, revocation_reason = ?3 \
        WHERE serial = ?1 AND revoked_at IS NULL";
    KNOWN = "SELECT 1 FROM certificates WHERE serial = ?1";
    REVOKED = "SELECT serial, revoked_at, revocation_reason FROM certificates \
        WHERE revoked_at IS NOT NULL AND not_after > ?1 ORDER BY revoked_at, serial";
}

fn read(mut row: Row) -> Result<CertificateRecord> {
    Ok(CertificateRecord {
        serial: row.text()?.into(),
        profile: row.text()?,
        subject: row.text()?.into(),
        names: row.json()?,
        certificate: row.bytes()?,
        not_before: row.time()?,
        not_after: row.time()?,
        revoked: match row.time_or_null()? {
            Some(at) => Some((at, row.word()?)),
            None => None,
        },
    })
}

struct Record(CertificateRecord);

impl Write for Record {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self(record) = self;
        let (revoked_at, reason) = match &record.revoked {
            Some((at, reason)) => (Param::from(*at), word(reason)?),
            None => (Param::Null, Param::Null),
        };
        let values = [
            Param::from(&record.serial),
            Param::from(record.profile.as_str()),
            Param::from(&record.subject),
            json(&record.names)?,
            Param::from(record.certificate.as_slice()),
            Param::from(record.not_before),
            Param::from(record.not_after),
            revoked_at,
            reason,
        ];
        tx.execute(&INSERT, &values).await.map(drop)
    }
}

struct Complete(CertificateSerial, Vec<u8>);

impl Write for Complete {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(&COMPLETE, params![&self.0, self.1.as_slice()]).await.map(drop)
    }
}

struct Revoke(CertificateSerial, RevocationReason, Timestamp);

impl Write for Revoke {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(serial, reason, now) = self;
        if tx.execute(&REVOKE, &[serial.into(), (*now).into(), word(reason)?]).await? == 0 {
            return Ok(tx.optional(&KNOWN, params![serial]).await?.is_some());
        }
        tx.announce(Change::Certificates, *now);
        Ok(true)
    }
}

impl Certificates for Store {
    async fn record_issuance(&self, record: &CertificateRecord) -> Result<(), Unavailable> {
        Ok(self.write(Record(record.clone())).await?)
    }

    async fn complete_issuance(
        &self,
        serial: &CertificateSerial,
        certificate: &[u8],
    ) -> Result<(), Unavailable> {
        Ok(self.write(Complete(serial.clone(), certificate.to_owned())).await?)
    }

    async fn certificate(
        &self,
        serial: &CertificateSerial,
    ) -> Result<Option<CertificateRecord>, Unavailable> {
        Ok(self.one(&BY_SERIAL, params![serial]).await?.map(read).transpose()?)
    }

    async fn certificates(&self, limit: u32) -> Result<Vec<CertificateRecord>, Unavailable> {
        Ok(read_all(self.many(&NEWEST, params![limit]).await?, read)?)
    }

    async fn revoke_certificate(
        &self,
        serial: &CertificateSerial,
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.write(Revoke(serial.clone(), reason, now)).await?)
    }

    async fn revoked_certificates(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(CertificateSerial, Timestamp, RevocationReason)>, Unavailable> {
        let rows = self.many(&REVOKED, params![now]).await?;
        Ok(read_all(rows, |mut row| Ok((row.text()?.into(), row.time()?, row.word()?)))?)
    }
}
